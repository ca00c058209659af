"""`autogpt prompts`: prompts are written, tried on training rows, shown, saved, and taken by a run."""

import json
import random

import pytest

from autogpt import load
from autogpt.cli.app import execute
from autogpt.testing import tiny
from autogpt.testing.endpoint_server import Server

MOODS = {"good": ("great", "good"), "bad": ("awful", "bad")}


@pytest.fixture
def notes(tmp_path):
    drawn, lines = random.Random(0), ["text,mood"]
    for place in range(120):
        mood = ("good", "bad")[place % 2]
        lines.append(f"the {drawn.choice(('dog', 'cat', 'card'))} is {drawn.choice(MOODS[mood])} {place},{mood}")
    path = tmp_path / "notes.csv"
    path.write_text("\n".join(lines), "utf-8")
    return path


def test_a_cloze_is_written_saved_and_served(notes, tmp_path, capsys):
    encoder, saved = str(tiny.bert_folder(tmp_path / "bert")), tmp_path / "prompts.json"
    told = ["--target", "mood", "--backbone", encoder, "--offline", "--time-limit", "60s"]
    assert execute(["prompts", str(notes), *told, "--save", str(saved), "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["form"] == "cloze"
    assert {"patterns: label names", "filling"} <= {one["origin"] for one in document["tried"]}
    given = json.loads(saved.read_text("utf-8"))["prompts"]
    assert given == document["prompts"]
    more = ["--methods", "cloze", "--prompts", str(saved), "--output", str(tmp_path / "runs"), "--json"]
    assert execute(["run", str(notes), *told, *more]) == 0
    run = json.loads(capsys.readouterr().out)
    model = load(run["model"])
    ((_, template),) = model.info["prompts"][0]["turns"]
    assert template in [one["turns"][0][1] for one in given]
    assert model.scorer.shape.template == template.replace("{label}", "{mask}")
    assert template in json.dumps(run["report"], ensure_ascii=False), "the report shows it"
    assert model.predict("the dog is [MASK] great </s>")[0].value in MOODS


def test_an_endpoint_gets_an_instruction(notes, tmp_path, capsys):
    with Server() as server:
        named = ["--endpoint", server.address, "--endpoint-model", "tiny", "--goal", "tell the mood of a note"]
        assert execute(["prompts", str(notes), "--target", "mood", *named, "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["form"] == "instruction"
    assert "tell the mood of a note" in {one["turns"][0][1] for one in document["tried"]}


def test_people_see_a_table(notes, tmp_path, capsys):
    encoder = str(tiny.bert_folder(tmp_path / "bert"))
    assert execute(["prompts", str(notes), "--target", "mood", "--backbone", encoder, "--form", "description"]) == 0
    assert "rules: label names" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("more", "said"), [(["--form", "song"], "must be one of"), (["--form", "instruction"], "name one with --endpoint")]
)
def test_what_cannot_be_written_is_told(more, said, notes, capsys):
    assert execute(["prompts", str(notes), *more]) == 2
    assert said in capsys.readouterr().err
