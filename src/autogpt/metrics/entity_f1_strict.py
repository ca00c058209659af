"""F1 over whole, well-formed entities: what is not spelled as the scheme (BIO, BIOES ...) demands is no entity.

seqeval's strict mode, micro-averaged, with the scheme detected from the gold tags. `entity-f1` is the usual reading.
No entity in gold and none predicted gives 0; no rows give NaN.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from autogpt.core import LabelSpace
from autogpt.metrics._labels import Rows, blocks, f1
from autogpt.metrics._spans import entity_counts

if TYPE_CHECKING:
    from autogpt.core import Array, Scores


class EntityF1Strict:
    name = "entity-f1-strict"
    higher_is_better = True
    decimals = 3

    def __call__(
        self, gold: Sequence[Any], predicted: Sequence[Any], probabilities: Scores | None, space: LabelSpace
    ) -> float:
        if not len(gold):
            return float("nan")
        rows = self.rows(gold, predicted, probabilities, space)
        return float(self.score(rows, np.ones((1, len(gold))))[0])

    def rows(
        self, gold: Sequence[Any], predicted: Sequence[Any], probabilities: Scores | None, space: LabelSpace
    ) -> Rows:
        return entity_counts(gold, predicted, strict=True)[1]

    def score(self, rows: Rows, weights: Array) -> Array:
        right, predicted, gold = (block.sum(axis=1) for block in blocks(rows, weights))
        return f1(right, predicted, gold)


plugin = EntityF1Strict()
