"""`autogpt runs`: what a folder of runs says about itself, damaged ones included."""

from __future__ import annotations

import json
import os
import platform
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest


def run_folder(place: Path, name: str, *, age: float = 0.0, **state: Any) -> Path:
    folder = place / name
    folder.mkdir(parents=True)
    path = folder / "run.json"
    path.write_text(json.dumps(state), "utf-8")
    written = time.time() - age
    os.utime(path, (written, written))
    return folder


BEST = {"method": "head", "metric": "accuracy", "score": 0.9213}


def test_runs_are_listed_youngest_first_with_state_score_and_time(autogpt: Callable[..., Any], tmp_path: Path) -> None:
    run_folder(tmp_path, "old", age=1000, status="done", best=BEST, seconds=181.2, started="2026-01-01 10:00:00")
    run_folder(tmp_path, "新", status="running", best=None, seconds=3.0, started="2026-01-02 10:00:00")
    (tmp_path / "no run").mkdir()
    found = autogpt("runs", str(tmp_path), "--json").document["runs"]
    assert [(Path(one["run"]).name, one["status"], one["method"], one["score"]) for one in found] == [
        ("新", "running", None, None),
        ("old", "done", "head", 0.9213),
    ]
    lines = autogpt("runs", str(tmp_path)).out.splitlines()
    assert lines[2].split()[1:] == ["done", "head", "0.9213", "accuracy", "3m1s", "2026-01-01", "10:00:00"]


@pytest.mark.parametrize(
    "content",
    ["", "{", "[]", "null", '{"status": 3}', '{"status": "done", "best": "x"}', '{"status": "done", "seconds": "x"}',
     '{"status": "done", "best": {"score": []}}'],
)  # fmt: skip
def test_a_damaged_run_is_listed_and_spoils_no_other(autogpt: Callable[..., Any], tmp_path: Path, content: str) -> None:
    run_folder(tmp_path, "good", status="done", best=BEST, seconds=1.0, age=10)
    (run_folder(tmp_path, "bad") / "run.json").write_text(content)
    found = autogpt("runs", str(tmp_path), "--json").document["runs"]
    assert [Path(one["run"]).name for one in found] == ["bad", "good"]
    assert found[1]["status"] == "done"
    assert autogpt("runs", str(tmp_path)).code == 0


def test_a_run_that_is_silent_for_long_was_killed_and_can_be_resumed(
    autogpt: Callable[..., Any], tmp_path: Path
) -> None:
    folder = run_folder(tmp_path, "killed", age=3600, status="running", best=BEST, seconds=20)
    found = autogpt("runs", str(tmp_path))
    assert "stopped" in found.out
    assert f"go on with:  autogpt resume {folder}" in found.err


@pytest.mark.parametrize(
    ("process", "state"),
    [(os.getpid(), "running"), (2**22 + 7, "stopped"), ("x", "running")],
    ids=["alive", "gone", "unknown"],
)
def test_a_run_whose_process_is_gone_was_killed(
    autogpt: Callable[..., Any], tmp_path: Path, process: Any, state: str
) -> None:
    folder = run_folder(tmp_path, "young", status="running", best=BEST, seconds=20)
    path = folder / "run.json"
    found = json.loads(path.read_text("utf-8"))
    path.write_text(json.dumps({**found, "process": {"host": platform.node(), "id": process}}), "utf-8")
    (told,) = autogpt("runs", str(tmp_path), "--json").document["runs"]
    assert told["status"] == state


def test_a_folder_may_be_a_run_itself_or_hold_none(autogpt: Callable[..., Any], tmp_path: Path) -> None:
    folder = run_folder(tmp_path, "one", status="done", best=BEST, seconds=1.0)
    assert len(autogpt("runs", str(folder), "--json").document["runs"]) == 1
    empty = tmp_path / "nowhere"
    assert autogpt("runs", str(empty)).out == f"no runs in {empty}; start one with: autogpt run DATA\n"
    assert autogpt("runs", str(empty), "--json").document == {"runs": []}
