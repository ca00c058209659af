"""Where the best model costs more than the user allows, a smaller one learns of it, if that is better than the labels.

    best trial, or ensemble ── too dear ──> what it says of rows without a label ──> the best method within the limits
                                                                                         │ beside the labelled rows
                               better than the best trial within the limits? <───────────┘

"Distilling the Knowledge in a Neural Network" (Hinton et al. 2015), "Distilling Task-Specific Knowledge from BERT into
Simple Neural Networks" (Tang et al. 2019). Ours asks the teacher about rows without a label alone: of those that it
learned from it says what their labels say, and what teachers say of rows that were held out from them brought an eighth
of the gain for five times a teacher's seconds (EXPERIMENTS.md). The student is one more trial. What validation rows say
of it is weighed with what distilling usually brings, as of an ensemble; where too little is to be expected, the best
single trial answers.
"""

from __future__ import annotations

import math
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from autogpt import registry
from autogpt.autopilot import ensembling, extend, serving
from autogpt.autopilot.deciding import decide
from autogpt.autopilot.ensembling import Joined
from autogpt.autopilot.trial import Bench, Candidate, Result, load_scorer, load_scores, run_trial
from autogpt.core import Decision, Scorer
from autogpt.errors import AutoGPTError, InputError, Interrupted
from autogpt.experts import Averaging
from autogpt.soft_targets import lessons

if TYPE_CHECKING:
    from autogpt.autopilot.session import Session
    from autogpt.pipeline import Prepared

LEAST_LESSONS, MOST_LESSONS = 200, 10_000
"""Rows without a label: of fewer there is little to learn, and of more each costs the teacher an answer."""
CHUNK = 256
ASKING = 0.5
"""Of the time that is left, at most, goes into asking the teacher."""
USUAL: Mapping[str, tuple[float, float]] = {"tfidf": (0.04, 0.035)}
"""What a student of a better teacher brings over the same method on the labels alone, and its deviation between data
sets, in units of a score between 0 and 1 (EXPERIMENTS.md); of others nothing was measured."""
UNKNOWN = (0.0, ensembling.SPREAD)


@dataclass(frozen=True, slots=True)
class Teacher:
    """What answered best and may not answer: a trial, or several together; `decision` is how its scores are read."""

    name: str
    score: float
    scorer: Scorer
    decision: Decision

    @classmethod
    def of(cls, session: Session, bench: Bench, best: Result, joined: Joined | None) -> Teacher:
        """The best trial, or the ensemble, as it was validated."""
        metric, output = bench.metric.name, bench.output.name
        members = joined.members if joined else [best]
        folders = [session.folders[session.results.index(one)] for one in members]
        scorers = [load_scorer(folder / "scorer", one.family) for one, folder in zip(members, folders, strict=True)]
        if joined:
            return cls(joined.name, joined.scores[metric], joined.scorer(output, scorers), joined.decision)
        decision = decide(bench, load_scores(folders[0] / "validation.safetensors"))
        return cls(best.name, best.scores[metric], scorers[0], decision)


def served(
    session: Session, bench: Bench, prepared: Prepared, best: Result
) -> tuple[Result, Joined | None, Teacher | None]:
    """Who answers: the best trial, or an ensemble with it; or where that is dearer than the user allows, the best that
    is not, or a student of it. The third is what was given up."""
    joined = None if best.usage else ensembling.consider(session, bench, prepared, best)
    limits = session.config.serving
    if not limits.given:
        return best, joined, None
    able = extend.able(session)
    costs = {id(one): serving.of_trial(session, bench, one) for one in able}
    members = joined.members if joined else [best]
    name, whole = joined.name if joined else best.name, costs[id(members[0])]
    for one in members[1:]:
        whole += costs[id(one)]
    if whole.is_within(limits):
        session.say("decision", f"{name} takes {whole}, which {limits.given} allows")
        return best, joined, None
    session.say("decision", f"{name} takes {whole}, more than {limits.given} allows")
    within = [one for one in able if costs[id(one)].is_within(limits)]
    if not within:
        least = min(able, key=lambda one: costs[id(one)].excess(limits))
        told = f"no trial is within {limits.given}; {least.name} is nearest with {costs[id(least)]}"
        session.say("warning", f"{told}: give a higher limit or a smaller --backbone")
        if least is best and joined is None:
            return best, None, None
        answering = least
    else:
        answering = session.choose(bench, within)
    teacher = None if best.usage else Teacher.of(session, bench, best, joined)
    if teacher is not None and within:
        answering = _student(session, bench, prepared, teacher, answering, within) or answering
    session.best = answering
    metric, over = bench.metric.name, teacher.score if teacher else best.scores[bench.metric.name]
    lost = f", {answering.scores[metric]:.4f} {metric} on validation for {over:.4f}" if bench.validation else ""
    told = f"{answering.name} answers in place of {name}{lost}"
    session.say("decision", told, winner=answering.name, given_up=name)
    return answering, None, teacher


