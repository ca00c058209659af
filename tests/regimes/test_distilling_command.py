"""`distil`: a saved model teaches another one, and held-out rows say what came of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from autogpt import AutoGPT, load
from autogpt.cli.app import execute
from autogpt.config import Distilling, Experiments, Search
from autogpt.core import Decision, LabelSpace, Schema
from autogpt.errors import ConfigError, InputError
from autogpt.model import Model

KINDS = ("animal", "colour")
WORDS = {"animal": [f"a{place}" for place in range(80)], "colour": [f"c{place}" for place in range(80)]}


def notes(count: int, *, labelled: int = 0, known: int = 80, seed: int = 0, first: int = 0) -> list[dict[str, Any]]:
    rng = np.random.default_rng(seed)
    rows = []
    for place in range(count):
        kind = KINDS[place % 2]
        text = f"{rng.choice(['card', 'money', 'paris'])} {rng.choice(WORDS[kind][:known])} n{first + place}"
        rows.append({"note": text, **({"kind": kind if place < labelled else None} if labelled else {})})
    return rows


class Oracle:
    """Knows all words, and says so with the sureness that it is given."""

    family = "oracle"

    def score(self, inputs: Any, *, batch_rows: int = 64) -> Any:
        return np.array([[4.0, 0.0] if set(row["text"].split()) & {*WORDS["animal"]} else [0.0, 4.0] for row in inputs])

    def save(self, folder: Path) -> None:
        raise NotImplementedError


def oracle(**info: Any) -> Model:
    schema = Schema(task="text-classification", text=("note",), target=("kind",))
    return Model(Oracle(), schema=schema, space=LabelSpace(labels=KINDS), decision=Decision(), info=info)


def learner(folder: Path) -> AutoGPT:
    return AutoGPT(output=str(folder), search=Search(methods="tfidf"), experiments=Experiments(search="off"))


def test_texts_alone_are_enough_and_held_out_ones_say_how_far_the_student_agrees(tmp_path: Path) -> None:
    found = learner(tmp_path).distil(oracle(), notes(600), into="tfidf")
    assert found.facts["agreement"]["value"] > 0.9
    assert "scores" not in found.facts, "without labels there is no score to show"
    assert found.facts["rows"]["labelled"] == 0
    assert load(found.folder).predict(["card a7", "money c9"])[0].value == "animal"
    assert json.loads((found.folder / "distilled.json").read_text("utf-8"))["agreement"] == found.facts["agreement"]


def test_with_some_labels_student_teacher_and_labels_alone_are_compared_on_the_same_rows(tmp_path: Path) -> None:
    rows = notes(60, labelled=60, known=8) + notes(600, labelled=1) + notes(200, labelled=200, first=900, seed=5)
    for place, row in enumerate(rows):
        row["split"] = "test" if place >= 660 else "train"
    facts = learner(tmp_path).distil(oracle(), rows, into="tfidf").facts
    scores = {name: score["value"] for name, score in facts["scores"].items()}
    assert scores["teacher"] == 1.0
    assert scores["student"] > scores["labels"] + 0.1
    assert facts["behind"]["delta"] == pytest.approx(scores["student"] - scores["teacher"])
    assert facts["beside_labels"]["low"] > 0
    assert facts["scores"]["student"]["n"] == facts["rows"]["held_out"] == 200


def test_rows_that_the_teacher_learned_from_teach_their_labels_alone(tmp_path: Path) -> None:
    face = learner(tmp_path)
    rows = notes(200, labelled=200)
    teacher = face.train(rows, time_limit="10m")
    with pytest.raises(ConfigError, match="the teacher learned from these rows, and all have a label"):
        face.distil(teacher, rows, into="tfidf")
    facts = face.distil(teacher, rows, into="tfidf", options=Distilling(trust=0.5)).facts
    assert (facts["learned"], facts["trust"]) == (True, 0.5)


def test_other_columns_too_few_rows_and_other_students_are_refused_by_name(tmp_path: Path) -> None:
    face = learner(tmp_path)
    with pytest.raises(InputError, match="column 'note' is not there; the teacher reads it, the data has 'text'"):
        face.distil(oracle(), [{"text": "a1"}] * 30, into="tfidf")
    with pytest.raises(InputError, match="could be asked about 5 rows"):
        face.distil(oracle(), notes(5), into="tfidf")
    with pytest.raises(
        ConfigError, match="'contrastive' cannot learn of a teacher; give --into with one of: full, head"
    ):
        face.distil(oracle(), notes(50), into="contrastive")
    with pytest.raises(ConfigError, match="no student is named"):
        face.distil(oracle(), notes(50), into="")
    with pytest.raises(ConfigError, match="tfidf has no backbone; give --into tfidf"):
        face.distil(oracle(), notes(50), into="tfidf/some/encoder")
    assert not list(tmp_path.iterdir()), "nothing is left of what did not begin"


def test_the_command_shows_both_in_english_and_chinese(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    learned = learner(tmp_path / "runs")
    learned.train(notes(160, labelled=160), time_limit="10m")
    assert learned.run is not None
    data = tmp_path / "more.jsonl"
    data.write_text("".join(json.dumps(row) + "\n" for row in notes(200, labelled=100, seed=3)), "utf-8")
    common = ["distil", str(learned.run.folder), str(data), "--into", "tfidf", "-o", str(tmp_path), "-t", "10m"]
    assert execute([*common, "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert set(document["scores"]) == {"teacher", "student", "labels"}
    assert set(document["costs"]) == {"teacher", "student"}
    assert execute([*common, "--lang", "zh", "--quiet"]) == 0
    shown = capsys.readouterr().out
    assert "只学标签的学生" in shown
    assert "学生 - 教师" in shown
    folder = next(tmp_path.glob("more-*"))
    assert execute(["resume", str(folder)]) == 2
    assert "is a distillation" in capsys.readouterr().err
