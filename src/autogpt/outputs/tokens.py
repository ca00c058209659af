"""A tag per token, and the spans that BIO, BIOES or plain tags spell."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from autogpt.core import Decision, Inputs, LabelSpace, Prediction, Span
from autogpt.outputs.classes import log_mean_softmax
from autogpt.soft_targets import any_soft, mixed, one_hot

if TYPE_CHECKING:
    import torch

    from autogpt.core import Array, Scores

OUTSIDE = "O"
USUAL_TOKENS = 20.0


class Tokens:
    """See `core.Output`. Scores are a list of [T_i, C]; a target is a tuple of tags, one per token."""

    name = "tokens"
    token_level = True
    linear = True

    def space(self, targets: Sequence[Any]) -> LabelSpace:
        return LabelSpace(labels=tuple(sorted({tag for target in targets for tag in target})))

    def size(self, space: LabelSpace) -> int:
        return len(space.labels)

    def encode(self, targets: Sequence[Any], space: LabelSpace) -> list[Array]:
        if any_soft(targets):
            return mixed(targets, lambda tags: one_hot(self.encode([tags], space)[0], len(space.labels)))
        place = {label: i for i, label in enumerate(space.labels)}
        return [np.array([place.get(tag, -100) for tag in target], dtype=np.int64) for target in targets]

    def prior(self, encoded: Any, space: LabelSpace) -> Array:
        """Log frequencies of tags."""
        tags = np.concatenate(encoded)
        counts = np.bincount(tags[tags >= 0], minlength=len(space.labels)) + 1.0
        return np.asarray(np.log(counts / counts.sum()))

    def loss(self, logits: torch.Tensor, target: torch.Tensor, class_weight: torch.Tensor | None) -> torch.Tensor:
        """Sum over a row's tokens, in units of a usual row: each token counts the same. logits [B, T, C].

        A mean over each row's own tokens, which we had before, let the many short rows without a span speak louder.
        """
        from torch.nn.functional import cross_entropy

        target = target.transpose(1, 2) if target.is_floating_point() else target  # shares stand where scores do
        losses = cross_entropy(logits.transpose(1, 2), target, weight=class_weight, ignore_index=-100, reduction="none")
        return losses.sum(dim=1) / USUAL_TOKENS

    def probabilities(self, scores: Scores, space: LabelSpace, decision: Decision) -> list[Array]:
        tables = []
        for table in scores:
            shifted = np.asarray(table, dtype=np.float64) / decision.temperature
            shifted = np.exp(shifted - shifted.max(axis=-1, keepdims=True)) if len(shifted) else shifted
            tables.append(shifted / shifted.sum(axis=-1, keepdims=True) if len(shifted) else shifted)
        return tables

    def average(self, tables: Sequence[Scores], weights: Sequence[float]) -> list[Array]:
        rows = zip(*tables, strict=True)
        return [log_mean_softmax([np.asarray(table) for table in row], weights) for row in rows]

    def decode(
        self, scores: Scores, space: LabelSpace, decision: Decision, inputs: Sequence[Inputs]
    ) -> list[Prediction]:
        """The likeliest tag of every token. Confidence: of the least sure token."""
        answers = []
        for table, row in zip(self.probabilities(scores, space, decision), inputs, strict=True):
            tags = tuple(space.labels[int(i)] for i in table.argmax(axis=-1)) if len(table) else ()
            sure = float(table.max(axis=-1).min()) if len(table) else None
            answers.append(
                Prediction(
                    tags,
                    sure,
                    abstained=sure is not None and sure < decision.abstain_below,
                    spans=tuple(spans(tags, row["tokens"], row.get("offsets"), text=row.get("text"))),
                )
            )
        return answers


def spans(
    tags: Sequence[str],
    tokens: Sequence[str],
    offsets: Sequence[tuple[int, int]] | None = None,
    *,
    text: str | None = None,
) -> list[Span]:
    """Labelled spans of a tag sequence. `I-x` without a beginning, or after another label, begins a span.

    Tags without a prefix ("NOUN") are spans of one token each; `O` is outside.
    """
    found: list[Span] = []
    start, label = 0, ""

    def close(end: int) -> None:
        if label:
            first, last = (offsets[start][0], offsets[end - 1][1]) if offsets else (None, None)
            words = text[first:last] if text is not None and offsets else " ".join(tokens[start:end])
            found.append(Span(label, start, end, words, first, last))

    for place, tag in enumerate(tags):
        prefix, _, name = tag.partition("-")
        known = prefix in "BIESLU" and len(prefix) == 1 and bool(name)
        if not known:
            prefix, name = ("O", "") if tag == OUTSIDE else ("U", tag)
        continues = prefix in "IEL" and name == label
        if not continues:
            close(place)
            start, label = place, name
        if prefix in "ESLU" and label:
            close(place + 1)
            label = ""
    close(len(tags))
    return found


plugin = Tokens()
