"""One label for a text out of a hierarchy: a category, its subcategory, and what lies below."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from autogpt import cells
from autogpt.core import Inputs, Row, Schema


class HierarchicalClassification:
    """See `core.Task`. The target is a path in one cell (`Schema.separator` divides it), or a column per level.

    A target is the path as one label, its steps joined by `cells.STEP`; it may end above the deepest level.
    """

    name = "hierarchical-classification"
    output = "path"
    metrics = ("hierarchical-f1", "accuracy", "top-accuracy", "macro-f1", "log-loss", "ece")
    summary = "one label per text out of a hierarchy, such as billing > refund"

    def inputs(self, row: Row, schema: Schema) -> Inputs:
        return cells.texts(row, schema)

    def target(self, row: Row, schema: Schema) -> Any:
        return cells.path(row, schema.target, schema.separator)

    def samples(self, text: str, schema: Schema) -> Sequence[Inputs]:
        return cells.sample_texts(text, schema)


plugin = HierarchicalClassification()
