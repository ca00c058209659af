"""One autonomous session, from a source and a sentence to a tested model, and its continuation after a kill."""

from __future__ import annotations

import json
import re
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from autogpt import config as settings
from autogpt import files
from autogpt.autopilot import looks
from autogpt.autopilot.extend import new_limit
from autogpt.autopilot.live_page import LivePage, both
from autogpt.autopilot.planner import Chat
from autogpt.autopilot.planner import check as check_planner
from autogpt.autopilot.session import Session
from autogpt.config import RunConfig
from autogpt.errors import AmbiguityError, AutoGPTError, ConfigError, InputError, Interrupted, ModelError
from autogpt.events import Listener, silent

if TYPE_CHECKING:
    from autogpt.evaluation.report import Report
    from autogpt.model import Model

Ask = Callable[[AmbiguityError], str]

SEVERAL, TEXTS, ALIGNED, DISTILLED = "multi_task", "pretraining", "alignment", "distilling"
"""What `run.json` of a run of several tasks, a training on texts alone, an alignment or a distillation has beside what
all have."""


@dataclass(frozen=True, slots=True)
class Run:
    """A finished run: its folder, the model and the report."""

    folder: Path
    model: Model
    report: Report

    @classmethod
    def load(cls, folder: str | Path) -> Self:
        """A finished run from disk; ModelError when it has not finished."""
        from autogpt.model import Model

        place = Path(folder)
        model = Model.load(place / "model")
        if model.report is None:
            raise ModelError(f"run {str(place)!r} has not finished; go on with `autogpt resume {place}`")
        return cls(place, model, model.report)


def run(
    config: RunConfig,
    *,
    data: Any = None,
    test: Any = None,
    ask: Ask | None = None,
    listen: Listener | None = None,
    planner: Chat | None = None,
) -> Run:
    """Run a configuration. `data` (anything `data.read` takes) stands for `config.data`, `test` is a test set,
    `planner` a chat model that proposes candidates beside the ladder (`autopilot/planner.py`).

    Whatever happens, the best model so far stands in `<run>/model`. Interrupted has the command that goes on.
    """
    started = time.monotonic()
    check_planner(config)
    folder = new_folder(config)
    page = LivePage(folder, config)
    session = Session(config, folder=folder, listen=both(page, listen or silent), ask=ask, started=started)
    session.chat = planner
    try:
        return _finish(session, data, test, page)
    except AutoGPTError as problem:
        if not isinstance(problem, Interrupted) and not session.has_begun:  # a wrong name or file: nothing to keep
            shutil.rmtree(folder, ignore_errors=True)
        raise


def resume(folder: str | Path, *, listen: Listener | None = None) -> Run:
    """Go on with a run that was stopped or killed; finished trials are not repeated."""
    place = Path(folder)
    state = read_state(place)
    if SEVERAL in state:
        raise InputError(f"{str(place)!r} is a run of several tasks; go on with `autogpt resume {place}`")
    if ALIGNED in state:
        raise InputError(f"{str(place)!r} is an alignment; go on from what it saved with `autogpt align`")
    if DISTILLED in state:
        raise InputError(f"{str(place)!r} is a distillation; begin it again with `autogpt distil`")
    if state["status"] == "done":
        return Run.load(place)
    config = settings.build(RunConfig, state["config"], origin=str(place / "run.json"))
    spent = float(state.get("seconds") or 0.0)
    page = LivePage(place, config, spent=spent)
    session = Session(
        config,
        folder=place,
        listen=both(page, listen or silent),
        ask=None,
        spent=spent,
        started=time.monotonic(),
    )
    session.more = looks.kept(state)
    if extended := session.more.get(looks.EXTENDED):
        session.begun_with(extended[0]["from"])  # rows are split, and shapes made, as when the run began
    return _finish(session, None, None, page)


def extend(folder: str | Path, time_limit: str, *, listen: Listener | None = None) -> Run:
    """Go on with a finished or stopped run: `+10m` is more time, `20m` the new total. Trials that ended are kept.

    The tested model stays unless a trial since is expected to be better by validation rows; then the test is judged
    once more, which `run.json` counts and the report says.
    """
    place = Path(folder)
    state = read_state(place)
    if {SEVERAL, TEXTS, ALIGNED, DISTILLED} & state.keys() or not (place / "trials").is_dir():
        raise InputError(f"{str(place)!r} is no run of trials that more time could be given to; start it anew")
    config = settings.build(RunConfig, state["config"], origin=str(place / "run.json"))
    spent = float(state.get("seconds") or 0.0)
    limit = new_limit(time_limit, given=config.time_limit, spent=spent, finished=state["status"] == "done")
    extended = [*state.get(looks.EXTENDED, ()), {"from": config.time_limit, "to": limit, "spent": spent}]
    state = {**state, "status": "paused", "config": settings.plain(replace(config, time_limit=limit))}
    files.write_json(place / "run.json", {**state, looks.EXTENDED: extended})
    return resume(place, listen=listen)


def plan(config: RunConfig, *, data: Any = None, test: Any = None, ask: Ask | None = None) -> Plan:
    """What a run would do, with estimates; nothing is trained or written."""
    from autogpt.autopilot.plan import make_plan

    check_planner(config)
    session = Session(config, folder=None, listen=silent, ask=ask, started=time.monotonic())
    return make_plan(session, session.read(data, test))


def _finish(session: Session, data: Any, test: Any, page: LivePage) -> Run:
    try:
        with told(session):
            model, report = session.execute(data, test)
    finally:
        page.close(str(read_state(session.place)["status"]))
    return Run(session.place, model, report)


@contextmanager
def told(session: Session) -> Iterator[None]:
    """Keeps `run.json` true to what becomes of a run; who interrupts it gets the command that goes on."""
    from autogpt.training.signals import stop_requested

    session.write_state("running")
    try:
        with stop_requested() as stop:
            session.stop = stop
            yield
    except (Interrupted, KeyboardInterrupt):
        session.write_state("paused")
        command = f"autogpt resume {session.folder}"
        raise Interrupted(f"stopped; what was done is kept. Go on with: {command}", resume=command) from None
    except BaseException:
        session.write_state("failed")
        raise
    session.write_state("done")


def new_folder(config: RunConfig) -> Path:
    """`<output>/<name of the data>-<time>`, made new."""
    name = re.sub(r"[^\w-]+", "-", Path(config.data or "data").stem, flags=re.UNICODE).strip("-") or "data"
    base = Path(config.output) / f"{name[:40]}-{time.strftime('%Y%m%d-%H%M%S')}"
    for number in range(1000):
        folder = base if not number else base.with_name(f"{base.name}-{number}")
        try:
            folder.mkdir(parents=True)
        except FileExistsError:
            continue
        except OSError as problem:
            raise ConfigError(f"folder {config.output!r} cannot be written to: {problem}; give --output") from None
        return folder
    raise ConfigError(f"folder {config.output!r} has a thousand runs of this second; give another --output")


def read_state(folder: Path) -> dict[str, Any]:
    """`run.json` of a run."""
    try:
        state = json.loads((folder / "run.json").read_text("utf-8"))
        if not isinstance(state["config"], Mapping) or not isinstance(state["status"], str):
            raise KeyError("config")
    except (OSError, ValueError, KeyError, TypeError):
        raise InputError(f"{str(folder)!r} is not a run (no readable run.json); `autogpt runs` lists them") from None
    found: dict[str, Any] = state
    return found


if TYPE_CHECKING:
    from autogpt.autopilot.plan import Plan
