"""`autogpt select`: what is shown, what is written, what is refused."""

import json
import random

import pytest

from autogpt.cli.app import execute

GOOD, BAD = ("good fine lovely great", "bad awful poor dull")


@pytest.fixture
def notes(tmp_path):
    """Texts of two moods; two fifths of the training labels are wrong, validation labels are right."""
    drawn, lines = random.Random(0), ["text,mood,split"]
    for place in range(330):
        mood = ("good", "bad")[place % 2]
        text = " ".join(drawn.choice((GOOD if mood == "good" else BAD).split()) for _ in range(3))
        split = "validation" if place < 90 else "test" if place < 130 else "train"
        wrong = split == "train" and drawn.random() < 0.4
        told = {"good": "bad", "bad": "good"}[mood] if wrong else mood
        lines.append(f"{text} number {place},{told},{split}")
    path = tmp_path / "notes.csv"
    path.write_text("\n".join(lines), "utf-8")
    return path


@pytest.mark.minilm
def test_it_explains_and_writes_weights(notes, tmp_path, capsys):
    out = tmp_path / "chosen.csv"
    assert execute(["select", str(notes), "--explain", "--weights", str(out), "--json", "--offline"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["policy"] == "reinforce"
    assert {"oof", "trusted", "bias"} <= set(told["weighing"])
    assert told["accepted"]
    assert told["rows_left_out"][0]["why"].split()[0] in told["weighing"]
    header, *rows = out.read_text("utf-8").splitlines()
    assert header == "text,mood,split,weight"
    assert len(rows) == told["rows"] == 200


@pytest.mark.minilm
def test_people_see_the_same(notes, capsys):
    assert execute(["select", str(notes), "--offline"]) == 0
    shown = capsys.readouterr().out
    assert "What the policy learned" in shown
    assert "rows left out" in shown


def test_an_unknown_policy_is_refused_with_those_that_exist(notes, capsys):
    assert execute(["select", str(notes), "--policy", "luck"]) == 2
    assert "balanced-filter" in capsys.readouterr().err


def test_nothing_to_choose_from_is_told(capsys):
    assert execute(["select"]) == 2
    assert "give DATA" in capsys.readouterr().err
