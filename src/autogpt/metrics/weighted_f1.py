"""F1 of each label, averaged by how many gold rows have it.

Labels are those in gold or in the predictions. A label that is never right counts as 0, never as undefined; no rows
give NaN. Rows have one label or a set of labels.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from autogpt.core import LabelSpace
from autogpt.metrics._labels import Rows, blocks, count_rows, f1, f1_score, ratio

if TYPE_CHECKING:
    from autogpt.core import Array, Scores


class WeightedF1:
    name = "weighted-f1"
    higher_is_better = True
    decimals = 3

    def __call__(
        self, gold: Sequence[Any], predicted: Sequence[Any], probabilities: Scores | None, space: LabelSpace
    ) -> float:
        return f1_score(gold, predicted, "weighted")

    def rows(
        self, gold: Sequence[Any], predicted: Sequence[Any], probabilities: Scores | None, space: LabelSpace
    ) -> Rows:
        return count_rows(gold, predicted)

    def score(self, rows: Rows, weights: Array) -> Array:
        right, predicted, gold = blocks(rows, weights)
        return ratio((f1(right, predicted, gold) * gold).sum(axis=1), gold.sum(axis=1))


plugin = WeightedF1()
