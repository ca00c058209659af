"""How a run tries a candidate: here, or by its workshop; what it came to is told, and the best so far is kept."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from autogpt.autopilot.trial import Bench, Candidate, Result, load_result, run_trial
from autogpt.autopilot.trial import refit as fit_again
from autogpt.autopilot.workshop import hear, is_sent
from autogpt.core import Scorer
from autogpt.errors import AutoGPTError, InputError, Interrupted, ResourceError

if TYPE_CHECKING:
    from autogpt.autopilot.session import Session
    from autogpt.orders import Ending
    from autogpt.pipeline import Prepared

Work = Callable[[], tuple[Result, Scorer] | None]


def attempt(
    session: Session,
    bench: Bench,
    prepared: Prepared,
    candidate: Candidate,
    folder: Path,
    *,
    remaining: Callable[[], float],
    around: Callable[[Callable[[], None]], None] = lambda settle: settle(),
) -> None:
    """Fit a candidate; the workshop comes back as soon as it has place for another one.

    `around` calls what it is given, to hear how the trial ended, and does what is to be done then.
    """
    session.tried.append(candidate.method)

    def settle(work: Work) -> None:
        around(partial(_settle, session, bench, prepared, candidate, folder, work))

    if load_result(folder) is not None:
        settle(lambda: None)
        return
    session.say("trial", f"{candidate.name}: {candidate.reason}", **_told(bench, candidate), state="started")
    own = session.own(bench, candidate)
    if session.workshop is None or not is_sent(candidate):
        settle(lambda: run_trial(own, candidate, folder=folder, remaining=remaining))
        return

    def ended(ending: Ending) -> None:
        hear(bench.features, ending)
        settle(ending.check)

    session.workshop.trial(session.materials, own, candidate, folder, remaining(), ended)


def others_work(session: Session) -> bool:
    """Wait until a trial that is worked on elsewhere is done; False where there is none."""
    return session.workshop is not None and session.workshop.wait()


def _told(bench: Bench, candidate: Candidate) -> dict[str, Any]:
    """What events of a trial say of it."""
    told: dict[str, Any] = {"trial": candidate.name, "method": candidate.name, "metric": bench.metric.name}
    told |= {"higher_is_better": bench.metric.higher_is_better, "estimate": round(candidate.seconds, 2)}
    return told | {"reason": candidate.reason, "options": dict(candidate.options), "by": candidate.by}


def _settle(session: Session, bench: Bench, prepared: Prepared, candidate: Candidate, folder: Path, work: Work) -> None:
    """Do a trial, or hear how it ended (None: what it left stands in its folder); the best so far is kept."""
    told = _told(bench, candidate)
    try:
        done = work()
    except (Interrupted, InputError):
        raise
    except (AutoGPTError, MemoryError) as problem:
        session.say("trial", f"{candidate.name} failed: {problem}", **told, state="failed")
        session.reasons.append(f"{candidate.name}: {problem}")
        return
    result, scorer = done or (load_result(folder), None)
    if result is None:
        raise ResourceError(f"{folder}: its result is gone; resume the run")
    session.results.append(result)
    session.folders.append(folder)
    score = result.known[bench.metric.name]
    session.stages[result.name] = result.seconds
    measured = "no validation rows" if score is None else f"{bench.metric.name} {score:.4f} on validation"
    message = f"{result.name}: {measured}, {result.seconds:.1f} s"
    session.say("trial", message, **told, score=score, seconds=result.seconds, state="done", chosen=result.chosen)
    for note in result.notes:
        session.say("trial", f"{result.name}: {note}")
    chosen = session.choose(bench)
    if chosen is not session.best:
        session.best = chosen
        session.promote(bench, prepared, chosen, scorer if chosen is result else None)


def fit(
    session: Session, bench: Bench, candidate: Candidate, *, folder: Path, remaining: Callable[[], float]
) -> tuple[Result, Scorer]:
    """A trial that is waited for and has no part in the choice."""
    if session.workshop is None or not is_sent(candidate):
        return run_trial(bench, candidate, folder=folder, remaining=remaining)
    return session.workshop.run_trial(session.materials, bench, candidate, folder, remaining())


def refit(session: Session, bench: Bench, result: Result, *, folder: Path, remaining: Callable[[], float]) -> Scorer:
    """A trial's method once more, on all rows."""
    if session.workshop is None or not is_sent(result):
        return fit_again(bench, result, folder=folder, remaining=remaining)
    return session.workshop.refit(session.materials, bench, result, folder, remaining())
