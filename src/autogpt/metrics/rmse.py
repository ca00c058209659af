"""Root of the mean squared error, in the unit of the target; large errors weigh more than in the MAE.

A missing or NaN answer makes the score NaN; no rows give NaN.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from autogpt.core import LabelSpace
from autogpt.metrics._numbers import pairs

if TYPE_CHECKING:
    from autogpt.core import Array, Scores


class RMSE:
    name = "rmse"
    higher_is_better = False
    decimals = 3

    def __call__(
        self, gold: Sequence[Any], predicted: Sequence[Any], probabilities: Scores | None, space: LabelSpace
    ) -> float:
        from sklearn.metrics import root_mean_squared_error

        rows = pairs(gold, predicted)
        if not len(rows) or np.isnan(rows).any():
            return float("nan")
        return float(root_mean_squared_error(rows[:, 0], rows[:, 1]))

    def rows(
        self, gold: Sequence[Any], predicted: Sequence[Any], probabilities: Scores | None, space: LabelSpace
    ) -> Array:
        return pairs(gold, predicted)

    def score(self, rows: Array, weights: Array) -> Array:
        return np.asarray(np.sqrt(weights @ (rows[:, 0] - rows[:, 1]) ** 2 / weights.sum(axis=1)))


plugin = RMSE()
