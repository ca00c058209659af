"""Share of the target's variance that the answers explain; 0 is what the mean reaches, negative is worse than that.

Constant gold values give 1 for perfect answers and 0 otherwise (as scikit-learn).

A missing or NaN answer makes the score NaN; fewer than two rows give NaN.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from autogpt.core import LabelSpace
from autogpt.metrics._numbers import moments, pairs

if TYPE_CHECKING:
    from autogpt.core import Array, Scores


class R2:
    name = "r2"
    higher_is_better = True
    decimals = 3

    def __call__(
        self, gold: Sequence[Any], predicted: Sequence[Any], probabilities: Scores | None, space: LabelSpace
    ) -> float:
        from sklearn.metrics import r2_score

        rows = pairs(gold, predicted)
        if len(rows) < 2 or np.isnan(rows).any():
            return float("nan")
        return float(r2_score(rows[:, 0], rows[:, 1]))

    def rows(
        self, gold: Sequence[Any], predicted: Sequence[Any], probabilities: Scores | None, space: LabelSpace
    ) -> Array:
        return pairs(gold, predicted)

    def score(self, rows: Array, weights: Array) -> Array:
        error = weights @ (rows[:, 0] - rows[:, 1]) ** 2
        n, variance, _, _ = moments(rows, weights)
        total = variance * n
        constant = np.where(error > 0, 0.0, 1.0)
        return np.asarray(1 - np.divide(error, total, out=1 - constant, where=total > 1e-12 * np.abs(total).max()))


plugin = R2()
