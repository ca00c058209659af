"""Expected calibration error: how far stated confidence is from the share that was right (Naeini et al. 2015).

15 bins of *equal mass* (each holds the same number of answers, Nixon et al. 2019), because with bins of equal width
nearly all answers of a good model fall into the last one. Equal confidences are never told apart: a bin's edge that
falls among them divides them in proportion, so the order of rows plays no role. Confidence is that of the top label;
for multi-label rows every (row, label) probability is an answer. A gold label outside the space is wrong. NaN
probabilities give NaN.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from autogpt.core import LabelSpace
from autogpt.metrics._probability import confidence_pairs, table

if TYPE_CHECKING:
    from autogpt.core import Array, Scores

BINS = 15


class ECE:
    name = "ece"
    higher_is_better = False
    decimals = 3

    def __call__(
        self, gold: Sequence[Any], predicted: Sequence[Any], probabilities: Scores | None, space: LabelSpace
    ) -> float:
        if not len(gold):
            return float("nan")
        rows = self.rows(gold, predicted, probabilities, space)
        return float(self.score(rows, np.ones((1, len(rows))))[0])

    def rows(
        self, gold: Sequence[Any], predicted: Sequence[Any], probabilities: Scores | None, space: LabelSpace
    ) -> Array:
        confidence, right = confidence_pairs(gold, table(self.name, probabilities, space), space)
        return np.hstack([confidence, right])

    def score(self, rows: Array, weights: Array) -> Array:
        confidence, right = (half.ravel() for half in np.hsplit(rows, 2))
        if np.isnan(confidence).any():
            return np.full(len(weights), np.nan)
        order = np.argsort(confidence, kind="stable")
        confidence, gap = confidence[order], (confidence - right)[order]
        ends = np.flatnonzero(np.append(np.diff(confidence) > 0, True))  # last place of each distinct confidence
        answers_of = order // (rows.shape[1] // 2)  # the row that an answer belongs to
        return np.array([_error(row[answers_of], gap, ends) for row in weights])


def _error(weight: Array, gap: Array, ends: Array) -> float:
    """ECE of answers in order of confidence: running sums, read at the edges of the bins."""
    mass = np.append(0.0, np.cumsum(weight)[ends])
    total = np.append(0.0, np.cumsum(weight * gap)[ends])
    at_edges = np.interp(np.linspace(0, mass[-1], BINS + 1), mass, total)
    return float(np.abs(np.diff(at_edges)).sum() / mass[-1])


plugin = ECE()
