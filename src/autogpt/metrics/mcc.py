"""Matthews correlation coefficient, -1 to 1 (Gorodkin 2004 for more than two labels); 0 is what guessing reaches.

Constant answers, or a single label in gold, give 0 (as scikit-learn). No rows give NaN. One label per row only.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from autogpt.core import LabelSpace
from autogpt.errors import ConfigError
from autogpt.metrics._labels import Rows, blocks, count_rows, encoded, is_multilabel, ratio

if TYPE_CHECKING:
    from autogpt.core import Array, Scores


class MCC:
    name = "mcc"
    higher_is_better = True
    decimals = 3

    def __call__(
        self, gold: Sequence[Any], predicted: Sequence[Any], probabilities: Scores | None, space: LabelSpace
    ) -> float:
        from sklearn.metrics import matthews_corrcoef

        if is_multilabel(gold):
            raise ConfigError("metric mcc needs one label per row; for several labels use micro-f1 or macro-f1")
        return float(matthews_corrcoef(*encoded(gold, predicted)[:2])) if len(gold) else float("nan")

    def rows(
        self, gold: Sequence[Any], predicted: Sequence[Any], probabilities: Scores | None, space: LabelSpace
    ) -> Rows:
        return count_rows(gold, predicted)

    def score(self, rows: Rows, weights: Array) -> Array:
        right, predicted, gold = blocks(rows, weights)
        n = weights.sum(axis=1)
        above = right.sum(axis=1) * n - (predicted * gold).sum(axis=1)
        below = (n**2 - (predicted**2).sum(axis=1)) * (n**2 - (gold**2).sum(axis=1))
        return ratio(above, np.sqrt(below))


plugin = MCC()
