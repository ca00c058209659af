"""More time for a run: what was tried is kept, the test is opened again for a better model only, and that is told."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from autogpt import AutoGPT, load, pipeline
from autogpt.autopilot import extend as extending
from autogpt.autopilot import looks
from autogpt.autopilot import run as autopilot
from autogpt.autopilot.run import Run
from autogpt.autopilot.trial import Candidate
from autogpt.cli.app import execute
from autogpt.config import Search
from autogpt.errors import ConfigError, InputError, Interrupted
from autogpt.events import Event
from autogpt.testing.tiny import MOODS
from autogpt.testing.tiny import notes as table


def finished(folder: Path, methods: str) -> Run:
    face = AutoGPT(output=str(folder), search=Search(methods=methods))
    face.train(table(), goal="sort notes", time_limit="90s")
    assert face.run is not None
    return face.run


def allow(run: Run, methods: str) -> None:
    """As if the ladder had left the other methods out for want of time."""
    path = run.folder / "run.json"
    state = json.loads(path.read_text("utf-8"))
    state["config"]["search"]["methods"] = methods
    path.write_text(json.dumps(state), "utf-8")


def state_of(run: Run) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((run.folder / "run.json").read_text("utf-8"))
    return found


def test_without_a_better_model_the_test_stays_closed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = finished(tmp_path, "majority,tfidf")
    monkeypatch.setattr(pipeline.SealedTest, "open", lambda self: pytest.fail("the test was opened again"))
    again = autopilot.extend(run.folder, "+1m")
    assert str(again.report.main) == str(run.report.main)
    assert load(run.folder).predict("thank you for the card") == run.model.predict("thank you for the card")
    assert len(state_of(run)[looks.TESTS]) == 1
    assert again.report.looks == ()
    assert state_of(run)["config"]["time_limit"] >= 60
    assert Run.load(run.folder).report.config["time_limit"] == state_of(run)["config"]["time_limit"]


def test_a_better_model_is_tested_and_the_second_look_is_told(tmp_path: Path) -> None:
    run = finished(tmp_path, "majority")
    assert run.report.method == "majority"
    allow(run, "majority,tfidf")
    told: list[Event] = []
    again = autopilot.extend(run.folder, "+1m", listen=told.append)
    assert again.report.method == "tfidf"
    assert [look.name for look in again.report.looks] == ["majority"]
    assert again.report.looks[0].score == pytest.approx(run.report.main.value)
    assert [one["model"] for one in state_of(run)[looks.TESTS]] == ["majority", "tfidf"]
    assert any(check.name == "looks" and "judged 2 times" in check.text for check in again.report.verdict.warnings)
    assert "judged 2 times" in again.report.to_markdown()
    begun = [event for event in told if event.kind == "trial" and event.data.get("state") == "started"]
    assert [event.data["trial"] for event in begun] == ["tfidf"], "what was tried is not tried again"
    assert "majority" in [system.name for system in again.report.systems], "the baseline is fitted anew to compare with"


def test_the_tested_model_stays_until_the_better_one_is_tested(tmp_path: Path) -> None:
    run = finished(tmp_path, "majority")
    allow(run, "majority,tfidf")

    def interrupts(event: Event) -> None:
        if event.kind == "evaluation":
            raise KeyboardInterrupt

    with pytest.raises(Interrupted):
        autopilot.extend(run.folder, "+1m", listen=interrupts)
    assert load(run.folder).info["method"] == "majority"
    assert load(run.folder).info["status"] == "tested"
    again = autopilot.resume(run.folder)
    assert again.report.method == "tfidf"
    assert [one["model"] for one in state_of(run)[looks.TESTS]] == ["majority", "tfidf"]


def test_the_rows_are_split_as_when_the_run_began(tmp_path: Path) -> None:
    """More time would allow more validation rows: earlier scores would be of other rows, and test rows unsealed."""
    face = AutoGPT(output=str(tmp_path), search=Search(methods="majority"))
    rows = [{"note": f"{MOODS[label]} {place}", "kind": label} for place in range(700) for label in list(MOODS)[:2]]
    face.train(rows, time_limit="20s")
    assert face.run is not None
    before = face.run.report.data.splits
    allow(face.run, "majority,tfidf")
    assert autopilot.extend(face.run.folder, "+10m").report.data.splits == before


@pytest.mark.parametrize(
    ("wanted", "finished", "limit"),
    [("+10m", True, 700.0), ("+10m", False, 1200.0), ("20m", True, 1200.0), ("none", True, None)],
)
def test_a_limit_is_added_or_is_the_new_total(wanted: str, finished: bool, limit: float | None) -> None:
    assert extending.new_limit(wanted, given=600.0, spent=100.0, finished=finished) == limit


@pytest.mark.parametrize("wanted", ["100s", "+0s", "+none", "ten", "+"])
def test_a_limit_that_leaves_nothing_is_refused(wanted: str) -> None:
    with pytest.raises(ConfigError):
        extending.new_limit(wanted, given=600.0, spent=100.0, finished=True)


def test_a_folder_without_trials_cannot_be_extended(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="not a run"):
        autopilot.extend(tmp_path, "+1m")


def test_a_method_is_tried_again_only_where_more_time_makes_it_another_trial() -> None:
    short = Candidate("full", {"epochs": 1.0, "layers": 2})
    longer: Any = Candidate("full", {"epochs": 3.0})
    session: Any = SimpleNamespace(more={looks.EXTENDED: [{}]})
    fresh: Any = SimpleNamespace(more={})
    assert extending.is_begun(longer, [short], fresh), "a resumed run does not begin a method twice"
    assert not extending.is_begun(longer, [short], session)
    assert extending.is_begun(replace(longer, options={"epochs": 1.2, "layers": 2}), [short], session)
    assert extending.is_begun(longer, [short, replace(longer, by=extending.MORE)], session)
    assert extending.again(longer, [short]).name == "full (more time)"
    assert not extending.is_begun(Candidate("head"), [short], session)


def test_the_command_extends_and_blames_a_limit_that_is_none(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = finished(tmp_path, "majority")
    assert execute(["extend", str(run.folder), "--time-limit", "+1m", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["report"]["method"] == "majority"
    assert execute(["extend", str(run.folder), "--time-limit", "1s"]) == 2
    assert "as +10m" in capsys.readouterr().err
