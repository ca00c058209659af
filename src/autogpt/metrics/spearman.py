"""Spearman's rank correlation between gold and predicted values, -1 to 1: is the order right?

Constant answers (or constant gold) give 0: they order nothing (scipy says NaN).

A missing or NaN answer makes the score NaN; no rows give NaN.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from autogpt.metrics._numbers import NumberMetric, is_constant

if TYPE_CHECKING:
    from autogpt.core import Array


_CELLS = 500_000
"""Numbers of a table [R, N] that are worked on at once."""


class Spearman(NumberMetric):
    name = "spearman"
    higher_is_better = True

    def of(self, pairs: Array) -> float:
        from scipy.stats import spearmanr

        return 0.0 if is_constant(pairs) else float(spearmanr(pairs[:, 0], pairs[:, 1]).statistic)

    def score(self, rows: Array, weights: Array) -> Array:
        if np.isnan(rows).any():
            return np.full(len(weights), np.nan)
        parts = np.array_split(weights, max(1, weights.size // _CELLS))
        return np.concatenate([_resampled(rows, part) for part in parts])


def _resampled(rows: Array, weights: Array) -> Array:
    """Pearson's r of mid-ranks under each resample [R]; 0 where one side is constant."""
    n = weights.sum(axis=1, keepdims=True)
    x, y = (_mid_ranks(column, weights) - (n + 1) / 2 for column in rows.T)  # mid-ranks have the mean (n + 1) / 2
    covariance, vx, vy = ((weights * a * b).sum(axis=1) for a, b in ((x, y), (x, x), (y, y)))
    root = np.sqrt(vx * vy)
    return np.asarray(np.divide(covariance, root, out=np.zeros_like(root), where=root > 1e-9))


def _mid_ranks(values: Array, weights: Array) -> Array:
    """Average ranks [R, N] of values [N] of which each resample holds `weights` [R, N] copies."""
    order = np.argsort(values, kind="stable")
    begins = np.flatnonzero(np.diff(values[order], prepend=np.nan))  # NaN differs from everything: the first begins
    copies = np.add.reduceat(weights[:, order], begins, axis=1)
    middle = np.cumsum(copies, axis=1) - copies + (copies + 1) / 2
    ranks = np.empty(weights.shape)
    ranks[:, order] = np.repeat(middle, np.diff(begins, append=len(values)), axis=1)
    return ranks


plugin = Spearman()
