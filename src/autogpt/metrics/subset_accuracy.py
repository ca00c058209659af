"""Share of rows whose whole set of labels is right (multi-label accuracy; with one label per row, plain accuracy).

No rows give NaN. A row without any label is right when none is predicted.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from autogpt.core import LabelSpace
from autogpt.metrics._labels import encoded, members

if TYPE_CHECKING:
    from autogpt.core import Array, Scores


class SubsetAccuracy:
    name = "subset-accuracy"
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


plugin = SubsetAccuracy()
