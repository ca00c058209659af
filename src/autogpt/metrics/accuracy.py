"""Share of rows whose answer is exactly right (for multi-label rows: the whole set of labels).

No rows give NaN. A gold label that training never saw counts as wrong.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from autogpt.core import LabelSpace
from autogpt.metrics._labels import encoded, members

if TYPE_CHECKING:
    from autogpt.core import Array, Scores


class Accuracy:
    name = "accuracy"
    higher_is_better = True
    decimals = 3

    def __call__(
        self, gold: Sequence[Any], predicted: Sequence[Any], probabilities: Scores | None, space: LabelSpace
    ) -> float:
        from sklearn.metrics import accuracy_score

        return float(accuracy_score(*encoded(gold, predicted)[:2])) if len(gold) else float("nan")

    def rows(
        self, gold: Sequence[Any], predicted: Sequence[Any], probabilities: Scores | None, space: LabelSpace
    ) -> Array:
        right = [set(members(g)) == set(members(p)) for g, p in zip(gold, predicted, strict=True)]
        return np.array(right, dtype=float)[:, None]

    def score(self, rows: Array, weights: Array) -> Array:
        return np.asarray((weights @ rows)[:, 0] / weights.sum(axis=1))


plugin = Accuracy()
