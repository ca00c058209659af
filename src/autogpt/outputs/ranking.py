"""Labels in order, best first: the label space is what can be found, and a target is a tuple of what answers.

Like `classes` where several labels may be right: a softmax over the space, and the cross-entropy of the right ones in
equal parts. Scores are a table [N, C] in one piece, 8 bytes a cell in float64: 2,000 queries over 20,000 passages take
320 MB, twice that while a report is made. Larger corpora need an index, which this is not.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from autogpt.core import Decision, Inputs, LabelSpace, Prediction
from autogpt.outputs.classes import softmax

if TYPE_CHECKING:
    import torch

    from autogpt.core import Array, Scores

SHOWN = 10
_CELLS = 1 << 22  # of the score table at once


class Ranking:
    """See `core.Output`. Scores and probabilities are [N, C]."""

    name = "ranking"
    token_level = False
    linear = False

    def space(self, targets: Sequence[Any]) -> LabelSpace:
        return LabelSpace(labels=tuple(sorted({label for target in targets for label in target})))

    def size(self, space: LabelSpace) -> int:
        return len(space.labels)

    def encode(self, targets: Sequence[Any], space: LabelSpace) -> Array:
        """Places of the right labels, int64 [N, R], -100 where a row has fewer than R of them in the space."""
        place = {label: i for i, label in enumerate(space.labels)}
        found = [[place[label] for label in target if label in place] for target in targets]
        table = np.full((len(found), max([1, *map(len, found)])), -100, dtype=np.int64)
        for row, places in enumerate(found):
            table[row, : len(places)] = places
        return table

    def prior(self, encoded: Any, space: LabelSpace) -> Array:
        """Log frequencies, with one more row per label so that none is impossible."""
        counts = np.bincount(encoded[encoded >= 0], minlength=len(space.labels)) + 1.0
        return np.asarray(np.log(counts / counts.sum()))

    def loss(self, logits: torch.Tensor, target: torch.Tensor, class_weight: torch.Tensor | None) -> torch.Tensor:
        """Mean over the right labels of -log p; 0 for a row that has none. `class_weight` [C] weighs each of them."""
        from torch.nn.functional import log_softmax

        known = target >= 0
        places = target.clamp(min=0)
        losses = -log_softmax(logits, dim=-1).gather(1, places)
        if class_weight is not None:
            losses = losses * class_weight[places]
        return (losses * known).sum(dim=1) / known.sum(dim=1).clamp(min=1)

    def probabilities(self, scores: Scores, space: LabelSpace, decision: Decision) -> Array:
        table = np.asarray(scores)
        found = np.empty(table.shape, dtype=np.float64)
        rows = max(1, _CELLS // max(1, table.shape[-1]))
        for start in range(0, len(table), rows):
            found[start : start + rows] = softmax(table[start : start + rows], decision.temperature)
        return found

    def decode(
        self, scores: Scores, space: LabelSpace, decision: Decision, inputs: Sequence[Inputs]
    ) -> list[Prediction]:
        """The best label, with the first ten in `best`; equal ones in the order of the space."""
        answers = []
        for scored in np.asarray(scores):
            row = softmax(scored, decision.temperature)
            best = [(space.labels[place], float(row[place])) for place in _first(scored)]
            (value, sure), second = best[0], best[1][0] if len(best) > 1 else None
            answers.append(Prediction(value, sure, second, abstained=sure < decision.abstain_below, best=tuple(best)))
        return answers


def _first(row: Array, count: int = SHOWN) -> list[int]:
    """Places of the `count` highest numbers, highest first, earlier places before later ones of the same number."""
    if len(row) > count:
        least = np.partition(row, -count)[-count]
        kept = np.concatenate([np.flatnonzero(row > least), np.flatnonzero(row == least)])[:count]
    else:
        kept = np.arange(len(row))
    return [int(place) for place in kept[np.lexsort((kept, -row[kept]))]]


plugin = Ranking()
