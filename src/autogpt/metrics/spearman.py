"""Spearman's rank correlation between gold and predicted values, -1 to 1: is the order right?

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


class Spearman:
    name = "spearman"
    higher_is_better = True
    decimals = 3

    def __call__(
        self, gold: Sequence[Any], predicted: Sequence[Any], probabilities: Scores | None, space: LabelSpace
    ) -> float:
        from scipy.stats import spearmanr

        rows = pairs(gold, predicted)
        if not len(rows) or np.isnan(rows).any():
            return float("nan")
        return 0.0 if is_constant(rows) else float(spearmanr(rows[:, 0], rows[:, 1]).statistic)

    def rows(
        self, gold: Sequence[Any], predicted: Sequence[Any], probabilities: Scores | None, space: LabelSpace
    ) -> Array:
        return pairs(gold, predicted)

    def score(self, rows: Array, weights: Array) -> Array:
        from scipy.stats import rankdata

        if np.isnan(rows).any():
            return np.full(len(weights), np.nan)
        scores = []
        for row in weights.astype(np.int64):
            ranks = rankdata(np.repeat(rows, row, axis=0), axis=0)
            scores.append(correlation(ranks, np.ones((1, len(ranks))))[0])
        return np.array(scores)


plugin = Spearman()
