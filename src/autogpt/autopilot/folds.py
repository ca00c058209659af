"""One model with the mean of the weights of several that learned from other parts of the rows.

With few rows two fits of one method differ by points, and a fit on all rows is one draw of these. So the method is
fitted again, another fold held out each time, as for a mean of answers ("Neural Network Ensembles, Cross Validation,
and Active Learning", Krogh and Vedelsby 1995), and in place of the answers the weights are averaged: fits that begin at
the same weights end in one valley ("Model soups", Wortsman et al. 2022), and the mean costs no more to serve than one.
Nothing stays unlearned: each row is held out once at most.

No row is unknown to all of these fits, so that none of this run can say what their mean is worth: that is known from
other data sets (EXPERIMENTS.md). What rows can say is whether the valley is one: where the mean of the weights loses
more on them than the fits do on the average, it is left.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from autogpt.autopilot import trying
from autogpt.autopilot.ladder import FEW_ROWS_PER_LABEL, rows_per_label
from autogpt.autopilot.trial import Bench, Candidate, Result, load_result, load_scorer
from autogpt.core import Example, Scorer
from autogpt.data.split import parts
from autogpt.errors import AutoGPTError, InputError, Interrupted
from autogpt.evaluation.losses import row_losses

if TYPE_CHECKING:
    from autogpt.autopilot.session import Session
    from autogpt.pipeline import Prepared

METHODS = ("full",)
"""Whose fits differ much: a linear head's are the same, and of contrastive bodies nothing was measured."""
LEAST_ROWS = 24.0
"""Rows of a label from which on (and up to `FEW_ROWS_PER_LABEL`) several fits are worth their time: with 64 they gain,
with 8 nothing (EXPERIMENTS.md). The change is put between them, by ratio."""
FITS, LEAST_FITS = 3, 2
"""Fits, the trial included."""
MODEL_SECONDS = 2.0
"""What a further model takes to be hashed, loaded and compared with what was saved."""
JUDGES = 500
"""Rows, at most, on which the mean is compared with its parts."""


def are_few(bench: Bench) -> bool:
    """Whether there are as many rows of a label as the gain was measured with."""
    return LEAST_ROWS <= rows_per_label(bench.train, bench.output) <= FEW_ROWS_PER_LABEL


def ahead(bench: Bench, result: Result) -> float:
    """Seconds that the further fits of a trial take; 0 where there are none."""
    return (FITS - 1) * _cost(result) if _pays(bench, result) else 0.0


def _pays(bench: Bench, result: Result) -> bool:
    return result.method in METHODS and are_few(bench) and bench.metric.higher_is_better


def _cost(result: Result) -> float:
    return 1.1 * result.refit_seconds + MODEL_SECONDS


def averaged(session: Session, bench: Bench, prepared: Prepared, result: Result, *, models: int) -> Scorer | None:
    """The mean of fits of a trial's method; None where one fit on all rows is as good, or time allows no second one.

    `models`: how many answer together in the end.
    """
    own = session.own(bench, result)
    if not _pays(own, result):
        return None
    several = _fits(session, own, prepared, result, models=models)
    mean: Any = several[0]
    if len(several) < LEAST_FITS or not hasattr(mean, "take_mean"):
        return None
    usual = float(np.mean([_loss(own, one) for one in several]))
    mean.take_mean(several)
    loss = _loss(own, mean)
    told = f"{len(several)} fits of {result.name} lose {usual:.4f} on all rows, the mean of their weights {loss:.4f}"
    if loss > usual:
        session.say("decision", f"{told}: it is left")
        return None
    session.say("decision", f"{told}: it answers, as one model")
    found: Scorer = mean
    return found


def _loss(bench: Bench, scorer: Scorer) -> float:
    rows = [*bench.train, *bench.validation]
    drawn = np.random.default_rng([bench.seed, 23]).permutation(len(rows))[:JUDGES]
    rows = [rows[place] for place in drawn]
    code = bench.output.encode([row.target for row in rows], bench.space)
    return float(row_losses(bench.output, scorer.score([row.inputs for row in rows]), code).mean())


def _fits(session: Session, own: Bench, prepared: Prepared, result: Result, *, models: int) -> list[Scorer]:
    """The trial, and its method without other folds of the rows, as time allows. Finished ones are not repeated."""
    place = session.folders[session.results.index(result)]
    clock = session.budget.until(session.reserve(own, prepared, models=models))
    found = [load_scorer(place / "scorer", result.family)]
    for number, (train, held) in enumerate(_parts(own, prepared)[: FITS - 1], start=2):
        if session.stop():
            raise Interrupted("stopped between two folds", resume="")
        folder = place / f"fold-{number}"
        done = load_result(folder)
        if done is None and clock() < _cost(result):
            break
        if done is None:
            session.say("decision", f"{result.name} is fitted on fold {number} in place of all rows")
            seed = int(np.random.default_rng([own.seed, 13, number]).integers(1 << 31))
            fold = replace(own, train=train, validation=held, seed=seed)
            try:
                candidate = Candidate(result.method, result.options)
                done, _ = trying.fit(session, fold, candidate, folder=folder, remaining=clock)
            except (Interrupted, InputError):
                raise
            except (AutoGPTError, MemoryError) as problem:
                session.say("decision", f"{result.name}, fold {number} failed: {problem or 'memory ran out'}")
                break
            metric = own.metric.name
            told = f"{result.name}, fold {number}: {metric} {done.scores[metric]:.4f} on {len(held)} rows held out"
            session.say("trial", f"{told}, {done.seconds:.1f} s")
        found.append(load_scorer(folder / "scorer", done.family))
    return found


def _parts(bench: Bench, prepared: Prepared) -> list[tuple[list[Example], list[Example]]]:
    """(rows to learn from, rows held out) of further folds; validation rows are learned from in all of them."""
    schema, rows = prepared.profile.schema, prepared.table.rows
    groups = [rows[one.id].get(schema.group) for one in bench.train] if schema.group else None
    size = max(1, min(len(bench.validation), len(bench.train) // 4))
    held = parts(bench.train, count=FITS - 1, rows=size, output=bench.output.name, seed=bench.seed, groups=groups)
    return [
        (
            [*(one for place, one in enumerate(bench.train) if place not in out), *bench.validation],
            [bench.train[place] for place in sorted(out)],
        )
        for out in map(set, held)
        if out
    ]
