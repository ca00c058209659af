"""Several models instead of one, where that is better beyond noise: folds of the best method, and a mean of trials.

*Folds.* With few rows per label the same method is fitted on other parts of the rows, a part held out each time
("Neural Network Ensembles, Cross Validation, and Active Learning", Krogh and Vedelsby 1995). The trial that won is the
first of them. Nothing stays unlearned, so they stand in place of fitting the winner again on all rows. No row is
unknown to all of them, so none can say what their mean is worth: that is known from other data sets, as the priors of
`belief` are (EXPERIMENTS.md).

*A mean over trials.* Greedy selection with replacement by log likelihood of validation rows ("Ensemble Selection from
Libraries of Models", Caruana et al. 2004), bagged over these rows. Ours starts from the trial that `belief` chose,
and judges what it found by the rows that a bag left out, so that the winner's curse is measured and not believed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from autogpt.autopilot.ladder import FEW_ROWS_PER_LABEL, rows_per_label
from autogpt.autopilot.trial import Bench, Candidate, Result, load_result, load_scores, run_trial
from autogpt.backbones.ensemble import Ensemble, Member
from autogpt.core import Averaging, Decision, Example, Scorer
from autogpt.data.split import parts
from autogpt.errors import AutoGPTError, InputError, Interrupted
from autogpt.evaluation.interval import Answers, paired_difference

if TYPE_CHECKING:
    from pathlib import Path

    from autogpt.autopilot.session import Session
    from autogpt.core import Array, Scores
    from autogpt.pipeline import Prepared

MEMBERS = 5
"""Models of folds at most, the trial that won included."""
LEAST_MEMBERS = 3
"""With time for fewer, fitting the winner again on all rows is the better use of it."""
REMOVED: Mapping[str, float] = {"contrastive": 0.08, "full": 0.08}
"""Share of its errors that the mean over five folds of a method usually removes, where rows are few, compared with one
model of all rows (EXPERIMENTS.md); for methods that are not here it is not known, and nothing is tried."""
LEAST_GAIN = 0.005
"""Score that several models must be expected to bring: with less they are a tie, and one model is cheaper."""
MEMBER_SECONDS = 2.0
"""What one more model takes to be hashed, loaded and compared with what was saved."""
LEAST_JUDGES = 100
"""Validation rows from which on a mean over trials is looked for; fewer choose noise."""
BAGS, ROUNDS, JUDGES = 25, 6, 2000
BEYOND = 1.28
"""Standard errors that a gain must have to be kept: of equally good means one in ten has."""
LEAST_SHARE = 0.1
"""Trials with a smaller share of the mean are left out: each costs as much to serve as the others."""


@dataclass(frozen=True, slots=True)
class Fitted:
    """A model that was fitted and judged, on disk: `rows` it did not learn from, and its scores of them."""

    result: Result
    folder: Path
    rows: Sequence[Example]
    scores: Scores


@dataclass(frozen=True, slots=True)
class Joined:
    """An ensemble that is kept: its members with their shares and temperatures, how its scores become answers, its
    validation scores, and why it is kept. `again`: its members may be fitted again on all rows."""

    members: Sequence[Fitted]
    shares: Sequence[float]
    temperatures: Sequence[float]
    decision: Decision
    scores: Mapping[str, float]
    why: str
    again: bool

    @property
    def name(self) -> str:
        """`ensemble of 5 (full)`."""
        methods = dict.fromkeys(one.result.name for one in self.members)
        return f"ensemble of {len(self.members)} ({', '.join(methods)})"

    def scorer(self, output: str, scorers: Sequence[Scorer]) -> Scorer:
        """The model that answers, its members' scorers given in their order."""
        triples = zip(scorers, self.shares, self.temperatures, strict=True)
        return Ensemble([Member(*one) for one in triples], output=output)


