"""A score that is a mean over rows."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from autogpt.core import LabelSpace

if TYPE_CHECKING:
    from autogpt.core import Array, Scores


class MeanOfRows(ABC):
    """See `core.Metric`. NaN without rows."""

    name: str
    higher_is_better = True
    decimals = 3

    def __call__(
        self, gold: Sequence[Any], predicted: Sequence[Any], probabilities: Scores | None, space: LabelSpace
    ) -> float:
        found = self.rows(gold, predicted, probabilities, space)
        return float(found.mean()) if len(found) else float("nan")

    @abstractmethod
    def rows(
        self, gold: Sequence[Any], predicted: Sequence[Any], probabilities: Scores | None, space: LabelSpace
    ) -> Array:
        """The score of each row [N]."""

    def score(self, rows: Array, weights: Array) -> Array:
        """The mean under each resample [R]."""
        return np.asarray(weights @ rows / weights.sum(axis=1))
