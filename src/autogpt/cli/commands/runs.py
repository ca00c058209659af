"""`autogpt runs`: what was run here."""

from __future__ import annotations

import json
import platform
import time
from pathlib import Path
from typing import Annotated, Any

import typer

from autogpt.cli.screen import Screen
from autogpt.config import duration

STATES = ("running", "stopped", "paused", "done", "failed", "unreadable")
SILENT_SECONDS = 300.0  # of a run on another machine, which writes its state with every event


def runs(
    screen: Screen,
    folder: Annotated[str, typer.Argument(help="folder with runs", metavar="FOLDER", show_default=False)] = "runs",
) -> None:
    """List the runs in a folder: state, best score, time."""
    paths = [path for pattern in ("run.json", "*/run.json") for path in Path(folder).glob(pattern)]
    found = [described(path) for path in sorted(paths, key=_written, reverse=True)]
    if not found:
        screen.result({"runs": []}, screen.t("no runs in {folder}; start one with: autogpt run DATA", folder=folder))
        return
    rows = [
        (one["run"], screen.t(one["status"]), one["method"] or "", _score(one), _spent(one), one["started"] or "")
        for one in found
    ]
    parts = [screen.table(("run", "state", "method", ">score", ">time", "started"), rows)]
    screen.result({"runs": found}, *parts)
    unfinished = next((one["run"] for one in found if one["status"] in ("paused", "stopped", "failed")), None)
    if unfinished:
        screen.note("go on with:  autogpt resume {folder}", folder=unfinished)


def described(path: Path) -> dict[str, Any]:
    """One run from its `run.json`; a damaged one is listed as what it is."""
    process: Any = None
    one: dict[str, Any] = {"run": str(path.parent), "status": "unreadable", "started": None, "seconds": None,
                           "method": None, "metric": None, "score": None}  # fmt: skip
    try:
        state = json.loads(path.read_text(encoding="utf-8"))
        best, process = state.get("best") or {}, state.get("process")
        one["status"], one["started"] = str(state["status"]), state.get("started")
        one["method"], one["metric"] = best.get("method"), best.get("metric")
        one["seconds"], one["score"] = _number(state, "seconds"), _number(best, "score")
    except (OSError, ValueError, KeyError, AttributeError, TypeError) as error:
        one["problem"] = f"{type(error).__name__}: {error}"
    if one["status"] == "running" and (_is_gone(process) or time.time() - _written(path) > SILENT_SECONDS):
        one["status"] = "stopped"
    return one


def _is_gone(process: Any) -> bool:
    """Whether the run's process has ended; False when that cannot be known from this machine."""
    import psutil

    if not isinstance(process, dict) or process.get("host") != platform.node():
        return False
    number = process.get("id")
    return isinstance(number, int) and not psutil.pid_exists(number)


def _number(values: dict[str, Any], name: str) -> float | None:
    found = values.get(name)
    return None if found is None else float(found)


def _written(path: Path) -> float:
    return path.stat().st_mtime


def _score(one: dict[str, Any]) -> str:
    return "" if one["score"] is None else f"{one['score']:.4f} {one['metric'] or ''}".strip()


def _spent(one: dict[str, Any]) -> str:
    return "" if one["seconds"] is None else duration(round(one["seconds"]))
