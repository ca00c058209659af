"""F1 over whole entities: one counts as right when its label and both ends are right (micro-averaged over entities).

seqeval's default reading (CoNLL script): an `I-x` without a beginning starts an entity; BIO and BIOES are both
understood. `entity-f1-strict` counts well-formed entities only. No entity in gold and none predicted gives 0 (as
seqeval); no rows give NaN. The bootstrap draws whole rows (sentences), never single entities.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from autogpt.core import LabelSpace
from autogpt.metrics._labels import Rows, blocks, f1
from autogpt.metrics._spans import check_lengths, entity_counts, normal

if TYPE_CHECKING:
    from autogpt.core import Array, Scores


class EntityF1:
    name = "entity-f1"
    higher_is_better = True
    decimals = 3

    def __call__(
        self, gold: Sequence[Any], predicted: Sequence[Any], probabilities: Scores | None, space: LabelSpace
    ) -> float:
        from seqeval.metrics import f1_score

        if not len(gold):
            return float("nan")
        check_lengths(gold, predicted)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return float(f1_score([normal(t) for t in gold], [normal(t) for t in predicted], zero_division=0))

    def rows(
        self, gold: Sequence[Any], predicted: Sequence[Any], probabilities: Scores | None, space: LabelSpace
    ) -> Rows:
        return entity_counts(gold, predicted)[1]

    def score(self, rows: Rows, weights: Array) -> Array:
        right, predicted, gold = (block.sum(axis=1) for block in blocks(rows, weights))
        return f1(right, predicted, gold)


plugin = EntityF1()
