"""A run that goes on with more time: what was tried stays tried, and the tested model stays until a better one is.

The first end of a run deleted the weights of the trials that lost; their scores on validation rows are kept. So an
earlier trial counts in the choice, and only what was fitted since can take the tested model's place: when more is
expected of it on validation rows than of the tested one, beyond a tie. Otherwise the test is not opened again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from autogpt import config as settings
from autogpt import registry
from autogpt.autopilot import belief, looks, reasons
from autogpt.autopilot.budget import GRACE_SECONDS
from autogpt.autopilot.trial import Bench, Candidate, Result, exhaust, load_scorer, make_job
from autogpt.core import Scorer
from autogpt.errors import ConfigError

if TYPE_CHECKING:
    from autogpt.autopilot.session import Session
    from autogpt.evaluation.report import Report
    from autogpt.model import Model

MORE = "more time"
"""Who proposed a trial of a method that was tried before with less."""
GROWTH = 1.5
"""By how much an amount (passes, anchors) must grow, for a method to be tried again."""
AMOUNTS = ("epochs", "anchors")


def new_limit(wanted: str, *, given: float | None, spent: float, finished: bool) -> float | None:
    """Seconds that a run may take in all. `+10m` is more: than was given, or of a finished run, than it took; `20m` is
    the new total. ConfigError where that leaves nothing."""
    text = wanted.strip()
    if text.startswith("+"):
        more = settings.seconds(text[1:])
        if more is None or more <= 0:
            raise ConfigError(f"{wanted!r} is no time to add; write it as +10m")
        return float(round((spent if finished or given is None else max(given, spent)) + more))
    limit = settings.seconds(text)
    if limit is not None and limit < spent + GRACE_SECONDS:
        raise ConfigError(
            f"{settings.duration(limit)} is no more than the {settings.duration(round(spent))} that the run took "
            f"already; give a longer total, or what to add, as +10m"
        )
    return limit


def is_begun(candidate: Candidate, begun: Sequence[Candidate], session: Session) -> bool:
    """Whether a candidate was begun before this process; more time makes more passes of a method worth a new trial."""
    earlier = [one for one in begun if one.step == candidate.step and one.by in ("", MORE) and not one.number]
    if not earlier or not looks.times_extended(session):
        return bool(earlier)
    return not all(_grows(candidate.options, one.options) for one in earlier)


def again(candidate: Candidate, begun: Sequence[Candidate]) -> Candidate:
    """The candidate as it is named where its method was tried before with less time."""
    known = any(one.step == candidate.step and one.by in ("", MORE) and not one.number for one in begun)
    return replace(candidate, by=MORE) if known and not candidate.by else candidate


def _grows(new: Mapping[str, Any], old: Mapping[str, Any]) -> bool:
    """Whether options ask for much more than earlier ones: half as many passes again, or all layers instead of some."""
    if old.get("layers") and not new.get("layers"):
        return True
    return any(name in new and name in old and new[name] >= GROWTH * old[name] for name in AMOUNTS)


def has_tested(session: Session) -> bool:
    """Whether the run was extended after a model of it had been tested: that model stays until a better one is."""
    return bool(looks.times_extended(session) and looks.before(session))


def able(session: Session) -> list[Result]:
    """Trials whose weights are at hand."""
    pairs = zip(session.results, session.folders, strict=True)
    return [result for result, folder in pairs if (folder / "scorer").is_dir()]


def is_dear(session: Session, result: Result) -> bool:
    """Whether a trial's weights are gone and would take an encoder to fit again."""
    return result not in able(session) and bool(registry.get("methods", result.method).needs_backbone)


def scorer(session: Session, bench: Bench, result: Result) -> Scorer:
    """A trial's scorer: from disk, or fitted again as it was, where an earlier end of the run deleted it."""
    folder: Path = session.folders[session.results.index(result)]
    if (folder / "scorer").is_dir():
        return load_scorer(folder / "scorer", result.family)
    known = {one.name for one in fields(registry.get("methods", result.method).options)}
    options = {**result.options, **{name: value for name, value in result.chosen.items() if name in known}}
    remaining = session.budget.until(0.0)
    job = make_job(bench, Candidate(result.method, options), folder=folder / "again", remaining=remaining)
    found = exhaust(registry.get("methods", result.method).fit(job), f"refit {result.name}", bench.listen)
    found.save(folder / "scorer")
    return found


def kept(session: Session, bench: Bench, best: Result) -> tuple[Model, Report] | None:
    """The tested model with its report brought up to date, where nothing better was found since; None otherwise."""
    from autogpt.model import Model

    folder = session.place / "model"
    if not has_tested(session) or not (folder / "report.json").is_file():
        return None
    model = Model.load(folder)
    if model.report is None:
        return None
    why = _why_it_stays(session, bench, best, model)
    if why is None:
        return None
    session.say("decision", why, winner=model.info["method"], kept=True)
    metric = bench.metric.name
    known = {row.name for row in model.report.trials}
    new = [one for one in session.results if one.name not in known]
    rows = [
        replace(
            reasons.trial_row(bench, one, one), chosen=False, reason=f"tried with more time; {metric} on validation"
        )
        for one in new
    ]
    report = replace(
        model.report,
        trials=(*model.report.trials, *rows),
        choices=tuple(reasons.choices(session)),
        config=settings.plain(session.config),
    )
    model.retell(report)
    session.say("saved", f"model and report: {folder}", folder=str(folder))
    return model, report


def _why_it_stays(session: Session, bench: Bench, best: Result, model: Model) -> str | None:
    """Why the tested model keeps its place; None where more is expected of the best trial, beyond a tie."""
    name, metric = model.info["method"], bench.metric
    if best not in able(session):
        return f"{name} stays the model: nothing that was tried since has a better validation score; no second test"
    lost = [one for one in session.results if one not in able(session)]
    among: dict[str, Any] = {
        "metric": metric,
        "rows": len(bench.validation),
        "knows_language": session.knows_language(bench),
    }
    like = next((one for one in lost if one.name == name), belief.choose(lost, **among) if lost else best)
    tested = replace(like, name=name, scores={**like.scores, **model.info["validation"]})
    results = [tested, *session.results]
    expected = belief.expectations(results, prior=session.prior, **among)
    equal = belief.equals([tested, best], [expected[0], expected[1 + session.results.index(best)]], metric=metric,
                          rows=len(bench.validation))  # fmt: skip
    if any(one is tested for one in equal):
        return f"{name} stays the model: {best.name} is no better on validation beyond a tie; no second test"
    return None
