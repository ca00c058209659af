"""Spearman's rank correlation between gold and predicted values, -1 to 1: is the order right?

Constant answers (or constant gold) give 0: they order nothing (scipy says NaN).

A missing or NaN answer makes the score NaN; no rows give NaN.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from autogpt.metrics._numbers import NumberMetric, correlation, is_constant

if TYPE_CHECKING:
    from autogpt.core import Array


class Spearman(NumberMetric):
    name = "spearman"
    higher_is_better = True

    def of(self, pairs: Array) -> float:
        from scipy.stats import spearmanr

        return 0.0 if is_constant(pairs) else float(spearmanr(pairs[:, 0], pairs[:, 1]).statistic)

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
