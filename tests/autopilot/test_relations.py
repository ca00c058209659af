"""Relation extraction from a file to answers: the run, its report, the saved model, and files and texts answered."""

from __future__ import annotations

import csv
import json
import random
from pathlib import Path
from typing import Any

import pytest

from autogpt import load
from autogpt.cli.app import execute
from autogpt.errors import InputError

VERBS = {"Cause-Effect({},{})": "caused", "Component-Whole({},{})": "is a part of", "Other": "stood beside"}
NOUNS = ("fire", "smoke", "wheel", "car", "storm", "flood", "roof", "house", "virus", "fever")


def rows(count: int = 180) -> list[dict[str, Any]]:
    """The verb tells the relation, and which tag comes first its direction."""
    rng = random.Random(0)
    found = []
    for place in range(count):
        relation, verb = list(VERBS.items())[place % 3]
        tags = ("e1", "e2") if place % 2 else ("e2", "e1")
        first, second = (f"<{tag}>{noun}</{tag}>" for tag, noun in zip(tags, rng.sample(NOUNS, 2), strict=True))
        text = f"in report {place} the {first} {verb} the {second} once"
        found.append({"sentence": text, "relation": relation.format(*tags)})
    return found


def beside(row: dict[str, Any]) -> dict[str, Any]:
    """The same row with its spans in four columns."""
    text = row["sentence"]
    places = {}
    for tag in sorted(("e1", "e2"), key=lambda tag: text.index(f"<{tag}>")):
        start = text.index(f"<{tag}>")
        text = text.replace(f"<{tag}>", "")
        places |= {f"{tag}_start": start, f"{tag}_end": text.index(f"</{tag}>")}
        text = text.replace(f"</{tag}>", "")
    return {"sentence": text, **places, "relation": row["relation"]}


def run(folder: Path, table: list[dict[str, Any]], capsys: pytest.CaptureFixture[str]) -> Path:
    with (folder / "rows.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(table[0]))
        writer.writeheader()
        writer.writerows(table)
    command = ["run", str(folder / "rows.csv"), "--goal", "which relation holds between the two things"]
    command += ["--methods", "majority,tfidf", "--time-limit", "60s", "--output", str(folder / "runs"), "--json"]
    assert execute(command) == 0, capsys.readouterr().out
    return Path(json.loads(capsys.readouterr().out)["model"])


def test_a_run_on_tagged_texts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = load(run(tmp_path, rows(), capsys))
    assert (model.schema.task, model.schema.spans) == ("relation-extraction", ())
    report = model.report
    assert report is not None
    assert report.metric == "relation-f1"
    main = report.systems[0].scores[0]
    assert (main.metric, main.value > 0.9, main.low <= main.value <= main.high) == ("relation-f1", True, True)
    assert {row.label for row in report.tables[0].rows} == {row["relation"] for row in rows()}
    assert report.data.contradictions == 0
    majority = next(system for system in report.systems if system.name == "majority")
    assert majority.scores[0].value < 0.5
    assert "relation-f1" in (model.folder / "README.md").read_text("utf-8")  # type: ignore[operator]
    there = model.predict("the <e1>storm</e1> caused the <e2>flood</e2> once")[0]
    back = model.predict("the <e2>storm</e2> caused the <e1>flood</e1> once")[0]
    assert (there.value, back.value) == ("Cause-Effect(e1,e2)", "Cause-Effect(e2,e1)")
    with pytest.raises(InputError, match="two spans must be marked"):
        model.predict("the storm caused the flood")


def test_a_run_on_spans_beside_the_text(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table = [beside(row) for row in rows()]
    folder = run(tmp_path, table, capsys)
    model = load(folder)
    assert model.schema.spans == ("e1_start", "e1_end", "e2_start", "e2_end")
    assert model.predict(rows()[1]["sentence"])[0].value == model.predict(table[1])[0].value
    assert execute(["predict", str(folder), "-i", str(tmp_path / "rows.csv"), "-o", str(tmp_path / "answers.csv")]) == 0
    capsys.readouterr()
    with (tmp_path / "answers.csv").open(encoding="utf-8") as file:
        answers = list(csv.DictReader(file))
    right = sum(answer["label"] == answer["relation"] for answer in answers)
    assert right >= 0.9 * len(table)
    assert execute(["predict", str(folder), rows()[1]["sentence"], "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["predictions"][0]["label"] == answers[1]["label"]
    assert execute(["evaluate", str(folder), str(tmp_path / "rows.csv"), "--json"]) == 0


def test_worst_answers_show_the_spans(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rng = random.Random(1)
    table = [{**row, "relation": rng.choice(["a(e1,e2)", "b(e1,e2)", "Other"])} for row in rows()]
    report = load(run(tmp_path, table, capsys)).report
    assert report is not None
    assert report.worst
    assert all("<e1>" in answer.text and "</e2>" in answer.text for answer in report.worst)
    assert report.confusions
