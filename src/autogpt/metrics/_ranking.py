"""Where the right labels stand in a ranking: what the ranking metrics share. Not a metric itself.

Labels with equal scores have no order of their own, so a metric is its mean over all orders of them ("Computing
Information Retrieval Performance Measures Efficiently in the Presence of Tied Scores", McSherry & Najork 2008): a
system that scores everything alike gets what chance gets, whatever order its columns have. Right labels that are not in
the space count as never found. NaN scores give NaN, and so do rows without a right label.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from autogpt.core import LabelSpace
from autogpt.errors import ConfigError
from autogpt.metrics._labels import members

if TYPE_CHECKING:
    from autogpt.core import Array, Scores


@dataclass(frozen=True, slots=True)
class Found:
    """One row: for every right label in the space, how many labels stand above it, and how many beside it.

    `above` and `tied` are int64 [R]; `tied` counts the label itself. `right`: those outside too.
    """

    above: Array
    tied: Array
    right: int


class RankMetric(ABC):
    """The mean over rows of a number that `of` gives for a row."""

    name: str
    higher_is_better = True
    decimals = 3

    @abstractmethod
    def of(self, row: Found) -> float:
        """The row's score, from 0 to 1."""

    def __call__(
        self, gold: Sequence[Any], predicted: Sequence[Any], probabilities: Scores | None, space: LabelSpace
    ) -> float:
        return float(self.rows(gold, predicted, probabilities, space).mean()) if len(gold) else float("nan")

    def rows(
        self, gold: Sequence[Any], predicted: Sequence[Any], probabilities: Scores | None, space: LabelSpace
    ) -> Array:
        """The score of every row, [N, 1]."""
        if probabilities is None or isinstance(probabilities, list) or np.ndim(probabilities) != 2:
            raise ConfigError(f"metric {self.name} needs a score per row and label; choose another metric")
        table, place = np.asarray(probabilities), {label: i for i, label in enumerate(space.labels)}
        scored = [self._row(target, row, place) for target, row in zip(gold, table, strict=True)]
        return np.array(scored, dtype=float).reshape(len(scored), 1)

    def score(self, rows: Array, weights: Array) -> Array:
        return np.asarray((weights @ rows)[:, 0] / weights.sum(axis=1))

    def _row(self, target: Any, scores: Array, place: dict[str, int]) -> float:
        right = members(target)
        if not right or np.isnan(scores).any():
            return float("nan")
        own = np.array([scores[place[label]] for label in right if label in place])
        above = np.array([(scores > score).sum() for score in own], dtype=np.int64)
        tied = np.array([(scores == score).sum() for score in own], dtype=np.int64)
        return self.of(Found(above, tied, len(right)))


class Recall(RankMetric):
    """The share of the right labels among the first `cut`."""

    def __init__(self, cut: int) -> None:
        self.name, self.cut = f"recall-at-{cut}", cut

    def of(self, row: Found) -> float:
        inside = np.clip(self.cut - row.above, 0, row.tied) / np.maximum(row.tied, 1)
        return float(inside.sum() / row.right)
