"""A number for a text or a pair of texts: ratings, prices, similarity."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from autogpt import cells
from autogpt.core import Inputs, Row, Schema


class TextRegression:
    """See `core.Task`."""

    name = "text-regression"
    output = "value"
    metrics = ("spearman", "pearson", "mae", "rmse", "r2")
    summary = "a number per text or pair of texts"

    def inputs(self, row: Row, schema: Schema) -> Inputs:
        return cells.texts(row, schema)

    def target(self, row: Row, schema: Schema) -> Any:
        return cells.number(row, schema.target[0])

    def samples(self, text: str, schema: Schema) -> Sequence[Inputs]:
        return cells.sample_texts(text, schema)


plugin = TextRegression()
