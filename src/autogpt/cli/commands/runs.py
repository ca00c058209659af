"""`autogpt runs`: what was run here."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from autogpt.cli.screen import Screen
from autogpt.config import duration

STATES = ("running", "paused", "done", "failed", "unreadable")


def runs(
    screen: Screen,
    folder: Annotated[str, typer.Argument(help="folder with runs", metavar="[FOLDER]", show_default=False)] = "runs",
) -> None:
    """List the runs in a folder: state, best score, time."""
    found = [described(path) for path in sorted(Path(folder).glob("*/run.json"), key=_age, reverse=True)]
    if not found:
        screen.result({"runs": []}, screen.t("no runs in {folder}; start one with: autogpt run DATA", folder=folder))
        return
    rows = [
        (one["run"], screen.t(one["status"]), one["method"] or "", _score(one), _spent(one), one["started"] or "")
        for one in found
    ]
    screen.result({"runs": found}, screen.table(("run", "state", "method", ">score", ">time", "started"), rows))


def described(path: Path) -> dict[str, Any]:
    """One run from its `run.json`; a damaged one is listed as what it is."""
    one: dict[str, Any] = {"run": str(path.parent), "status": "unreadable", "started": None, "seconds": None,
                           "method": None, "metric": None, "score": None}  # fmt: skip
    try:
        state = json.loads(path.read_text(encoding="utf-8"))
        best = state.get("best") or {}
        one |= {"status": str(state["status"]), "started": state.get("started"), "seconds": state.get("seconds"),
                "method": best.get("method"), "metric": best.get("metric"), "score": best.get("score")}  # fmt: skip
    except (OSError, ValueError, KeyError, AttributeError) as error:
        one["problem"] = f"{type(error).__name__}: {error}"
    return one


def _age(path: Path) -> float:
    return path.stat().st_mtime


def _score(one: dict[str, Any]) -> str:
    return "" if one["score"] is None else f"{one['score']:.4f} {one['metric'] or ''}".strip()


def _spent(one: dict[str, Any]) -> str:
    return "" if one["seconds"] is None else duration(round(one["seconds"]))
