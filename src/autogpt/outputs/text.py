"""A text that is written: a translation, a summary, an answer, code (as numbers: see `written`)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from autogpt import written
from autogpt.core import Decision, Inputs, LabelSpace, Prediction

if TYPE_CHECKING:
    import torch

    from autogpt.core import Array, Scores

USUAL_TOKENS = 20.0


class Text:
    """See `core.Output`. Scores are a list of [B_i, 2]: a byte, and the log probability that its answer has a token."""

    name = "text"
    token_level = False
    linear = False

    def space(self, targets: Sequence[Any]) -> LabelSpace:
        """No labels; `scale` is the number of bytes of the longest target."""
        return LabelSpace(scale=float(max((len(str(target).encode()) for target in targets), default=1)))

    def size(self, space: LabelSpace) -> int:
        return 2

    def encode(self, targets: Sequence[Any], space: LabelSpace) -> list[Array]:
        """The bytes [B_i] of each target."""
        return [np.frombuffer(str(target).encode(), dtype=np.uint8).astype(np.int64) for target in targets]

    def prior(self, encoded: Any, space: LabelSpace) -> Array:
        """The most frequent target's table, flat [2 * B]; of equally frequent ones the shortest."""
        counts = Counter(row.tobytes() for row in encoded)
        usual, times = min(counts.items(), key=lambda item: (-item[1], len(item[0]), item[0]))
        row = np.frombuffer(usual, dtype=np.int64)
        return written.of_bytes(row, np.log(times / len(encoded))).ravel()

    def loss(self, logits: torch.Tensor, target: torch.Tensor, class_weight: torch.Tensor | None) -> torch.Tensor:
        """Sum over a row's tokens, in units of a usual row: each token counts the same.

        logits [B, T, V] over a writer's own vocabulary, target [B, T] its token ids (-100: not to be written).
        """
        from torch.nn.functional import cross_entropy

        losses = cross_entropy(logits.transpose(1, 2), target, ignore_index=-100, reduction="none")
        return losses.sum(dim=1) / USUAL_TOKENS

    def probabilities(self, scores: Scores, space: LabelSpace, decision: Decision) -> list[Array]:
        """The same tables with probabilities in place of their logarithms."""
        return [np.stack([row[:, 0], np.exp(row[:, 1])], axis=1) for row in map(np.asarray, scores)]

    def decode(
        self, scores: Scores, space: LabelSpace, decision: Decision, inputs: Sequence[Inputs]
    ) -> list[Prediction]:
        """The text. Confidence: the geometric mean of its tokens' probabilities."""
        return [_answer(np.asarray(row), decision) for row in scores]


def _answer(row: Array, decision: Decision) -> Prediction:
    sure = float(np.exp(min(0.0, float(row[0, 1])))) if len(row) else None
    abstained = sure is None or sure < decision.abstain_below
    return Prediction(written.text_of(row), sure, abstained=abstained)


plugin = Text()
