"""Mean absolute error, in the unit of the target.

A missing or NaN answer makes the score NaN; no rows give NaN.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from autogpt.metrics._numbers import NumberMetric

if TYPE_CHECKING:
    from autogpt.core import Array


class MAE(NumberMetric):
    name = "mae"
    higher_is_better = False

    def of(self, pairs: Array) -> float:
        from sklearn.metrics import mean_absolute_error

        return float(mean_absolute_error(pairs[:, 0], pairs[:, 1]))

    def score(self, rows: Array, weights: Array) -> Array:
        return np.asarray(weights @ np.abs(rows[:, 0] - rows[:, 1]) / weights.sum(axis=1))


plugin = MAE()
