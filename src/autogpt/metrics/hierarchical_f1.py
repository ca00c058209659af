"""F1 over the steps of paths: an answer in the right branch is partly right.

"Learning and Evaluation in the Presence of Class Hierarchies" (Kiritchenko et al. 2006): gold and predicted labels are
replaced by the sets of themselves and everything above them (without the root), and precision and recall are counted
over all rows together. On labels without steps it is the accuracy. No rows give NaN.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from autogpt.core import LabelSpace
from autogpt.metrics._labels import f1, whole
from autogpt.metrics._paths import stepped

if TYPE_CHECKING:
    from autogpt.core import Array, Scores


class HierarchicalF1:
    name = "hierarchical-f1"
    higher_is_better = True
    decimals = 3

    def __call__(
        self, gold: Sequence[Any], predicted: Sequence[Any], probabilities: Scores | None, space: LabelSpace
    ) -> float:
        return whole(self, gold, predicted, probabilities, space)

    def rows(
        self, gold: Sequence[Any], predicted: Sequence[Any], probabilities: Scores | None, space: LabelSpace
    ) -> Array:
        """Steps that both have, that the answer has, and that the gold label has, [N, 3]."""
        pairs = [(set(g), set(p)) for g, p in stepped(gold, predicted, self.name)]
        return np.array([(len(g & p), len(p), len(g)) for g, p in pairs], dtype=float).reshape(-1, 3)

    def score(self, rows: Array, weights: Array) -> Array:
        return f1(*(weights @ rows).T)


plugin = HierarchicalF1()
