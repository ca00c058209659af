"""Share of rows whose answer is in the right branch: the first step of its path is right. No rows give NaN."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from autogpt.core import LabelSpace
from autogpt.metrics._paths import stepped

if TYPE_CHECKING:
    from autogpt.core import Array, Scores


class TopAccuracy:
    name = "top-accuracy"
    higher_is_better = True
    decimals = 3

    def __call__(
        self, gold: Sequence[Any], predicted: Sequence[Any], probabilities: Scores | None, space: LabelSpace
    ) -> float:
        rows = self.rows(gold, predicted, probabilities, space)
        return float(rows.mean()) if len(rows) else float("nan")

    def rows(
        self, gold: Sequence[Any], predicted: Sequence[Any], probabilities: Scores | None, space: LabelSpace
    ) -> Array:
        """1 where the first steps are the same, [N, 1]."""
        same = [g[0] == p[0] for g, p in stepped(gold, predicted, self.name)]
        return np.array(same, dtype=float).reshape(-1, 1)

    def score(self, rows: Array, weights: Array) -> Array:
        return np.asarray((weights @ rows)[:, 0] / weights.sum(axis=1))


plugin = TopAccuracy()
