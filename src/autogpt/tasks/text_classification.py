"""One label for a text or a pair of texts: topics, intents, sentiment, entailment."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from autogpt import cells
from autogpt.core import Inputs, Row, Schema


class TextClassification:
    """See `core.Task`."""

    name = "text-classification"
    output = "classes"
    metrics = ("accuracy", "macro-f1", "micro-f1", "mcc", "log-loss", "ece")
    summary = "one label per text or pair of texts"

    def inputs(self, row: Row, schema: Schema) -> Inputs:
        return cells.texts(row, schema)

    def target(self, row: Row, schema: Schema) -> Any:
        return cells.text(row, schema.target[0])

    def samples(self, text: str, schema: Schema) -> Sequence[Inputs]:
        return cells.sample_texts(text, schema)


plugin = TextClassification()
