"""Question answering from a file to answers: the run, its report, the saved model, and questions answered with it."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from autogpt import load
from autogpt.cli.app import execute
from autogpt.testing import tiny

COLOURS = ("red", "green", "blue")


def rows(count: int = 120) -> list[dict[str, Any]]:
    """The only colour of a text is the answer; some texts have none."""
    rng = random.Random(0)
    found = []
    for place in range(count):
        colour = rng.choice(COLOURS)
        noun, name = rng.choice(["card", "dog", "cat"]), rng.choice(["alice", "bob"])
        text = f"{name} lives in {rng.choice(['paris', 'rome'])} and the {noun} is {colour} and round"
        text = f"{text} {' '.join(rng.choice(['one', 'two', 'three', 'four', 'five']) for _ in range(3))}"
        answers = {"text": [colour], "answer_start": [text.index(f"is {colour}") + 3]}
        if place % 4 == 0:
            text, answers = text.replace(f"is {colour}", "is lost"), {"text": [], "answer_start": []}
        found.append({"context": text, "question": f"what is the {noun}?", "answers": answers})
    return found


def test_a_run_on_questions(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table = rows()
    lines = [json.dumps(row) for row in table]
    (tmp_path / "rows.jsonl").write_text("\n".join(lines), "utf-8")
    backbone = tiny.bert_folder(tmp_path / "bert")
    command = ["run", str(tmp_path / "rows.jsonl"), "--goal", "answer questions from the text"]
    command += ["--methods", "majority,tfidf,full", "--backbone", str(backbone), "--time-limit", "40s"]
    command += ["--output", str(tmp_path / "runs"), "--json"]
    assert execute(command) == 0, capsys.readouterr().out
    folder = Path(json.loads(capsys.readouterr().out)["model"])
    model = load(folder)
    assert (model.schema.task, model.schema.text) == ("question-answering", ("question", "context"))
    report = model.report
    assert report is not None
    assert [score.metric for score in report.systems[0].scores] == ["answer-f1", "exact-match"]
    assert report.data.contradictions == 0
    assert all("‖" in answer.text and answer.gold for answer in report.worst)
    assert (folder / "README.md").is_file()

    one = table[1]
    (answer,) = model.predict([(one["question"], one["context"])])
    assert answer.value == "" or answer.value in one["context"]
    model.schema = replace(model.schema, text=("frage", "absatz"))  # the plain names do as well
    assert model.predict({"question": one["question"], "context": one["context"]}) == [answer]
    assert execute(["predict", str(folder), one["question"], one["context"], "--json"]) == 0
    (told,) = json.loads(capsys.readouterr().out)["predictions"]
    assert told["label"] == answer.value
    for span in told["spans"]:
        assert one["context"][span["char_start"] : span["char_end"]] == answer.value

    assert execute(["predict", str(folder), "-i", str(tmp_path / "rows.jsonl"), "-o", str(tmp_path / "out.jsonl")]) == 0
    capsys.readouterr()
    answered = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text("utf-8").splitlines()]
    assert len(answered) == len(table)
    assert execute(["evaluate", str(folder), str(tmp_path / "rows.jsonl"), "--json"]) == 0
    assert "answer-f1" in capsys.readouterr().out
    assert execute(["predict", str(folder), one["question"], one["context"]]) == 0
    assert capsys.readouterr().out
