"""F1 of each label, averaged with equal weight: rare labels count as much as common ones.

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


class MacroF1:
    name = "macro-f1"
    higher_is_better = True
    decimals = 3

    def __call__(
        self, gold: Sequence[Any], predicted: Sequence[Any], probabilities: Scores | None, space: LabelSpace
    ) -> float:
        return f1_score(gold, predicted, "macro")

    def rows(
        self, gold: Sequence[Any], predicted: Sequence[Any], probabilities: Scores | None, space: LabelSpace
    ) -> Rows:
        return count_rows(gold, predicted)

    def score(self, rows: Rows, weights: Array) -> Array:
        right, predicted, gold = blocks(rows, weights)
        present = predicted + gold > 0
        return ratio(f1(right, predicted, gold).sum(axis=1), present.sum(axis=1))


plugin = MacroF1()
