"""What metrics of numbers share: pairs of gold and predicted, and what is said where a score has no meaning."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from autogpt.core import LabelSpace

if TYPE_CHECKING:
    from autogpt.core import Array, Scores


def pairs(gold: Sequence[Any], predicted: Sequence[Any]) -> Array:
    """[N, 2]: gold, predicted. A missing answer (None) is NaN, and NaN makes the score NaN: never a better one."""
    as_number = [[np.nan if v is None else float(v) for v in column] for column in (gold, predicted)]
    return np.array(as_number, dtype=float).T.reshape(-1, 2)


def moments(rows: Array, weights: Array) -> tuple[Array, Array, Array, Array]:
    """(n, variance of gold, variance of predicted, covariance) under each resample, each [R]; stable by centring."""
    centred = rows - rows.mean(axis=0)
    x, y = centred.T
    n = weights.sum(axis=1)
    sx, sy, sxx, syy, sxy = (weights @ np.stack([x, y, x * x, y * y, x * y], axis=1)).T
    return n, sxx / n - (sx / n) ** 2, syy / n - (sy / n) ** 2, sxy / n - sx * sy / n**2


def correlation(rows: Array, weights: Array) -> Array:
    """Pearson's r under each resample; 0 where one side is constant."""
    if np.isnan(rows).any():
        return np.full(len(weights), np.nan)
    _, vx, vy, covariance = moments(rows, weights)
    scale = rows.var(axis=0).max() + np.finfo(float).tiny
    varies = (vx > 1e-12 * scale) & (vy > 1e-12 * scale)
    root = np.sqrt(np.abs(vx * vy))
    return np.asarray(np.divide(covariance, root, out=np.zeros_like(covariance), where=varies))


def is_constant(rows: Array) -> bool:
    """Whether gold or predicted has a single value."""
    return bool((rows.max(axis=0) == rows.min(axis=0)).any())


class NumberMetric(ABC):
    """A metric of pairs of numbers. A missing or NaN answer makes the score NaN, and so do too few rows."""

    decimals = 3
    least_rows = 1

    def __call__(
        self, gold: Sequence[Any], predicted: Sequence[Any], probabilities: Scores | None, space: LabelSpace
    ) -> float:
        found = pairs(gold, predicted)
        if len(found) < self.least_rows or np.isnan(found).any():
            return float("nan")
        return float(self.of(found))

    @abstractmethod
    def of(self, pairs: Array) -> float:
        """The score of pairs [N, 2] of gold and predicted."""

    def rows(
        self, gold: Sequence[Any], predicted: Sequence[Any], probabilities: Scores | None, space: LabelSpace
    ) -> Array:
        return pairs(gold, predicted)
