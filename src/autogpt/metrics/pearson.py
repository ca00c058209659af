"""Pearson's correlation between gold and predicted values, -1 to 1.

Constant answers (or constant gold) give 0: they order nothing (scipy says NaN).

A missing or NaN answer makes the score NaN; no rows give NaN.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from autogpt.metrics._numbers import NumberMetric, correlation, is_constant

if TYPE_CHECKING:
    from autogpt.core import Array


class Pearson(NumberMetric):
    name = "pearson"
    higher_is_better = True

    def of(self, pairs: Array) -> float:
        from scipy.stats import pearsonr

        return 0.0 if is_constant(pairs) else float(pearsonr(pairs[:, 0], pairs[:, 1]).statistic)

    def score(self, rows: Array, weights: Array) -> Array:
        return correlation(rows, weights)


plugin = Pearson()
