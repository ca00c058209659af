"""The part of a text that answers a question: where it begins and where it ends, or that there is none.

"BERT: Pre-training of Deep Bidirectional Transformers" (Devlin et al. 2019): start and end are two classifications over
the words, "no answer" is one more place for both. Ours scores words instead of word pieces, so that an answer never
cuts a word, and gives no empty answers where training rows have none. "Know What You Don't Know" (SQuAD 2.0, Rajpurkar
et al. 2018): how much likelier "no answer" must be is chosen on validation rows, `Decision.no_answer`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from autogpt.core import Decision, Inputs, LabelSpace, Prediction, Span
from autogpt.outputs.classes import softmax

if TYPE_CHECKING:
    import torch

    from autogpt.core import Array, Scores

ANSWER, NONE = "answer", "no answer"
START, END, ABSENT = 1, 2, 4
"""Bits of an encoded row [T + 1]: an answer starts here, ends here; this is the place of "no answer" (the last)."""

USUAL_WORDS = 30
"""An answer may have so many words, or as many as the longest one of the training rows."""


_TINY = 1e-300  # stands for a probability of 0, whose logarithm is not finite


class SpanOfText:
    """See `core.Output`. Scores are a list of [T_i + 1, 2] (start, end), a target is `core.GoldAnswers`.

    `space.labels` has "no answer" if some training row has none, `space.scale` the most words of an answer.
    """

    name = "span"
    token_level = True
    linear = False

    def space(self, targets: Sequence[Any]) -> LabelSpace:
        longest = max((span.end - span.start for target in targets for span in target.spans), default=0)
        none = any(not target.spans for target in targets)
        return LabelSpace((ANSWER, NONE) if none else (ANSWER,), scale=float(max(longest, USUAL_WORDS)))

    def size(self, space: LabelSpace) -> int:
        return 2

    def encode(self, targets: Sequence[Any], space: LabelSpace) -> list[Array]:
        """The first of several right answers."""
        return [_code(target) for target in targets]

    def prior(self, encoded: Any, space: LabelSpace) -> Array:
        """Log odds of an answer, half for its start and half for its end ("no answer" has scores of 0)."""
        absent = sum(int(row[-1] != ABSENT) for row in encoded)
        return np.full(2, 0.5 * np.log((len(encoded) - absent + 1) / (absent + 1)))

    def loss(self, logits: torch.Tensor, target: torch.Tensor, class_weight: torch.Tensor | None) -> torch.Tensor:
        """Mean of the cross-entropies of start and end. logits [B, T, 2], target [B, T].

        A window without the answer has none. In one that it is cut by, only the edge inside is learned.
        """
        import torch

        known = target >= 0
        bits = torch.where(known, target, 0)
        masked = logits.masked_fill(~known.unsqueeze(-1), float("-inf")).log_softmax(dim=1)
        edges = torch.stack([(bits & START) > 0, (bits & END) > 0], dim=-1)  # [B, T, 2]
        nowhere = ~edges.any(dim=2).any(dim=1)
        edges = edges | ((bits & ABSENT) > 0).unsqueeze(-1) & nowhere[:, None, None]
        losses = -torch.where(edges, masked, 0.0).sum(dim=1)  # [B, 2]
        return losses.sum(dim=1) / edges.any(dim=1).sum(dim=1).clamp(min=1)

    def probabilities(self, scores: Scores, space: LabelSpace, decision: Decision) -> list[Array]:
        """Of each place to be the start, and to be the end; "no answer" has 0 if it is never given."""
        tables = []
        for table in scores:
            given = np.array(table, dtype=np.float64)
            if NONE not in space.labels:
                given[-1] = -np.inf
            tables.append(softmax(given.T, decision.temperature).T)
        return tables

    def decode(
        self, scores: Scores, space: LabelSpace, decision: Decision, inputs: Sequence[Inputs]
    ) -> list[Prediction]:
        """The likeliest span, or no answer. Confidence: of its start times of its end."""
        tables = self.probabilities(scores, space, decision)
        return [_answer(table, space, decision, row) for table, row in zip(tables, inputs, strict=True)]


def _code(target: Any) -> Array:
    code = np.zeros(target.words + 1, dtype=np.int64)
    code[-1] = ABSENT
    if target.spans:
        first = target.spans[0]
        code[first.start] |= START
        code[first.end - 1] |= END
    else:
        code[-1] |= START | END
    return code


def _answer(table: Array, space: LabelSpace, decision: Decision, row: Inputs) -> Prediction:
    words, most = len(table) - 1, min(len(table) - 1, int(space.scale))
    begin, end = table[:-1].T
    # [T, most]: spans by their start and length, the longest first: where several words are read as one piece of text,
    # and so have equal scores, all of them are the answer.
    ends = np.lib.stride_tricks.sliding_window_view(np.concatenate([end, np.zeros(most - 1)]), most)[:, ::-1]
    likely = begin[:, None] * ends
    first, last = _best(likely)
    sure, absent = float(likely[first, most - 1 - (last - first)]), float(table[-1].prod())
    starts = np.arange(words)[:, None]
    apart = (starts > last) | (starts + np.arange(most)[::-1] < first)
    likely = np.where(apart, likely, 0.0)
    second = _best(likely) if likely.any() else None
    text, offsets = _text(row, first, last), row.get("offsets")
    if lead_of_none(absent, sure) > decision.no_answer:
        return Prediction("", absent, text, abstained=absent < decision.abstain_below)
    runner_up = _text(row, *second) if second is not None else None
    if NONE in space.labels and absent > likely.max(initial=0.0):
        runner_up = ""
    edges = (offsets[first][0], offsets[last][1]) if offsets else (None, None)
    span = Span(ANSWER, first, last + 1, text, *edges)
    return Prediction(text, sure, runner_up, abstained=sure < decision.abstain_below, spans=(span,))


def lead_of_none(absent: float, sure: float) -> float:
    """By how much "no answer" is likelier than the best span, in log probability."""
    return math.log(max(absent, _TINY)) - math.log(max(sure, _TINY))


def _best(likely: Array) -> tuple[int, int]:
    """First and last word of the likeliest span of [T, most], the longest first."""
    start, place = np.unravel_index(int(likely.argmax()), likely.shape)
    return int(start), int(start) + likely.shape[1] - 1 - int(place)


def _text(row: Inputs, first: int, last: int) -> str:
    offsets = row.get("offsets")
    if offsets and "text" in row:
        return str(row["text"][offsets[first][0] : offsets[last][1]])
    return " ".join(row["tokens"][first : last + 1])


plugin = SpanOfText()
