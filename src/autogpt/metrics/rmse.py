"""Root of the mean squared error, in the unit of the target; large errors weigh more than in the MAE.

A missing or NaN answer makes the score NaN; no rows give NaN.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from autogpt.metrics._numbers import NumberMetric

if TYPE_CHECKING:
    from autogpt.core import Array


class RMSE(NumberMetric):
    name = "rmse"
    higher_is_better = False

    def of(self, pairs: Array) -> float:
        from sklearn.metrics import root_mean_squared_error

        return float(root_mean_squared_error(pairs[:, 0], pairs[:, 1]))

    def score(self, rows: Array, weights: Array) -> Array:
        return np.asarray(np.sqrt(weights @ (rows[:, 0] - rows[:, 1]) ** 2 / weights.sum(axis=1)))


plugin = RMSE()
