"""Any number of labels for a text: tags, topics, intents that come together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from autogpt import cells
from autogpt.core import Inputs, Row, Schema


class MultiLabelClassification:
    """See `core.Task`. The target is a list cell, a cell with separators, or a 0/1 column per label."""

    name = "multi-label-classification"
    output = "labels"
    metrics = ("micro-f1", "macro-f1", "subset-accuracy")
    summary = "any number of labels per text"

    def inputs(self, row: Row, schema: Schema) -> Inputs:
        return cells.texts(row, schema)

    def target(self, row: Row, schema: Schema) -> Any:
        if len(schema.target) > 1:
            return tuple(column for column in schema.target if cells.flag(row, column))
        return cells.labels(row, schema.target[0], schema.separator)

    def samples(self, text: str, schema: Schema) -> Sequence[Inputs]:
        return cells.sample_texts(text, schema)


plugin = MultiLabelClassification()
