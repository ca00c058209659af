"""Which trial is best, when validation rows are few: measured scores, weighed with what methods usually come to.

A validation score on a handful of rows is mostly luck, and taking the highest of five lucky numbers is worse than
knowing nothing ("winner's curse"). So each method has a normal prior on its score relative to the linear head; the
measured score has its standard error; the posterior mean decides. With 16 rows the prior speaks, with 1,000 the data.
The priors are rounded means over data sets from our own benchmark (see EXPERIMENTS.md), never over the one at hand.

The first trial of a method stands for it. A further one with other options (`search`) is a variation of it: it differs
by little, both answer the same rows, and of the measured difference only the part is believed that is not luck. So the
luckiest of fifty variations does not win, however many there are.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from autogpt import registry
from autogpt.autopilot.scheduler import SHIFT, SPREAD
from autogpt.autopilot.trial import Result
from autogpt.core import Metric

PRIOR_SPREAD = 0.05
PRIOR: Mapping[str, float] = {
    "majority": -0.30,
    "tfidf": -0.08,
    "head": 0.0,
    "self-training": 0.04,
    "contrastive": 0.02,
    "full": 0.01,
    "cross-encoder": 0.01,
    "lora": 0.01,
}
"""Usual score of a method minus that of the linear head, in units of a score between 0 and 1."""
FEW: Mapping[str, tuple[float, float]] = {"tfidf": (-0.06, -0.06), "contrastive": (0.05, 0.025), "full": (0.025, 0.04)}
FEW_ROWS = 8.0, 64.0
"""The same with so many rows of a label, after what `finish` makes of a trial: fine-tuning overtakes contrastive tuning
in between (34 pools of six sets, EXPERIMENTS.md)."""

TIE = 0.005
"""Expected scores that are no further apart, and no further than the rows' noise, are equal: the one that is cheaper to
serve is taken. It is also what several models together must be expected to bring (`ensembling.LEAST_GAIN`)."""
DESCRIBED = 0.1
"""By how much a method would be better that learned from descriptions of the labels alone, as far as it did: half of it
with one row of each label (11 points were measured), a seventh or more with eight (2 points; EXPERIMENTS.md)."""
ASKING = 0.01
"""By how much a model that asks an endpoint has to be better: each answer costs, and sends a text away."""


def prior_of(typical: float) -> Mapping[str, float]:
    """What is usual with so many rows of a label: between those of `FEW_ROWS` by their ratio, and beyond as `PRIOR`."""
    least, most = FEW_ROWS
    if typical > most:
        return PRIOR
    place = math.log(max(typical, least) / least) / math.log(most / least)
    return {**PRIOR, **{name: (1 - place) * few + place * more for name, (few, more) in FEW.items()}}


def standard_error(score: float, rows: int) -> float:
    """Of a mean of right and wrong over `rows`, with two rows of each added (Agresti & Coull 1998)."""
    share = (min(max(score, 0.0), 1.0) * rows + 2) / (rows + 4)
    return math.sqrt(share * (1 - share) / (rows + 4))


CORRELATION = 0.7
"""Between whether two trials of a method answer the same row rightly (0.75 was recorded)."""


def paired_error(score: float, rows: int) -> float:
    """Standard error of the difference between two trials of a method that answer the same rows."""
    return standard_error(score, rows) * math.sqrt(2 * (1 - CORRELATION))


def usual(result: Result, prior: Mapping[str, float]) -> float:
    """Usual score of a trial minus that of the linear head on rows alone."""
    return prior.get(result.method, 0.0) + DESCRIBED * result.described


def posterior(
    result: Result,
    *,
    metric: Metric,
    rows: int,
    anchor: float,
    knows_language: bool,
    prior: Mapping[str, float] = PRIOR,
) -> float:
    """Expected score of a trial. `anchor` is the level that priors are relative to.

    Of an endpoint nobody knows what to expect: no more than of TF-IDF, and it has to be better by `ASKING`.
    Where the encoder does not know the texts' language, nothing is expected of its methods beyond TF-IDF's score.
    Without `rows` what is usual decides.
    """
    score = result.scores[metric.name] if rows else anchor
    if math.isnan(score):
        return -math.inf
    expected = prior["tfidf"] if result.usage else usual(result, prior)
    if not knows_language and result.family == "encoder":
        expected = prior["tfidf"]
    noise = standard_error(score, rows) ** 2
    weight = PRIOR_SPREAD**2 / (PRIOR_SPREAD**2 + noise) if rows else 0.0
    return weight * score + (1 - weight) * (anchor + expected) - (ASKING if result.usage else 0.0)


def expectations(
    results: Sequence[Result],
    *,
    metric: Metric,
    rows: int,
    knows_language: bool = True,
    prior: Mapping[str, float] = PRIOR,
) -> list[float]:
    """What is expected of each trial, in their order: its posterior mean (of variations relative to their first), or
    where a metric has no scale of 0 to 1, as measured."""
    if not metric.higher_is_better:
        return [one.scores[metric.name] for one in results]
    firsts: dict[Any, Result] = {}
    for result in results:
        firsts.setdefault(_kind(result), result)
    anchor = _anchor(list(firsts.values()), metric, prior)
    found = []
    for result in results:
        first = firsts[_kind(result)]
        expected = posterior(first, metric=metric, rows=rows, anchor=anchor, knows_language=knows_language, prior=prior)
        found.append(expected if result is first else expected + believed(result, first, metric=metric, rows=rows))
    return found


def _kind(result: Result) -> tuple[Any, ...]:
    """What variations have in common with the first trial of their method."""
    return result.method, result.rows, result.adapted, result.described > 0, result.distilled, result.taught


def believed(result: Result, first: Result, *, metric: Metric, rows: int) -> float:
    """By how much a variation is expected to be better than the first trial of its method."""
    score, reference = result.scores[metric.name], first.scores[metric.name]
    if math.isnan(score) or math.isnan(reference):
        return -math.inf
    noise = paired_error((score + reference) / 2, rows) ** 2
    weight = SPREAD**2 / (SPREAD**2 + noise)
    return weight * (score - reference) + (1 - weight) * SHIFT


def choose(
    results: Sequence[Result],
    *,
    metric: Metric,
    rows: int,
    knows_language: bool = True,
    prior: Mapping[str, float] = PRIOR,
) -> Result:
    """The trial with the highest expected score, or one that is cheaper to serve and no worse within noise.

    Cheaper is who needs no encoder, and then who asks no endpoint. What was spent on training is spent: among those
    that cost the same to serve, the highest expectation is taken, and of equal ones the lower loss.
    """
    expected = expectations(results, metric=metric, rows=rows, knows_language=knows_language, prior=prior)
    sign = 1.0 if metric.higher_is_better else -1.0
    worth = {id(one): sign * value for one, value in zip(results, expected, strict=True)}

    def price(one: Result) -> tuple[int, float, float]:
        return serving(one), -worth[id(one)], one.scores.get("log-loss", 0.0)

    return min(equals(results, expected, metric=metric, rows=rows), key=price)


def equals(results: Sequence[Result], expected: Sequence[float], *, metric: Metric, rows: int) -> list[Result]:
    """The best trials: those that cannot be told from the best by what is expected of them.

    A tie is `TIE` at most (of losses: that part of the best), and never more than the noise of `rows` rows.
    """
    sign = 1.0 if metric.higher_is_better else -1.0
    worth = [-math.inf if math.isnan(one) else sign * one for one in expected]
    top = max(worth)
    if not math.isfinite(top):
        return list(results)
    if metric.higher_is_better:
        apart = min(TIE, standard_error(top, rows))
    else:
        apart = -top * min(TIE, 1 / math.sqrt(max(rows, 1)))
    return [one for one, value in zip(results, worth, strict=True) if top - value <= apart]


def serving(result: Result) -> int:
    """What an answer costs: nothing to speak of, an encoder, or an endpoint."""
    return 2 if result.usage else int(registry.get("methods", result.method).needs_backbone)


def _anchor(results: Sequence[Result], metric: Metric, prior: Mapping[str, float]) -> float:
    """The level of the head as all trials together suggest it: the mean of score minus what is usual."""
    known = [
        r.scores[metric.name] - usual(r, prior)
        for r in results
        if r.method != "majority" and not math.isnan(r.scores[metric.name])
    ]
    return sum(known) / len(known) if known else 0.0
