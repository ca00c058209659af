"""Mean negative log-probability of the truth (natural logarithm): it punishes being sure and wrong.

Multi-label: binary cross-entropy, averaged over labels. A gold label outside the space has probability 0, and 0
counts as the smallest step of float64 (2.2e-16, as scikit-learn), i.e. a loss of 36. NaN probabilities give NaN.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from autogpt.core import LabelSpace
from autogpt.metrics._labels import is_multilabel
from autogpt.metrics._probability import table, truth

if TYPE_CHECKING:
    from autogpt.core import Array, Scores

_SMALLEST = float(np.finfo(np.float64).eps)


class LogLoss:
    name = "log-loss"
    higher_is_better = False
    decimals = 3

    def __call__(
        self, gold: Sequence[Any], predicted: Sequence[Any], probabilities: Scores | None, space: LabelSpace
    ) -> float:
        return float(self.rows(gold, predicted, probabilities, space).mean()) if len(gold) else float("nan")

    def rows(
        self, gold: Sequence[Any], predicted: Sequence[Any], probabilities: Scores | None, space: LabelSpace
    ) -> Array:
        p = table(self.name, probabilities, space)
        right = truth(gold, space)
        if is_multilabel(gold):
            of_truth = np.where(right > 0, p, 1 - p)
            return np.asarray(-np.log(np.clip(of_truth, _SMALLEST, 1)).mean(axis=1, keepdims=True))
        of_truth = (p * right).sum(axis=1, keepdims=True)
        return np.asarray(-np.log(np.clip(of_truth, _SMALLEST, 1)))

    def score(self, rows: Array, weights: Array) -> Array:
        return np.asarray((weights @ rows)[:, 0] / weights.sum(axis=1))


plugin = LogLoss()