def consider(
    session: Session, bench: Bench, prepared: Prepared, best: Result, *, decide: Callable[[Bench, Scores], Decision]
) -> Joined | None:
    """An ensemble in place of the best trial, if one is better beyond noise; None, with the reason told, if not."""
    if not session.config.search.ensemble or not isinstance(bench.output, Averaging):
        return None
    first = _of_trial(session, bench, best)
    few = rows_per_label(bench.train, bench.output) <= FEW_ROWS_PER_LABEL
    if few and best.method in REMOVED and bench.metric.higher_is_better:
        found = _joined_folds(bench, _fitted_folds(session, bench, prepared, first), decide)
    elif len(bench.validation) >= LEAST_JUDGES:
        found = _mean_over_trials(session, bench, prepared, first, decide)
    else:
        return None
    if found is not None:
        session.say("decision", f"{found.name} answers: {found.why}", winner=found.name)
    return found


def _of_trial(session: Session, bench: Bench, result: Result) -> Fitted:
    folder = session.folders[session.results.index(result)]
    return Fitted(result, folder, bench.validation, load_scores(folder / "validation.safetensors"))


def _fitted_folds(session: Session, bench: Bench, prepared: Prepared, first: Fitted) -> list[Fitted]:
    """The winning trial and the same method on other folds, as many as time allows; finished ones are not repeated."""
    best, members = first.result, [first]
    gain = expected_gain(best, bench)
    if gain < LEAST_GAIN:
        session.say("decision", f"one model answers: the mean of {MEMBERS} would be a tie ({gain:+.3f} is expected)")
        return members
    own = session.rows.bench(bench, best.rows)
    cost = 1.1 * best.refit_seconds + MEMBER_SECONDS
    clock = session.budget.until(session.reserve(bench, prepared, models=MEMBERS))
    known = len([*session.place.glob("trials/fold-*/result.json")])
    count = int(min(MEMBERS, 1 + known + max(clock(), 0.0) / cost))
    if count < LEAST_MEMBERS:
        left = f"a further model would need {cost:.0f} s, {max(clock(), 0.0):.0f} s are left"
        session.say("decision", f"one model answers: {left}")
        return members
    session.say("decision", f"{count} models of {best.name} are fitted, each without another fold of the rows")
    for number, (train, held) in enumerate(_folds(own, prepared)[: count - 1], start=2):
        if session.stop():
            raise Interrupted("stopped between two folds", resume="")
        folder = session.place / "trials" / f"fold-{number}"
        seed = int(np.random.default_rng([bench.seed, 13, number]).integers(1 << 31))
        result = load_result(folder)
        if result is None and clock() < cost:
            break
        if result is None:
            try:
                fold = replace(own, train=train, validation=held, seed=seed)
                candidate = Candidate(best.method, best.options, rows=best.rows)
                result, _ = run_trial(fold, candidate, folder=folder, remaining=clock)
            except (Interrupted, InputError):
                raise
            except (AutoGPTError, MemoryError) as problem:
                session.say("decision", f"{best.name}, fold {number} failed: {problem or 'memory ran out'}")
                break
        metric = bench.metric.name
        told = f"{best.name}, fold {number}: {metric} {result.scores[metric]:.4f} on {len(held)} rows held out"
        session.say("trial", f"{told}, {result.seconds:.1f} s")
        members.append(Fitted(result, folder, held, load_scores(folder / "validation.safetensors")))
    return members


def expected_gain(best: Result, bench: Bench) -> float:
    """What the mean over folds of a method is expected to bring: a share of the errors that it seems to make.

    Two right and two wrong rows are added to those that were counted, as in `belief.standard_error`.
    """
    rows = len(bench.validation)
    return REMOVED[best.method] * (1 - (best.scores[bench.metric.name] * rows + 2) / (rows + 4))


