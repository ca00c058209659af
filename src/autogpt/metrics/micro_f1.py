"""F1 over all (row, label) decisions pooled; with one label per row it equals the accuracy.

Labels are those in gold or in the predictions. No label in gold and none predicted gives 0, never undefined; no rows
give NaN. Rows have one label or a set of labels.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from autogpt.metrics._labels import F1Metric, Rows, blocks, f1

if TYPE_CHECKING:
    from autogpt.core import Array


class MicroF1(F1Metric):
    def score(self, rows: Rows, weights: Array) -> Array:
        right, predicted, gold = (block.sum(axis=1) for block in blocks(rows, weights))
        return f1(right, predicted, gold)


plugin = MicroF1("micro")
