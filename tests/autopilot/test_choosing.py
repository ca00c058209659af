"""Rows are chosen in a run where labels lost much of what they could tell, and nowhere else."""

import json
import random

import numpy as np
import pytest

from autogpt import AutoGPT, datasets, registry
from autogpt.autopilot import choosing
from autogpt.autopilot.choosing import Rows, chosen, weighted, world_of
from autogpt.autopilot.trial import Bench
from autogpt.config import Search
from autogpt.core import Example, LabelSpace
from autogpt.events import silent

NAMES = ("a", "b", "c")


class Vectors:
    """Features that are known already: a row's inputs are its number."""

    def __init__(self, table):
        self.table = table

    def get(self, inputs, *, seconds=None):
        return list(range(len(inputs))), np.stack([self.table[one["text"]] for one in inputs])


def bench(*, wrong: float, rows: int = 300, held: int = 60, seed: int = 0, output: str = "classes") -> Bench:
    rng = np.random.default_rng(seed)
    means = 1.6 * rng.standard_normal((3, 12))
    gold = rng.integers(3, size=rows + held)
    table = {str(place): means[label] + rng.standard_normal(12) for place, label in enumerate(gold)}
    told = [
        int(one + rng.integers(1, 3)) % 3 if rng.random() < wrong and n < rows else one for n, one in enumerate(gold)
    ]
    examples = [Example(place, {"text": str(place)}, NAMES[label]) for place, label in enumerate(told)]
    return Bench(
        train=examples[:rows],
        validation=examples[rows:],
        output=registry.get("outputs", output),
        space=LabelSpace(NAMES),
        metrics=(registry.get("metrics", "accuracy"),),
        open=lambda: None,
        features=Vectors(table),
        runtime=lambda: None,
        seed=seed,
        listen=silent,
        stop=lambda: False,
    )


@pytest.fixture
def told():
    return []


def rows_of(folder, told):
    return Rows(folder, lambda kind, message, **data: told.append(message))


def test_rows_with_wrong_labels_are_left_out(tmp_path, told):
    spoiled = bench(wrong=0.45)
    rows = rows_of(tmp_path, told)
    rows.consider(spoiled, seconds=60)
    assert rows.policy == "reinforce"
    assert told[-1].startswith("rows are chosen")
    learned = rows.bench(spoiled, rows.policy).train
    assert len(learned) < len(spoiled.train)
    assert rows.bench(spoiled, "").train is spoiled.train


def test_clean_rows_are_all_learned_from(tmp_path, told):
    rows = rows_of(tmp_path, told)
    rows.consider(bench(wrong=0.0), seconds=60)
    assert rows.policy == ""
    assert told[-1].startswith("all rows are learned from")


def test_a_resumed_run_has_the_same_choice_and_is_not_asked_again(tmp_path, told):
    spoiled = bench(wrong=0.45)
    first = rows_of(tmp_path, told)
    first.consider(spoiled, seconds=60)
    before = len(told)
    again = rows_of(tmp_path, told)
    again.consider(spoiled, seconds=60)
    assert len(told) == before
    assert again.bench(spoiled, again.policy).train == first.bench(spoiled, first.policy).train


def test_time_that_is_too_short_is_not_spent(tmp_path, told):
    rows = rows_of(tmp_path, told)
    rows.consider(bench(wrong=0.45), seconds=0.5)
    assert rows.policy == ""
    assert "seconds" not in rows.verdict
    assert "may be spent" in told[-1]


def test_choosing_stops_when_its_time_is_over(tmp_path, told, monkeypatch):
    monkeypatch.setattr(choosing, "SECONDS", (0.0, 0.0))
    rows = rows_of(tmp_path, told)
    rows.consider(bench(wrong=0.45), seconds=0.01)
    assert rows.policy == ""
    assert "was not done" in told[-1]


def test_rows_without_one_label_or_with_few_validation_rows_are_no_pool():
    assert world_of(bench(wrong=0.3, output="labels")) is None
    assert world_of(bench(wrong=0.3, held=10)) is None


def test_weights_are_one_on_average_and_say_what_speaks_against_a_row():
    known = world_of(bench(wrong=0.45))
    assert known is not None
    found = chosen(*known, "reinforce")
    assert np.mean(found.weights(300)) == pytest.approx(1.0, abs=0.05)
    least = int(found.verdict.proposal.weight.argmin())
    assert found.why(least).split()[0] in found.names


def test_weights_come_on_top_of_a_rows_own():
    rows = [Example(0, {"text": "x"}, "a", weight=0.5), Example(1, {"text": "y"}, "b"), Example(2, {"text": "z"}, "b")]
    assert [(row.id, row.weight) for row in weighted(rows, [2.0, 0.0, 0.3])] == [(0, 1.0), (2, 0.3)]


def test_a_run_on_spoiled_labels_learns_from_chosen_rows_and_reports_both(tmp_path):
    train, test = datasets.load("banking77")
    names = sorted({row["label"] for row in train.rows})[:2]
    drawn, spoiled = random.Random(0), []
    for place, row in enumerate(row for row in train.rows if row["label"] in names):
        split = "validation" if place % 5 == 0 else "train"
        flips = split == "train" and drawn.random() < 0.4
        label = names[1 - names.index(row["label"])] if flips else row["label"]
        spoiled.append({"text": row["text"], "label": label, "split": split})
    spoiled += [{**row, "split": "test"} for row in test.rows if row["label"] in names]
    face = AutoGPT(output=str(tmp_path), search=Search(methods="head"))
    model = face.train(spoiled, goal="route messages by intent", time_limit="90s")
    assert face.run is not None
    kept = json.loads((face.run.folder / "selection.json").read_text("utf-8"))
    if kept["policy"]:
        assert {"head", "head on chosen rows"} <= {system.name for system in model.report.systems}
        assert model.report.systems[0].scores[0].value > 0.8
    else:
        assert "all rows" in (face.run.folder / "journal.jsonl").read_text("utf-8")
