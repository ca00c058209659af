"""Brier score (1950): mean squared distance between probabilities and the truth, 0 (best) to 2.

The distance is summed over labels; for multi-label rows it is averaged over labels (0 to 1). A gold label outside
the space adds 1. NaN probabilities give NaN.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from autogpt.core import LabelSpace
from autogpt.metrics._labels import is_multilabel
from autogpt.metrics._probability import table, truth

if TYPE_CHECKING:
    from autogpt.core import Array, Scores


class Brier:
    name = "brier"
    higher_is_better = False
    decimals = 3

    def __call__(
        self, gold: Sequence[Any], predicted: Sequence[Any], probabilities: Scores | None, space: LabelSpace
    ) -> float:
        return float(self.rows(gold, predicted, probabilities, space).mean()) if len(gold) else float("nan")

    def rows(
        self, gold: Sequence[Any], predicted: Sequence[Any], probabilities: Scores | None, space: LabelSpace
    ) -> Array:
        right = truth(gold, space)
        squares = (table(self.name, probabilities, space) - right) ** 2
        if is_multilabel(gold):
            return np.asarray(squares.mean(axis=1, keepdims=True))
        unseen = 1 - right.sum(axis=1, keepdims=True)
        return np.asarray(squares.sum(axis=1, keepdims=True) + unseen)

    def score(self, rows: Array, weights: Array) -> Array:
        return np.asarray((weights @ rows)[:, 0] / weights.sum(axis=1))


plugin = Brier()