def ahead(session: Session, bench: Bench) -> float:
    """Seconds that distilling may take at the end of the run; 0 where nothing limits what a model may cost."""
    rows, rate = min(len(session.materials.unlabelled), MOST_LESSONS), bench.features.rows_per_second
    if not session.config.serving.given or rows < LEAST_LESSONS or not rate:
        return 0.0
    return 2 * rows / rate  # an ensemble has two members as a rule


def _student(
    session: Session, bench: Bench, prepared: Prepared, teacher: Teacher, rival: Result, within: Sequence[Result]
) -> Result | None:
    """A trial that learned of the teacher, if it is expected to be better than the best trial within the limits."""
    able = [one for one in within if getattr(registry.get("methods", one.method), "takes_soft_targets", False)]
    rows = prepared.unlabelled
    if not able or not isinstance(bench.output, Averaging):
        session.say("decision", "nothing is distilled: no trial within the limits can learn of a teacher")
        return None
    if not bench.validation:
        session.say("decision", "nothing is distilled: no validation row could say whether a student is better")
        return None
    if len(rows) < LEAST_LESSONS:
        told = f"{len(rows):,} rows have no label, and a teacher is asked about {LEAST_LESSONS:,} or more"
        session.say("decision", f"nothing is distilled: {told}")
        return None
    pupil = session.choose(bench, able)
    candidate = Candidate(
        pupil.method, pupil.options, rows=pupil.rows, adapted=pupil.adapted, distilled=True,
        reason=f"{teacher.name} teaches it, which may not answer",
    )  # fmt: skip
    folder = session.place / "distilled" / pupil.method
    try:
        shutil.rmtree(folder, ignore_errors=True)  # of a run that was killed here: the time allows other lessons now
        result = _taught(session, bench, prepared, teacher, candidate, folder)
    except (Interrupted, InputError):
        raise
    except (AutoGPTError, MemoryError) as problem:
        session.say("trial", f"{candidate.name} failed: {problem or 'memory ran out'}")
        return None
    if result is None:
        return None
    session.results.append(result)
    session.folders.append(folder)
    session.stages[result.name] = result.seconds
    cost, limits = serving.of_trial(session, bench, result), session.config.serving
    if not cost.is_within(limits):  # of other words than the labelled rows have TF-IDF keeps weights too
        session.say("decision", f"{result.name} takes {cost}, more than {limits.given} allows")
        return None
    return result if _is_better(session, bench, teacher, result, rival) else None


def _taught(
    session: Session, bench: Bench, prepared: Prepared, teacher: Teacher, candidate: Candidate, folder: Any
) -> Result | None:
    """The student's trial; None where time does not allow asking the teacher."""
    left = session.budget.until(session.reserve(bench, prepared))
    drawn = np.random.default_rng([bench.seed, 97]).permutation(len(prepared.unlabelled))[:MOST_LESSONS]
    inputs = [prepared.unlabelled[place].inputs for place in drawn]
    tables: list[Any] = []
    until = (1 - ASKING) * left() if math.isfinite(left()) else 0.0
    while CHUNK * len(tables) < len(inputs) and left() > until:
        tables.append(teacher.scorer.score(inputs[CHUNK * len(tables) :][:CHUNK]))
    asked = inputs[: CHUNK * len(tables)]
    if len(asked) < LEAST_LESSONS:
        session.say("decision", f"nothing is distilled: there is no time to ask {teacher.name}")
        return None
    table = [row for part in tables for row in part] if isinstance(tables[0], list) else np.concatenate(tables)
    likely = bench.output.probabilities(table, bench.space, teacher.decision)
    session.lessons = lessons(asked, likely)
    session.say("trial", f"{candidate.name}: {teacher.name} says what {len(asked):,} rows without a label are")
    result, _ = run_trial(session.own(bench, candidate), candidate, folder=folder, remaining=left)
    score = f"{bench.metric.name} {result.scores[bench.metric.name]:.4f}"
    session.say("trial", f"{result.name}: {score} on validation, {result.seconds:.1f} s")
    return result


def _is_better(session: Session, bench: Bench, teacher: Teacher, student: Result, rival: Result) -> bool:
    """Whether more is expected of a student than of the best trial within the limits, beyond a tie."""
    tables = [
        load_scores(session.folders[session.results.index(one)] / "validation.safetensors") for one in (student, rival)
    ]
    found = ensembling.compared(bench, *tables)
    leads = (teacher.score > rival.scores[bench.metric.name]) is bench.metric.higher_is_better
    same = student.method == rival.method
    usual, spread = USUAL.get(student.method, UNKNOWN) if leads and same else UNKNOWN
    gain = ensembling.expected_gain(bench, found, usual=usual, spread=spread)
    told = f"{found.gain:+.4f} {bench.metric.name} give or take {found.noise:.4f} beside {rival.name}"
    is_better = gain >= ensembling.LEAST_GAIN
    kept = "it is kept" if is_better else "it is left, as a tie or worse"
    session.say("decision", f"{student.name}: {told}, of which {gain:+.4f} is to be expected: {kept}")
    return is_better
