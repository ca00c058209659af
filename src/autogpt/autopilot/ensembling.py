"""Several models instead of one, where that is better beyond noise: a weighted mean of what trials say.

Greedy selection with replacement by log likelihood of validation rows ("Ensemble Selection from Libraries of Models",
Caruana et al. 2004), bagged over these rows. Ours starts from the trial that `belief` chose, and judges what it found
by the rows that a bag left out, so that the winner's curse is measured and not believed. Few validation rows select
noise: there the two ways to tune an encoder are taken in equal shares, or one model. What rows say is weighed with what
such a mean usually brings, as `belief` weighs scores; where too little is to be expected, one model is the cheaper tie.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from autogpt.autopilot import extend, folds
from autogpt.autopilot.deciding import decide
from autogpt.autopilot.trial import Bench, Result, load_scores
from autogpt.backbones.ensemble import Ensemble, Member
from autogpt.core import Decision, Example, Scorer
from autogpt.evaluation.interval import Answers, paired_difference
from autogpt.evaluation.losses import row_losses
from autogpt.experts import Averaging

if TYPE_CHECKING:
    from autogpt.autopilot.session import Session
    from autogpt.core import Array, Scores
    from autogpt.pipeline import Prepared

PAIR = ("contrastive", "full")
PAIR_GAIN = 0.009
"""What the mean of both usually brings over the one that is chosen, in units of a score between 0 and 1, where
`folds.are_few` holds: with 64 rows of a label 0.9 points (16 pools of six sets), with 8 nothing (EXPERIMENTS.md)."""
SPREAD = 0.012
"""Deviation of such gains between data sets: what validation rows say counts as far as it is surer than that."""
LEAST_GAIN = 0.005
"""What has to be expected: with less it is a tie, and one model is cheaper."""
BEYOND = 1.28
"""Standard errors that a gain must have for metrics without a scale of 0 to 1, about which nothing is known before."""
LEAST_JUDGES = 100
"""Validation rows from which on shares are selected."""
BAGS, ROUNDS, JUDGES = 25, 6, 2000
LEAST_SHARE = 0.1
"""Trials with a smaller share of the mean are left out: each costs as much to serve as the others."""


@dataclass(frozen=True, slots=True)
class Joined:
    """An ensemble that is kept: the trials in it with their shares and temperatures, how its scores become answers, its
    validation scores, and why it is kept."""

    members: Sequence[Result]
    shares: Sequence[float]
    temperatures: Sequence[float]
    decision: Decision
    scores: Mapping[str, float]
    why: str

    @property
    def name(self) -> str:
        """`ensemble of full, contrastive`."""
        return f"ensemble of {', '.join(one.name for one in self.members)}"

    def scorer(self, output: str, models: Sequence[Scorer]) -> Scorer:
        """What answers: a model of each trial."""
        triples = zip(models, self.shares, self.temperatures, strict=True)
        return Ensemble([Member(*one) for one in triples], output=output)


def consider(session: Session, bench: Bench, prepared: Prepared, best: Result) -> Joined | None:
    """An ensemble in place of the best trial, if one is better beyond noise; otherwise None. Both are told why."""
    if not session.config.search.ensemble or not isinstance(bench.output, Averaging):
        return None
    enough = len(bench.validation) >= LEAST_JUDGES
    others = [one for one in extend.able(session) if one is not best]
    firsts = [one for one in others if one.method in PAIR and one.method != best.method and not one.varied]
    pool = [best, *(others if enough else firsts)]
    pool = [one for one in pool if one.method != "majority" and math.isfinite(one.scores[bench.metric.name])]
    pool = [one for one in pool if not one.usage]  # a mean with an endpoint would cost as much as the endpoint
    if len(pool) < 2 or (not enough and best.method not in PAIR):
        return None
    if session.budget.until(session.reserve(bench, prepared, models=len(pool)))() < 0:
        session.say("decision", "one model answers: there is no time for several to answer the test")
        return None
    folders = [session.folders[session.results.index(one)] for one in pool]
    tables = [load_scores(folder / "validation.safetensors") for folder in folders]
    temperatures = [decide(bench, table).temperature for table in tables]
    tables = [_divided(table, by) for table, by in zip(tables, temperatures, strict=True)]
    found = select(bench, tables) if enough else equal(bench, tables)
    chosen = [place for place, share in enumerate(found.shares) if share > 0]
    if len(chosen) < 2:
        session.say("decision", "one model answers: no other trial adds to it")
        return None
    metric, names = bench.metric.name, ", ".join(pool[place].name for place in chosen)
    measured = f"{found.gain:+.4f} {metric} give or take {found.noise:.4f} on rows it was not selected by"
    luck = f", where those it was selected by promised {found.curse:.4f} more" if enough else ""
    is_pair = {pool[place].method for place in chosen} == set(PAIR)
    gain = expected_gain(bench, found, usual=PAIR_GAIN if is_pair and folds.are_few(bench) else 0.0)
    expected = f"{measured}{luck}; {gain:+.4f} is to be expected"
    if gain < LEAST_GAIN:
        session.say("decision", f"one model answers: the mean of {names} is a tie ({expected})")
        return None
    shares = [found.shares[place] for place in chosen]
    averaging: Any = bench.output
    mean = averaging.average([tables[place] for place in chosen], shares)
    joined = Joined(
        [pool[place] for place in chosen],
        shares,
        [temperatures[place] for place in chosen],
        decide(bench, mean),
        bench.judge(mean),
        f"{expected}; it takes the time and disk of {len(chosen)} models",
    )
    session.say("decision", f"{joined.name} answers: {joined.why}", winner=joined.name)
    return joined


def expected_gain(bench: Bench, found: Selected, *, usual: float, spread: float = SPREAD) -> float:
    """The posterior mean of a normal prior around the usual gain (`spread`: its deviation) and of what rows say; of
    metrics without a scale from 0 to 1 the measured gain, if it is beyond noise."""
    if not bench.metric.higher_is_better:
        return found.gain if found.gain > BEYOND * found.noise else 0.0
    weight = spread**2 / (spread**2 + found.noise**2)
    return weight * found.gain + (1 - weight) * usual


def ahead(session: Session, bench: Bench) -> float:
    """Seconds that the end of the run may take to fit models again: the best, the pair, and their folds."""
    growth = 1.3 * (len(bench.train) + len(bench.validation)) / len(bench.train)
    seconds, best = 0.0, session.best
    for one in (one for one in session.results if one is best or (one.method in PAIR and not one.varied)):
        seconds += growth * one.refit_seconds
        seconds += folds.ahead(bench, one)
    return seconds


@dataclass(frozen=True, slots=True)
class Selected:
    """Shares of a pool's models (0: left out), and what rows that were not selected by say of their mean.

    `gain` over the first model in the main metric, `noise` is its standard error; `curse` is how much more the rows
    promised that were selected by.
    """

    shares: Sequence[float]
    gain: float
    noise: float
    curse: float


def equal(bench: Bench, tables: Sequence[Scores]) -> Selected:
    """Equal shares; nothing is selected, so that there is no luck in what rows say."""
    output: Any = bench.output
    found = compared(bench, output.average(tables, [1.0] * len(tables)), tables[0])
    return replace(found, shares=[1 / len(tables)] * len(tables))


def compared(bench: Bench, table: Scores, other: Scores) -> Selected:
    """What validation rows say of scores beside others of the same rows, neither selected by them."""
    gain = _gain(bench, bench.validation, table, other, np.arange(len(bench.validation)))
    return Selected([1.0, 0.0], gain, _noise(bench, bench.validation, table, other), 0.0)


def select(bench: Bench, tables: Sequence[Scores]) -> Selected:
    """Greedy selection with replacement from the first on, in bags of validation rows; shares are means over bags."""
    output: Any = bench.output
    rng = np.random.default_rng([bench.seed, 19])
    drawn = np.sort(rng.permutation(len(bench.validation))[:JUDGES])
    rows = [bench.validation[place] for place in drawn]
    tables = [_at(table, drawn) for table in tables]
    code = output.encode([row.target for row in rows], bench.space)

    @cache
    def mean(counts: tuple[int, ...]) -> tuple[Any, Array]:
        used = [place for place, count in enumerate(counts) if count]
        table = output.average([tables[place] for place in used], [counts[place] for place in used])
        return table, row_losses(output, table, code)

    def greedy(weight: Array) -> tuple[int, ...]:
        counts = tuple(int(place == 0) for place in range(len(tables)))
        for _ in range(ROUNDS - 1):
            more = [tuple(c + (at == place) for at, c in enumerate(counts)) for place in range(len(tables))]
            best = min(more, key=lambda one: float(weight @ mean(one)[1]))
            if weight @ mean(best)[1] >= weight @ mean(counts)[1]:
                break
            counts = best
        return counts

    alone = tuple(int(place == 0) for place in range(len(tables)))
    shares = np.zeros(len(tables))
    inside: list[float] = []
    outside: list[float] = []
    for _ in range(BAGS):
        weight = np.bincount(rng.integers(len(rows), size=len(rows)), minlength=len(rows))
        counts = greedy(weight)
        shares += np.array(counts) / sum(counts) / BAGS
        for into, kept in ((inside, weight > 0), (outside, weight == 0)):
            into.append(_gain(bench, rows, mean(counts)[0], mean(alone)[0], np.flatnonzero(kept)))
    shares = np.where(shares < LEAST_SHARE, 0.0, shares)
    shares /= shares.sum()
    used = np.flatnonzero(shares)
    final = output.average([tables[place] for place in used], shares[used])
    noise = _noise(bench, rows, final, tables[0])
    gain = float(np.mean(outside))
    return Selected(shares.tolist(), gain, noise, float(np.mean(inside)) - gain)


def _gain(bench: Bench, rows: Sequence[Example], mean: Scores, alone: Scores, places: Array) -> float:
    """By how much the mean is better in the main metric on the rows at `places`; positive is better."""
    held = replace(bench, validation=[rows[place] for place in places])
    name, sign = bench.metric.name, 1.0 if bench.metric.higher_is_better else -1.0
    return sign * (held.judge(_at(mean, places))[name] - held.judge(_at(alone, places))[name])


def _noise(bench: Bench, rows: Sequence[Example], mean: Scores, alone: Scores) -> float:
    """Standard error of the paired difference, and not less than one row's worth."""
    inputs, gold = [row.inputs for row in rows], [row.target for row in rows]

    def answers(scores: Scores) -> Answers:
        decoded = bench.output.decode(scores, bench.space, Decision(), inputs)
        return Answers([one.value for one in decoded], bench.output.probabilities(scores, bench.space, Decision()))

    found = paired_difference(bench.metric, gold, answers(mean), answers(alone), space=bench.space, seed=bench.seed)
    return max((found.high - found.low) / (2 * 1.96), 1 / len(rows) if bench.metric.higher_is_better else 0.0)


def _at(scores: Scores, places: Array) -> Scores:
    return [scores[place] for place in places] if isinstance(scores, list) else np.asarray(scores)[places]


def _divided(scores: Scores, temperature: float) -> Scores:
    if isinstance(scores, list):
        return [np.asarray(rows) / temperature for rows in scores]
    return np.asarray(scores) / temperature
