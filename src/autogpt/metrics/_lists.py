"""What metrics of ordered candidates share: gold are relevances per candidate, probabilities [K_i, 1] the order.

Candidates with equal scores have no order: a metric is then what it would be on average over all their orders
("Computing Information Retrieval Performance Measures Efficiently in the Presence of Tied Scores", McSherry & Najork
2008), so that a constant answer gains nothing from the order in which a file happens to list its rows. A row in which
nothing is relevant says nothing and is left out; without any other row a score is NaN.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from autogpt.core import LabelSpace
from autogpt.errors import ConfigError
from autogpt.metrics._labels import whole

if TYPE_CHECKING:
    from autogpt.core import Array, Scores


def tied(relevance: Array, scores: Array) -> Iterator[Array]:
    """Relevances of candidates with equal scores, best group first."""
    order = np.argsort(-scores, kind="stable")
    cuts = np.flatnonzero(np.diff(scores[order])) + 1
    yield from np.split(relevance[order], cuts)


class ListMetric(ABC):
    """A mean over rows; NaN rows are left out."""

    name: str
    higher_is_better = True
    decimals = 3

    def __call__(
        self, gold: Sequence[Any], predicted: Sequence[Any], probabilities: Scores | None, space: LabelSpace
    ) -> float:
        return whole(self, gold, predicted, probabilities, space)

    @abstractmethod
    def of(self, relevance: Array, scores: Array) -> float:
        """The score of one row, of which some candidate is relevant; NaN where it has no meaning."""

    def rows(
        self, gold: Sequence[Any], predicted: Sequence[Any], probabilities: Scores | None, space: LabelSpace
    ) -> Array:
        """The score of each row [N, 1]."""
        if not isinstance(probabilities, list):
            raise ConfigError(f"metric {self.name} needs a score per candidate; choose another metric for this task")
        found = np.full((len(gold), 1), np.nan)
        for place, (target, table) in enumerate(zip(gold, probabilities, strict=True)):
            relevance, scores = np.asarray(target, dtype=float), np.asarray(table, dtype=float)
            if scores.shape != (len(relevance), 1):
                raise ConfigError(f"metric {self.name} got scores {scores.shape} for {len(relevance)} candidates")
            if np.isnan(scores).any():
                found[place, 0] = 0.0  # a missing answer never makes a score better
            elif relevance.max(initial=0.0) > 0:
                found[place, 0] = self.of(relevance, scores[:, 0])
        return found

    def score(self, rows: Array, weights: Array) -> Array:
        known = ~np.isnan(rows[:, 0])
        total = weights[:, known].sum(axis=1)
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.asarray(weights[:, known] @ rows[known, 0] / total)
