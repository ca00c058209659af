"""Pearson's correlation between gold and predicted values, -1 to 1.

Constant answers (or constant gold) give 0: they order nothing (scipy says NaN).

A missing or NaN answer makes the score NaN; no rows give NaN.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from autogpt.core import LabelSpace
from autogpt.metrics._numbers import correlation, is_constant, pairs

if TYPE_CHECKING:
    from autogpt.core import Array, Scores


class Pearson:
    name = "pearson"
    higher_is_better = True
    decimals = 3

    def __call__(
        self, gold: Sequence[Any], predicted: Sequence[Any], probabilities: Scores | None, space: LabelSpace
    ) -> float:
        from scipy.stats import pearsonr

        rows = pairs(gold, predicted)
        if not len(rows) or np.isnan(rows).any():
            return float("nan")
        return 0.0 if is_constant(rows) else float(pearsonr(rows[:, 0], rows[:, 1]).statistic)

    def rows(
        self, gold: Sequence[Any], predicted: Sequence[Any], probabilities: Scores | None, space: LabelSpace
    ) -> Array:
        return pairs(gold, predicted)

    def score(self, rows: Array, weights: Array) -> Array:
        return correlation(rows, weights)


plugin = Pearson()
