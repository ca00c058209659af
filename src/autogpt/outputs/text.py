"""A text that is written: a translation, a summary, an answer, code (as numbers: see `written`)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from autogpt import registry, written
from autogpt.core import Decision, Inputs, LabelSpace, Prediction

if TYPE_CHECKING:
    import torch

    from autogpt.core import Array, Scores

USUAL_TOKENS = 20.0
LOOKED_AT, NEARLY_ALL, MEANT = 500, 0.98, 0.9
"""Targets that a format is looked for in: so many of these are well-formed, and show that they are meant to be."""


class Text:
    """See `core.Output`. Scores are a list of [B_i, 2]: a byte, and the log probability that its answer has a token."""

    name = "text"
    token_level = False
    linear = False

    def space(self, targets: Sequence[Any]) -> LabelSpace:
        """No labels; `scale` is the number of bytes of the longest target, `format` what nearly all are written in."""
        longest = max((len(str(target).encode()) for target in targets), default=1)
        return LabelSpace(scale=float(longest), format=noticed([str(target) for target in targets[:LOOKED_AT]]))

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
        """The text, repaired where it is not well-formed; one that stays so is marked as "not sure".

        Confidence: the geometric mean of its tokens' probabilities.
        """
        form = registry.get("formats", space.format) if space.format else None
        return [_answer(np.asarray(row), decision, form) for row in scores]


def noticed(texts: Sequence[str]) -> str | None:
    """The format that nearly all texts are well-formed in and meant to be; None where there is none."""
    for name in registry.names("formats"):
        form: written.Format = registry.get("formats", name)
        enough = len(texts) and sum(map(form.shows, texts)) >= MEANT * len(texts)
        if enough and sum(form.fault(text) is None for text in texts) >= NEARLY_ALL * len(texts):
            return name
    return None


def _answer(row: Array, decision: Decision, form: written.Format | None) -> Prediction:
    sure = float(np.exp(min(0.0, float(row[0, 1])))) if len(row) else None
    abstained = sure is None or sure < decision.abstain_below
    text = written.text_of(row)
    if form is not None and form.fault(text) is not None:
        text = form.repair(text)
        abstained |= form.fault(text) is not None
    return Prediction(text, sure, abstained=abstained)


plugin = Text()