def _folds(bench: Bench, prepared: Prepared) -> list[tuple[list[Example], list[Example]]]:
    """(rows to learn from, rows held out) of each further member; validation rows are learned from by all of them."""
    schema, rows = prepared.profile.schema, prepared.table.rows
    groups = [rows[one.id].get(schema.group) for one in bench.train] if schema.group else None
    size = min(len(bench.validation), len(bench.train) // (MEMBERS - 1))
    held = parts(
        bench.train, count=MEMBERS - 1, rows=max(1, size), output=bench.output.name, seed=bench.seed, groups=groups
    )
    return [
        (
            [*(one for place, one in enumerate(bench.train) if place not in out), *bench.validation],
            [bench.train[place] for place in sorted(out)],
        )
        for out in map(set, held)
        if out
    ]


def _joined_folds(
    bench: Bench, members: Sequence[Fitted], decide: Callable[[Bench, Scores], Decision]
) -> Joined | None:
    """Equal shares; one temperature for all, and a threshold, by all rows, each scored by who did not learn it."""
    if len(members) < LEAST_MEMBERS:
        return None
    rows = [row for one in members for row in one.rows]
    held = replace(bench, validation=rows)
    scores = _below(*(one.scores for one in members))
    decision = decide(held, scores)
    best, metric, count = members[0].result, bench.metric.name, len(members)
    found = held.judge(scores)
    gain = f"{expected_gain(best, bench):.3f} better than one model of all rows"
    why = (
        f"each scored on rows that it did not learn, its members come to {metric} {found[metric]:.4f} on {len(rows)} "
        f"rows; by other data sets their mean is expected to be {gain}, at {count} times the time and disk of one"
    )
    return Joined(
        members,
        [1 / count] * count,
        [decision.temperature] * count,
        replace(decision, temperature=1.0),
        found,
        why,
        again=False,
    )


def _below(*tables: Scores) -> Scores:
    """Score tables of different rows as one."""
    if isinstance(tables[0], list):
        return [row for table in tables for row in table]
    return np.concatenate([np.asarray(table) for table in tables])


def _mean_over_trials(
    session: Session,
    bench: Bench,
    prepared: Prepared,
    first: Fitted,
    decide: Callable[[Bench, Scores], Decision],
) -> Joined | None:
    """Bagged greedy selection, kept if it wins by more than noise on rows that were not selected by."""
    others = (_of_trial(session, bench, one) for one in session.results if one is not first.result)
    pool = [first, *(one for one in others if one.result.method != "majority")]
    if len(pool) < 2 or session.budget.until(session.reserve(bench, prepared, models=len(pool)))() < 0:
        return None
    temperatures = [decide(bench, one.scores).temperature for one in pool]
    divided = [_divided(one.scores, by) for one, by in zip(pool, temperatures, strict=True)]
    found = select(bench, divided)
    chosen = [place for place, share in enumerate(found.shares) if share > 0]
    names = ", ".join(pool[place].result.name for place in chosen)
    measured = f"{found.gain:+.4f} {bench.metric.name} on rows it was not selected by, give or take {found.noise:.4f}"
    curse = f"{found.curse:+.4f} of what the selected rows promised was luck"
    if len(chosen) < 2 or found.gain <= BEYOND * found.noise:
        told = f"one model answers: the mean of {names} is not better beyond noise"
        nothing = "one model answers: no other trial adds to it"
        session.say("decision", nothing if len(chosen) < 2 else f"{told} ({measured}; {curse})")
        return None
    shares = [found.shares[place] for place in chosen]
    mean = bench.output.average([divided[place] for place in chosen], shares)  # type: ignore[attr-defined]
    return Joined(
        [pool[place] for place in chosen],
        shares,
        [temperatures[place] for place in chosen],
        decide(bench, mean),
        bench.judge(mean),
        f"{measured}; {curse}; it costs as much to serve as its {len(chosen)} members together",
        again=True,
    )


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
        return table, _losses(output, table, code)

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


def _losses(output: Any, scores: Scores, code: Any) -> Array:
    """Loss of each row [N]; of rows with a table of their own, each by itself."""
    import torch

    if isinstance(scores, list):
        each = [
            output.loss(torch.tensor(np.asarray(row))[None], torch.tensor(np.asarray(one))[None], None)
            for row, one in zip(scores, code, strict=True)
        ]
        return np.asarray(torch.cat(each))
    return np.asarray(output.loss(torch.tensor(np.asarray(scores)), torch.tensor(np.asarray(code)), None))


def _at(scores: Scores, places: Array) -> Scores:
    return [scores[place] for place in places] if isinstance(scores, list) else np.asarray(scores)[places]


def _divided(scores: Scores, temperature: float) -> Scores:
    if isinstance(scores, list):
        return [np.asarray(rows) / temperature for rows in scores]
    return np.asarray(scores) / temperature
