"""Making confidence mean what it says, and choosing when to answer. Everything here is fitted on validation rows.

* Temperature scaling (Guo et al. 2017): one number divides the scores. Ours smooths the targets as Platt (1999) did, so
  that a validation set without a single error does not ask for infinite confidence.
* The threshold of multi-label answers, and the confidence below which a model should rather say "not sure"
  (selective classification, Geifman and El-Yaniv 2017); how far "no answer" must lead where a text may
  not tell (SQuAD 2.0, Rajpurkar et al. 2018).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from autogpt import registry
from autogpt.core import LabelSpace, Metric, Prediction
from autogpt.metrics._labels import is_multilabel
from autogpt.metrics._probability import confidence_pairs, truth
from autogpt.outputs.span import log_total, span_scores

if TYPE_CHECKING:
    from autogpt.core import Array, Scores

BINS = 15
_GOLDEN = (5**0.5 - 1) / 2
_COLDEST, _HOTTEST = np.log(0.05), np.log(20.0)
_SPAN_STEPS = 16
"""Every step looks at all spans of all texts; these many give the temperature to 0.2 %."""
_MOST_BIAS = 15.0


@dataclass(frozen=True, slots=True)
class Bin:
    """Answers of similar confidence: their mean confidence, the share that was right, how many they are."""

    confidence: float
    accuracy: float
    n: int


@dataclass(frozen=True, slots=True)
class Abstention:
    """Answering only above a confidence: the share of rows answered, and the accuracy on these."""

    threshold: float
    coverage: float
    accuracy: float


@dataclass(frozen=True, slots=True)
class Calibration:
    """How well confidence is calibrated on the test rows, before and after temperature scaling.

    `curve` has the accuracy of the surest 10 %, 20 % ... 100 % of the answers.
    """

    temperature: float
    ece_before: float
    ece_after: float
    bins: tuple[Bin, ...]
    bins_before: tuple[Bin, ...] = ()
    curve: tuple[Abstention, ...] = ()
    unit: str = "rows"


def flatten(gold: Sequence[Any], scores: Scores) -> tuple[Sequence[Any], Array]:
    """Token tasks become one row per token; other tables stay as they are."""
    if not isinstance(scores, list):
        return gold, np.asarray(scores, dtype=float)
    kept = [np.asarray(table, dtype=float) for table in scores if len(table)]
    return [tag for row in gold for tag in row], np.concatenate(kept) if kept else np.zeros((0, 0))


def fit_temperature(scores: Scores, gold: Sequence[Any], *, space: LabelSpace) -> float:
    """The temperature with the least negative log-likelihood of the gold labels; 1.0 when no row can tell."""
    gold, table = flatten(gold, scores)
    if not len(table) or not np.isfinite(table).all():
        return 1.0
    right = truth(gold, space)
    multilabel = is_multilabel(gold)
    if not multilabel:
        known = right.sum(axis=1) > 0
        right, table = right[known], table[known]
    if not len(table) or table.shape[1] < (1 if multilabel else 2):
        return 1.0
    smooth = 1.0 / (len(table) + 2.0)
    if multilabel:
        right = right * (1 - 2 * smooth) + smooth
    else:
        right = right * (1 - smooth) + (1 - right) * smooth / (table.shape[1] - 1)

    def loss(log_temperature: float) -> float:
        scaled = table / np.exp(log_temperature)
        if multilabel:
            return float((np.logaddexp(0, scaled) - right * scaled).mean())
        top = scaled.max(axis=1, keepdims=True)
        normalizer = top + np.log(np.exp(scaled - top).sum(axis=1, keepdims=True))
        return float((right * (normalizer - scaled)).sum(axis=1).mean())

    return float(np.exp(_golden_section(loss)))


def fit_list_temperature(scores: Scores, gold: Sequence[Sequence[float]]) -> float:
    """The same for candidates [K_i, 1] with a relevance each: the loss is listwise, as `outputs.choices` has it."""
    rows = [(np.asarray(s, dtype=float).ravel(), np.asarray(g, dtype=float)) for s, g in zip(scores, gold, strict=True)]
    rows = [(s, g / g.sum()) for s, g in rows if g.sum() > 0 and np.isfinite(s).all()]
    if not rows:
        return 1.0
    smooth = 1.0 / (len(rows) + 2.0)

    def loss(log_temperature: float) -> float:
        total = 0.0
        for row, share in rows:
            scaled = row / np.exp(log_temperature)
            normalizer = np.logaddexp.reduce(scaled)
            total += float(((1 - smooth) * share + smooth / len(row)) @ (normalizer - scaled))
        return total / len(rows)

    return float(np.exp(_golden_section(loss)))


def fit_spans(
    scores: Scores, places: Sequence[tuple[int, int] | None], right: Sequence[bool], *, space: LabelSpace
) -> tuple[float, float]:
    """The same for parts of a text, and the bias of "no answer" where there is one: (temperature, bias).

    Scores are [T_i + 1, 2], places the first and last word of each row's answer (None: no answer). One number cannot
    serve both kinds of answers: spans of a weak model are hardly ever right, and its "no answer" nearly always is. The
    bias is that of "Maximum Likelihood with Bias-Corrected Calibration is Hard-To-Beat at Label Shift Adaptation"
    (Alexandari et al. 2020) for this one class. Several spans may answer, and one of other words may count as right;
    ours is not the likelihood of a gold span, but that of the given answers being right or wrong, with Platt's targets.
    """
    tables = [np.asarray(table, dtype=float) for table in scores]
    if not tables or not all(np.isfinite(table).all() for table in tables):
        return 1.0, 0.0
    good, none = np.asarray(right, dtype=bool), np.array([place is None for place in places])
    target = np.where(good, (good.sum() + 1) / (good.sum() + 2), 1 / ((~good).sum() + 2))
    given = np.array([0.0 if p is None else t[p[0], 0] + t[p[1], 1] for t, p in zip(tables, places, strict=True)])
    absent = np.array([span_scores(table, space)[1] for table in tables])

    def best_bias(log_temperature: float) -> tuple[float, float]:
        scale = np.exp(-log_temperature)
        spans = np.array([log_total(span_scores(table * scale, space)[0], -np.inf) for table in tables])

        def loss(bias: float) -> float:
            empty = absent * scale + bias
            log = np.minimum(np.where(none, empty, given * scale) - np.logaddexp(spans, empty), -1e-12)
            return -float((target * log + (1 - target) * np.log(-np.expm1(log))).mean())

        bias = _golden_section(loss, -_MOST_BIAS, _MOST_BIAS) if np.isfinite(absent).all() else 0.0
        return bias, loss(bias)

    log_temperature = _golden_section(lambda one: best_bias(one)[1], steps=_SPAN_STEPS)
    return float(np.exp(log_temperature)), best_bias(log_temperature)[0]


def choose_no_answer(lead: Sequence[float], as_span: Sequence[float], as_none: Sequence[float]) -> float:
    """By how much "no answer" must lead to be given, so that the mean score of validation rows is best.

    `lead`: what it leads by in each row; `as_span`, `as_none`: the row's score (higher is better) if the span or no
    answer is given. The threshold search of the SQuAD 2.0 script; ours takes the middle between two rows, and of
    equally good ones what is nearest to 0, which is among them: it is never worse on these rows than no threshold.
    """
    leads, span, empty = (np.asarray(column, dtype=float) for column in (lead, as_span, as_none))
    ordered = np.unique(leads)
    if not len(ordered):
        return 0.0
    middles = (ordered[:-1] + ordered[1:]) / 2
    grid = np.array([0.0, ordered[0] - 1.0, *middles, ordered[-1] + 1.0])
    means = [float(np.where(leads > threshold, empty, span).mean()) for threshold in grid]
    best = grid[np.asarray(means) >= max(means) - 1e-12]
    return float(best[np.abs(best).argmin()])


def _golden_section(loss: Any, low: float = _COLDEST, high: float = _HOTTEST, steps: int = 32) -> float:
    """The minimum of a function with one valley (the likelihood is convex in 1 / temperature)."""
    a, b = high - _GOLDEN * (high - low), low + _GOLDEN * (high - low)
    at_a, at_b = loss(a), loss(b)
    for _ in range(steps):
        if at_a < at_b:
            high, b, at_b = b, a, at_a
            a = high - _GOLDEN * (high - low)
            at_a = loss(a)
        else:
            low, a, at_a = a, b, at_b
            b = low + _GOLDEN * (high - low)
            at_b = loss(b)
    return (low + high) / 2


def choose_threshold(probabilities: Array, gold: Sequence[Any], *, metric: Metric, space: LabelSpace) -> float:
    """The probability from which a label of a multi-label row is accepted; the middle of the best stretch."""
    grid = np.round(np.arange(0.05, 0.96, 0.025), 3)
    scores = []
    for threshold in grid:
        answers = [tuple(space.labels[i] for i in np.flatnonzero(row >= threshold)) for row in probabilities]
        value = metric(gold, answers, probabilities, space)
        scores.append(value if metric.higher_is_better else -value)
    best = np.nanmax(scores) if not np.isnan(scores).all() else None
    if best is None:
        return 0.5
    tied = grid[np.isclose(scores, best, atol=1e-9)]
    return float(tied[len(tied) // 2])


def risk_curve(confidence: Sequence[float], right: Sequence[bool]) -> list[Abstention]:
    """Every way to abstain, from answering only the surest rows to answering all."""
    sure, good = np.asarray(confidence, dtype=float), np.asarray(right, dtype=float)
    order = np.argsort(-sure, kind="stable")
    sure, good = sure[order], good[order]
    if not len(sure):
        return []
    ends = np.flatnonzero(np.append(np.diff(sure) < 0, True))
    hits = np.cumsum(good)
    return [Abstention(float(sure[e]), (int(e) + 1) / len(sure), float(hits[e]) / (int(e) + 1)) for e in ends]


def choose_abstention(
    confidence: Sequence[float], right: Sequence[bool], *, target: float, least_rows: int = 20
) -> Abstention | None:
    """The lowest confidence that keeps the accuracy of the answered rows at `target`; None when nothing reaches it."""
    enough = [p for p in risk_curve(confidence, right) if p.coverage * len(confidence) >= min(least_rows, len(right))]
    reached = [point for point in enough if point.accuracy >= target]
    return max(reached, key=lambda point: point.coverage) if reached else None


def reliability(confidence: Array, right: Array, *, bins: int = BINS) -> tuple[Bin, ...]:
    """Bins in order of confidence: of equal mass for one answer per row, [N, 1].

    For multi-label rows, [N, C], they are of equal width, because most labels of a row are plainly not there.
    """
    sure, good = np.asarray(confidence, dtype=float).ravel(), np.asarray(right, dtype=float).ravel()
    order = np.argsort(sure, kind="stable")
    if confidence.ndim == 2 and confidence.shape[1] > 1:
        parts = np.split(order, np.searchsorted(sure[order], np.linspace(0, 1, bins + 1)[1:-1]))
    else:
        parts = np.array_split(order, min(bins, max(1, len(order))))
    parts = [part for part in parts if len(part)]
    return tuple(Bin(float(sure[part].mean()), float(good[part].mean()), len(part)) for part in parts)


def calibration(
    gold: Sequence[Any],
    predictions: Sequence[Prediction],
    before: Scores,
    after: Scores,
    *,
    space: LabelSpace,
    temperature: float,
) -> Calibration:
    """Calibration on the test rows (on tokens, for token tasks); `before` has temperature 1, `after` the chosen one."""
    ece = registry.get("metrics", "ece")
    unit = "tokens" if isinstance(after, list) else "answers" if is_multilabel(gold) else "rows"
    flat, table = flatten(gold, after)
    _, untouched = flatten(gold, before)
    confidence, right = confidence_pairs(flat, table, space)
    curve: list[Abstention] = []
    if unit == "rows":
        sure = [p.confidence or 0.0 for p in predictions]
        points = risk_curve(sure, [p.value == g for p, g in zip(predictions, gold, strict=True)])
        marks = [min(points, key=lambda p: abs(p.coverage - share / 10)) for share in range(1, 11)]
        curve = list(dict.fromkeys(marks))
    return Calibration(
        temperature=temperature,
        ece_before=ece(flat, flat, untouched, space),
        ece_after=ece(flat, flat, table, space),
        bins=reliability(confidence, right),
        bins_before=reliability(*confidence_pairs(flat, untouched, space)) if temperature != 1 else (),
        curve=tuple(curve),
        unit=unit,
    )
