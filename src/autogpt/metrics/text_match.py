"""Share of the answers that are the target letter by letter, but for white space."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from autogpt.core import LabelSpace
from autogpt.metrics._written import texts

if TYPE_CHECKING:
    from autogpt.core import Array, Scores


class TextMatch:
    """See `core.Metric`."""

    name = "text-match"
    higher_is_better = True
    decimals = 3

    def __call__(
        self, gold: Sequence[Any], predicted: Sequence[Any], probabilities: Scores | None, space: LabelSpace
    ) -> float:
        found = self.rows(gold, predicted, probabilities, space)
        return float(found.mean()) if len(found) else float("nan")

    def rows(
        self, gold: Sequence[Any], predicted: Sequence[Any], probabilities: Scores | None, space: LabelSpace
    ) -> Array:
        """1 or 0 for each row [N]."""
        pairs = zip(*texts(self.name, gold, predicted), strict=True)
        return np.array([right.split() == answer.split() for right, answer in pairs], dtype=float)

    def score(self, rows: Array, weights: Array) -> Array:
        """The mean under each resample [R]."""
        return np.asarray(weights @ rows / weights.sum(axis=1))


plugin = TextMatch()
