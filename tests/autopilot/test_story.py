"""Why this model: everything that is told stands in the journal, for people in two languages and for programs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from autogpt import AutoGPT
from autogpt.autopilot import story
from autogpt.autopilot.run import Run
from autogpt.cli.app import execute
from autogpt.config import Search
from autogpt.errors import InputError
from autogpt.testing import tiny

MOODS = {"lost": "is gone and I cannot find my", "cost": "how much do I pay for a", "thanks": "thank you for the"}


def table(rows: int = 240) -> list[dict[str, Any]]:
    named = ((place, list(MOODS)[place % 3]) for place in range(rows))
    return [{"note": f"{MOODS[label]} card number {place}", "kind": label} for place, label in named]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("runs")
    search = Search(methods="majority,tfidf,head,contrastive", backbone=str(tiny.bert_folder(folder / "bert")))
    face = AutoGPT(output=str(folder), search=search)
    face.train(table(), goal="sort notes", time_limit="60s")
    assert face.run is not None
    return face.run


def test_all_that_was_tried_has_its_score_its_cost_and_what_was_expected(run: Run) -> None:
    told = story.tell(run.folder)
    assert told.status == "done"
    assert {"majority", "tfidf", "head"} <= {one.name for one in told.tried}
    assert told.metric == "accuracy"
    assert told.rows == run.report.data.splits["validation"]
    for one in told.tried:
        assert one.state == "done"
        assert one.score is not None
        assert one.seconds is not None
        assert one.expected is not None
    head = next(one for one in told.tried if one.name == "head")
    assert head.estimate > 0, "the ladder's estimate stands beside what it took"
    assert told.estimate_ratio is not None
    assert told.winner in {one.name for one in told.tried}
    assert told.ranking[0].score == max(one.score or 0 for one in told.tried)
    assert told.curse is not None
    assert [one["model"] for one in told.tests] == [run.report.method]


def test_the_journal_is_data_that_is_only_appended_to(run: Run) -> None:
    records = [json.loads(line) for line in (run.folder / "journal.jsonl").read_text("utf-8").splitlines()]
    done = [one["data"] for one in records if one["kind"] == "trial" and one["data"].get("state") == "done"]
    assert all({"estimate", "seconds", "score", "reason", "options", "by"} <= set(one) for one in done)
    won = next(one["data"] for one in records if "winner" in one["data"])
    assert set(won["expected"]) == {one["trial"] for one in done}
    before = (run.folder / "journal.jsonl").read_bytes()
    story.tell(run.folder)
    assert (run.folder / "journal.jsonl").read_bytes() == before


def test_the_command_speaks_english_chinese_and_json(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert execute(["explain", str(run.folder), "--lang", "en"]) == 0
    english = capsys.readouterr().out
    for words in ("Why this model", "What was tried", "What would help", "tfidf"):
        assert words in english
    assert execute(["explain", str(run.folder), "--lang", "zh"]) == 0
    chinese = capsys.readouterr().out
    for words in ("为什么选这个模型", "尝试了什么", "怎样会更好"):
        assert words in chinese
    assert execute(["explain", str(run.folder), "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["winner"] == story.tell(run.folder).winner
    assert document["tried"][0]["name"] == "majority"


def test_what_was_left_out_has_its_reason_and_what_time_would_bring(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "run.json").write_text(json.dumps({"status": "paused", "config": {"goal": "g", "time_limit": 60}}))
    why = "full is left out: about 120 s are needed, 40 s are left"
    records = [
        {
            "kind": "trial",
            "message": "",
            "data": {"trial": "head", "state": "started", "estimate": 4.0, "metric": "mae"},
        },
        {"kind": "trial", "message": "head failed: no memory", "data": {"trial": "head", "state": "failed"}},
        {"kind": "decision", "message": why, "data": {"left_out": why}},
    ]
    lines = "\n".join(json.dumps(one) for one in records)
    (folder / "journal.jsonl").write_text(lines + '\n{"kind": "trial", "mess', "utf-8")  # a kill cut the last line
    told = story.tell(folder)
    assert told.left_out == (why,)
    assert told.needed == 120
    assert told.winner == ""
    assert told.tried[0].state == "failed"
    assert told.tried[0].problem == "head failed: no memory"
    assert execute(["explain", str(folder)]) == 0


def test_a_folder_that_is_no_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="not a run"):
        story.tell(tmp_path)
