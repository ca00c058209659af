"""How often a run's test was looked at: each model that was judged on it stands in `run.json`, with its score there.

A run judges one model. One that is extended may judge another; whoever extends because of the first score has chosen by
the test a little, even though the choice itself stays on validation rows. So every look is kept and told in the report.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from autogpt.evaluation.report import Look
from autogpt.evaluation.score import Score

if TYPE_CHECKING:
    from autogpt.autopilot.session import Session

TESTS, EXTENDED = "tests", "extended"
"""What `run.json` has of the models that were judged, and of the times that the run was given more time."""


def kept(state: Mapping[str, Any]) -> dict[str, Any]:
    """What of a run's state its continuation has to keep."""
    return {name: state[name] for name in (TESTS, EXTENDED) if isinstance(state.get(name), list)}


def times_extended(session: Session) -> int:
    """How often the run was given more time."""
    return len(session.more.get(EXTENDED, ()))


def before(session: Session) -> tuple[Look, ...]:
    """Models that were judged before this part of the run."""
    return tuple(
        Look(one["model"], one["metric"], math.nan if one["score"] is None else one["score"], one["when"])
        for one in _tests(session)
        if one["part"] < times_extended(session)
    )


def note(session: Session, name: str, score: Score) -> None:
    """A model was judged. What the same part of the run noted before (a kill came in between) is replaced."""
    part = times_extended(session)
    value = None if math.isnan(score.value) else score.value
    one = {"model": name, "metric": score.metric, "score": value, "rows": score.n, "part": part}
    one["when"] = time.strftime("%Y-%m-%d %H:%M:%S")
    earlier = [look for look in _tests(session) if look["part"] < part]
    session.more = {**session.more, TESTS: [*earlier, one]}
    if session.folder is not None:
        session.write_state("running")


def _tests(session: Session) -> Sequence[Mapping[str, Any]]:
    found: Sequence[Mapping[str, Any]] = session.more.get(TESTS, ())
    return found
