"""Labels that are paths, from a table to answers: the run, its report, the saved model, and what the command shows."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from autogpt import load
from autogpt.cli.app import execute

TREE = {
    "my money back": ("billing", "refund"),
    "a copy of the invoice": ("billing", "invoice"),
    "the parcel that is late": ("delivery", "late"),
    "the parcel that was lost": ("delivery", "lost"),
}
ROWS = [
    ({"text": f"{start} {words} {end}"}, steps)
    for words, steps in TREE.items()
    for start in ("I want", "please send", "where is", "I ask for", "who has")
    for end in ("today", "now", "please", "again", "soon")
]


def trained(folder: Path, lines: list[dict[str, str]], capsys: pytest.CaptureFixture[str]) -> Path:
    (folder / "rows.jsonl").write_text("\n".join(map(json.dumps, lines)), "utf-8")
    command = ["run", str(folder / "rows.jsonl"), "--goal", "sort each message", "--methods", "majority,tfidf"]
    assert execute([*command, "--time-limit", "30s", "--output", str(folder / "runs"), "--json"]) == 0
    return Path(json.loads(capsys.readouterr().out)["model"])


def test_a_run_on_paths(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = trained(tmp_path, [{**row, "label": "/".join(steps)} for row, steps in ROWS], capsys)
    model = load(folder)
    assert model.schema.task == "hierarchical-classification"
    report = model.report
    assert report is not None
    assert [score.metric for score in report.systems[0].scores][:3] == ["hierarchical-f1", "accuracy", "top-accuracy"]
    assert set(report.kinship) == {"line", "sibling", "branch", "other"}
    (answer,) = model.predict(["when do I get my money back"])
    assert answer.value == "billing > refund"
    top, leaf = answer.best
    assert (top[0], leaf) == ("billing", ("billing > refund", pytest.approx(answer.confidence)))
    assert top[1] > leaf[1]

    assert execute(["predict", str(folder), "when do I get my money back", "--json"]) == 0
    (told,) = json.loads(capsys.readouterr().out)["predictions"]
    assert [step["label"] for step in told["steps"]] == ["billing", "billing > refund"]
    assert execute(["predict", str(folder), "when do I get my money back"]) == 0
    assert "billing > refund" in capsys.readouterr().out
    assert execute(["evaluate", str(folder), str(tmp_path / "rows.jsonl"), "--json"]) == 0
    assert "hierarchical-f1" in capsys.readouterr().out


def test_nested_columns_are_learned_as_one_path(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = load(trained(tmp_path, [{**row, "level1": a, "level2": b} for row, (a, b) in ROWS], capsys))
    assert model.schema.target == ("level1", "level2")
    assert model.predict(["the parcel was lost"])[0].value == "delivery > lost"
