"""F1 over all (row, label) decisions pooled; with one label per row it equals the accuracy.

Labels are those in gold or in the predictions. No label in gold and none predicted gives 0, never undefined; no rows
give NaN. Rows have one label or a set of labels.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from autogpt.core import LabelSpace
from autogpt.metrics._labels import Rows, blocks, count_rows, f1, f1_score

if TYPE_CHECKING:
    from autogpt.core import Array, Scores


class MicroF1:
    name = "micro-f1"
    higher_is_better = True
    decimals = 3

    def __call__(
        self, gold: Sequence[Any], predicted: Sequence[Any], probabilities: Scores | None, space: LabelSpace
    ) -> float:
        return f1_score(gold, predicted, "micro")

    def rows(
        self, gold: Sequence[Any], predicted: Sequence[Any], probabilities: Scores | None, space: LabelSpace
    ) -> Rows:
        return count_rows(gold, predicted)

    def score(self, rows: Rows, weights: Array) -> Array:
        right, predicted, gold = (block.sum(axis=1) for block in blocks(rows, weights))
        return f1(right, predicted, gold)


plugin = MicroF1()
