"""Which trial is best, when validation rows are few: measured scores, weighed with what methods usually come to.

A validation score on a handful of rows is mostly luck, and taking the highest of five lucky numbers is worse than
knowing nothing ("winner's curse"). So each method has a normal prior on its score relative to the linear head; the
measured score has its standard error; the posterior mean decides. With 16 rows the prior speaks, with 1,000 the data.
The priors are rounded means over data sets from our own benchmark (see EXPERIMENTS.md), never over the one at hand.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

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

DESCRIBED = 0.1
"""By how much a method would be better that learned from descriptions of the labels alone, as far as it did: half of it
with one row of each label (11 points were measured), a seventh or more with eight (2 points; EXPERIMENTS.md)."""
ASKING = 0.01
"""By how much a model that asks an endpoint has to be better: each answer costs, and sends a text away."""


def standard_error(score: float, rows: int) -> float:
    """Of a mean of right and wrong over `rows`, with two rows of each added (Agresti & Coull 1998)."""
    share = (min(max(score, 0.0), 1.0) * rows + 2) / (rows + 4)
    return math.sqrt(share * (1 - share) / (rows + 4))


def expected(result: Result) -> float:
    """Usual score of a trial minus that of the linear head on rows alone."""
    return PRIOR.get(result.method, 0.0) + DESCRIBED * result.described


def posterior(result: Result, *, metric: Metric, rows: int, anchor: float, knows_language: bool) -> float:
    """Expected score of a trial. `anchor` is the level that priors are relative to.

    Of an endpoint nobody knows what to expect: no more than of TF-IDF, and it has to be better by `ASKING`.
    Where the encoder does not know the texts' language, nothing is expected of its methods beyond TF-IDF's score.
    Without `rows` what is usual decides.
    """
    score = result.scores[metric.name] if rows else anchor
    if math.isnan(score):
        return -math.inf
    usual = PRIOR["tfidf"] if result.usage else expected(result)
    if not knows_language and result.family == "encoder":
        usual = PRIOR["tfidf"]
    noise = standard_error(score, rows) ** 2
    weight = PRIOR_SPREAD**2 / (PRIOR_SPREAD**2 + noise) if rows else 0.0
    return weight * score + (1 - weight) * (anchor + usual) - (ASKING if result.usage else 0.0)


def choose(results: Sequence[Result], *, metric: Metric, rows: int, knows_language: bool = True) -> Result:
    """The trial with the highest expected score; equal ones go to the lower loss, then to the earlier, cheaper one.

    Metrics without a scale of 0 to 1 (errors in the user's unit, losses) are compared as measured.
    """
    if not metric.higher_is_better:
        return min(results, key=lambda r: math.inf if math.isnan(r.scores[metric.name]) else r.scores[metric.name])
    anchor = _anchor(results, metric)
    return max(
        results,
        key=lambda r: (
            posterior(r, metric=metric, rows=rows, anchor=anchor, knows_language=knows_language),
            -r.scores.get("log-loss", 0.0),
        ),
    )


def _anchor(results: Sequence[Result], metric: Metric) -> float:
    """The level of the head as all trials together suggest it: the mean of score minus what is usual."""
    known = [
        r.scores[metric.name] - expected(r)
        for r in results
        if r.method != "majority" and not math.isnan(r.scores[metric.name])
    ]
    return sum(known) / len(known) if known else 0.0
