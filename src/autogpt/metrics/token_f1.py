"""F1 of each tag over tokens, averaged with equal weight over the tags except `O` (which would hide all errors).

`B-x` and `I-x` are different tags. Tags are those in gold or in the predictions; rows without any such tag give 0, no
rows give NaN. The bootstrap draws whole rows (sentences).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from autogpt.core import LabelSpace
from autogpt.metrics._labels import Rows, blocks, f1, f1_score, ratio
from autogpt.metrics._spans import OUTSIDE, check_lengths, tag_counts

if TYPE_CHECKING:
    from autogpt.core import Array, Scores


class TokenF1:
    name = "token-f1"
    higher_is_better = True
    decimals = 3

    def __call__(
        self, gold: Sequence[Any], predicted: Sequence[Any], probabilities: Scores | None, space: LabelSpace
    ) -> float:
        check_lengths(gold, predicted)
        if not len(gold):
            return float("nan")
        flat = [[tag or OUTSIDE for row in column for tag in row] for column in (gold, predicted)]
        return f1_score(flat[0], flat[1], "macro", without=OUTSIDE) if flat[0] else 0.0

    def rows(
        self, gold: Sequence[Any], predicted: Sequence[Any], probabilities: Scores | None, space: LabelSpace
    ) -> Rows:
        return tag_counts(gold, predicted)[1]

    def score(self, rows: Rows, weights: Array) -> Array:
        right, predicted, gold = blocks(rows, weights)
        return ratio(f1(right, predicted, gold).sum(axis=1), (predicted + gold > 0).sum(axis=1))


plugin = TokenF1()
