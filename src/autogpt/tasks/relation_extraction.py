"""The relation between two marked spans of a text: cause and effect, part and whole, founder and company.

The label may name a direction, as in `Cause-Effect(e2,e1)`; the first mark is the first argument.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from autogpt import cells
from autogpt.core import Inputs, Row, Schema
from autogpt.tasks import _marks


class RelationExtraction:
    """See `core.Task`. Spans are tagged in the text, or given beside it in `schema.spans` (see `_marks.beside`)."""

    name = "relation-extraction"
    output = "classes"
    metrics = ("relation-f1", "accuracy", "macro-f1", "micro-f1", "mcc", "log-loss", "ece")
    summary = "the relation between two marked spans of a text"

    def inputs(self, row: Row, schema: Schema) -> Inputs:
        column = schema.text[0]
        if any(name in row for name in schema.spans):
            text, marks = _marks.beside(row, column, schema.spans)
        else:
            text, marks = _marks.untagged(cells.text(row, column), column)
        return {"text": text, "marks": marks}

    def target(self, row: Row, schema: Schema) -> Any:
        return cells.text(row, schema.target[0])

    def samples(self, text: str, schema: Schema) -> Sequence[Inputs]:
        places = cells.words(text)[1] or ((0, len(text)),)
        return [{"text": text, "marks": (places[0], places[-1])}]


plugin = RelationExtraction()
