"""Share of the target's variance that the answers explain; 0 is what the mean reaches, negative is worse than that.

Constant gold values give 1 for perfect answers and 0 otherwise (as scikit-learn).

A missing or NaN answer makes the score NaN; fewer than two rows give NaN.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from autogpt.metrics._numbers import NumberMetric, moments

if TYPE_CHECKING:
    from autogpt.core import Array


class R2(NumberMetric):
    name = "r2"
    higher_is_better = True
    least_rows = 2

    def of(self, pairs: Array) -> float:
        from sklearn.metrics import r2_score

        return float(r2_score(pairs[:, 0], pairs[:, 1]))

    def score(self, rows: Array, weights: Array) -> Array:
        error = weights @ (rows[:, 0] - rows[:, 1]) ** 2
        n, variance, _, _ = moments(rows, weights)
        total = variance * n
        constant = np.where(error > 0, 0.0, 1.0)
        return np.asarray(1 - np.divide(error, total, out=1 - constant, where=total > 1e-12 * np.abs(total).max()))


plugin = R2()
