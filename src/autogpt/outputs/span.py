"""The part of a text that answers a question: where it begins and where it ends, or that there is none.

"BERT: Pre-training of Deep Bidirectional Transformers" (Devlin et al. 2019): start and end are two classifications over
the words, "no answer" is one more place for both. Ours scores words instead of word pieces, so that an answer never
cuts a word, and gives no empty answers where training rows have none. "Know What You Don't Know" (SQuAD 2.0, Rajpurkar
et al. 2018): how much likelier "no answer" must be is chosen on validation rows, `Decision.no_answer`.

A probability is that of a whole span: one softmax over all spans that may be answered and "no answer", with the sum of
the scores of start and end as score. The product of two softmaxes, of start and of end, gives most of its mass to spans
that are none (an end before the start, far too long ones), so that no temperature makes it the share that is right.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from autogpt.core import Decision, Inputs, LabelSpace, Prediction, Span

if TYPE_CHECKING:
    import torch

    from autogpt.core import Array, Scores

ANSWER, NONE = "answer", "no answer"
START, END, ABSENT = 1, 2, 4
"""Bits of an encoded row [T + 1]: an answer starts here, ends here; this is the place of "no answer" (the last)."""

USUAL_WORDS = 30
"""An answer may have so many words, or as many as the longest one of the training rows."""


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
        """Of each place to be the start of the answer, and to be its end: sums over the spans [T_i + 1, 2].

        "No answer" has 0 if it is never given.
        """
        tables = []
        for table in scores:
            spans, absent = _decided(table, space, decision)
            total = log_total(spans, absent)
            likely = np.exp(spans - total)
            words, most = likely.shape
            lasts = np.arange(words)[:, None] + np.arange(most)[::-1]
            end = np.bincount(lasts.ravel(), weights=likely.ravel(), minlength=words)[:words]
            none = np.exp(absent - total)
            tables.append(np.stack([np.append(likely.sum(axis=1), none), np.append(end, none)], axis=1))
        return tables

    def decode(
        self, scores: Scores, space: LabelSpace, decision: Decision, inputs: Sequence[Inputs]
    ) -> list[Prediction]:
        """The likeliest span, or no answer. Confidence: its probability among all spans and "no answer"."""
        return [_answer(table, space, decision, row) for table, row in zip(scores, inputs, strict=True)]


def span_scores(table: Array, space: LabelSpace) -> tuple[Array, float]:
    """Scores of the spans of a score table [T + 1, 2], and of "no answer" (-inf: never given).

    Spans stand by their start and their length, the longest first [T, longest]; -inf where one would leave the text.
    """
    table = np.asarray(table, dtype=np.float64)
    begin, end = table[:-1].T
    most = min(len(begin), int(space.scale))
    ends = np.lib.stride_tricks.sliding_window_view(np.append(end, np.full(most - 1, -np.inf)), most)[:, ::-1]
    return begin[:, None] + ends, float(table[-1].sum()) if NONE in space.labels else -np.inf


def _decided(table: Array, space: LabelSpace, decision: Decision) -> tuple[Array, float]:
    """`span_scores` as a decision has them."""
    spans, absent = span_scores(np.asarray(table) / decision.temperature, space)
    return spans, absent + decision.none_bias


def log_total(spans: Array, absent: float) -> float:
    """The logarithm of what a softmax over spans and "no answer" divides by."""
    top = max(float(spans.max()), absent)
    return top + float(np.log(np.exp(spans - top).sum() + np.exp(absent - top)))


def lead_of_none(table: Array, space: LabelSpace) -> float:
    """By how much the score of "no answer" is higher than that of the best span."""
    spans, absent = span_scores(table, space)
    return absent - float(spans.max())


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
    spans, absent = _decided(table, space, decision)
    words, most = spans.shape
    first, last = _best(spans)
    best, total = float(spans.max()), log_total(spans, absent)
    text, offsets = _text(row, first, last), row.get("offsets")
    if absent - best > decision.no_answer:
        sure = float(np.exp(absent - total))
        return Prediction("", sure, text, abstained=sure < decision.abstain_below)
    starts = np.arange(words)[:, None]
    rest = np.where((starts > last) | (starts + np.arange(most)[::-1] < first), spans, -np.inf)
    runner_up = _text(row, *_best(rest)) if np.isfinite(rest).any() else None
    if NONE in space.labels and absent > rest.max():
        runner_up = ""
    edges = (offsets[first][0], offsets[last][1]) if offsets else (None, None)
    span, sure = Span(ANSWER, first, last + 1, text, *edges), float(np.exp(best - total))
    return Prediction(text, sure, runner_up, abstained=sure < decision.abstain_below, spans=(span,))


def _best(spans: Array) -> tuple[int, int]:
    """First and last word of the best span of [T, longest], the longest first.

    Where several words are read as one piece of text, and so have equal scores, all of them are the answer.
    """
    start, place = np.unravel_index(int(spans.argmax()), spans.shape)
    return int(start), int(start) + spans.shape[1] - 1 - int(place)


def _text(row: Inputs, first: int, last: int) -> str:
    offsets = row.get("offsets")
    if offsets and "text" in row:
        return str(row["text"][offsets[first][0] : offsets[last][1]])
    return " ".join(row["tokens"][first : last + 1])


plugin = SpanOfText()
