"""Multiple choice: how columns are found, what a row becomes, and a whole run."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest

from autogpt import AutoGPT, load
from autogpt.config import Columns, Search
from autogpt.core import Schema, Table
from autogpt.data.schema import infer
from autogpt.errors import AmbiguityError, SchemaError
from autogpt.tasks.multiple_choice import plugin
from autogpt.testing import tiny

NAMES = ("ann", "bob", "cleo", "dan", "eve", "finn", "gus", "hal")
PLACES = ("market", "station", "library", "harbour", "museum")
LISTED = Schema("multiple-choice", ("q",), ("y",), choices=("c",), numbering="1")


def questions(rows: int = 240, *, seed: int = 0) -> list[dict[str, Any]]:
    """One of three people went somewhere; the question asks who. The right choice stands in the story."""
    rng = random.Random(seed)
    found = []
    for place in range(rows):
        people = rng.sample(NAMES, 3)
        right = rng.randrange(3)
        story = f"On day {place} {people[right]} walked to the {rng.choice(PLACES)} and came back late at night."
        found.append(
            {
                "story": story,
                "question": f"Who walked to the place on day {place}?",
                **{f"ans{i}": name for i, name in enumerate(people)},
                "label": right,
            }
        )
    return found


def as_table(rows: list[dict[str, Any]]) -> Table:
    return Table(rows, tuple(rows[0]), "made.jsonl")


def listed(rows: list[dict[str, Any]], target: Any) -> list[dict[str, Any]]:
    """The rows with a list of choices, under other names, reordered; the label is `target(choices, place)`."""
    return [
        {
            "x4": target([row["ans0"], row["ans1"], row["ans2"]], row["label"]),
            "f": [row["ans0"], row["ans1"], row["ans2"]],
            "zz": row["question"],
            "k": row["story"],
        }
        for row in rows
    ]


@pytest.mark.parametrize(
    "goal", ["", "choose the right answer", "answer the questions", "find the right names", "选择题"]
)
def test_a_family_of_columns_and_their_number_are_a_question_with_choices(goal: str) -> None:
    schema = infer(as_table(questions()), goal=goal).schema
    assert (schema.task, schema.text, schema.target) == ("multiple-choice", ("story", "question"), ("label",))
    assert (schema.choices, schema.numbering) == (("ans0", "ans1", "ans2"), "0")


@pytest.mark.parametrize(
    ("target", "numbering"),
    [
        (lambda choices, place: place, "0"),
        (lambda choices, place: place + 1, "1"),
        (lambda choices, place: "ABC"[place], "A"),
        (lambda choices, place: choices[place], None),
    ],
)
def test_what_the_target_calls_a_choice_is_found_from_the_values(target: Any, numbering: str | None) -> None:
    schema = infer(as_table(listed(questions(), target))).schema
    assert (schema.task, schema.text, schema.target) == ("multiple-choice", ("k", "zz"), ("x4",))
    assert (schema.choices, schema.numbering) == (("f",), numbering)


def test_columns_of_choices_with_other_names_are_found_by_the_text_of_the_right_one() -> None:
    rows = [
        {
            "b2": r["ans2"],
            "t": r[f"ans{r['label']}"],
            "m": r["story"],
            "v": r["ans0"],
            "q": r["question"],
            "c": r["ans1"],
        }
        for r in questions()
    ]
    schema = infer(as_table(rows)).schema
    assert (schema.task, schema.target, schema.numbering) == ("multiple-choice", ("t",), None)
    assert set(schema.choices) == {"b2", "v", "c"}


def test_sentence_pairs_and_numbered_texts_are_no_choices() -> None:
    rng = random.Random(1)
    story = lambda: f"{rng.choice(NAMES)} walked to the {rng.choice(PLACES)} at {rng.randint(0, 9999)} sharp"  # noqa: E731
    pairs = [{"sentence1": story(), "sentence2": story(), "label": i % 2} for i in range(200)]
    assert infer(as_table(pairs)).schema.task == "text-classification"
    three = [{"k1": story(), "k2": story(), "k3": story(), "label": i % 3} for i in range(200)]
    with pytest.raises(AmbiguityError):
        infer(as_table(three))


def test_told_without_choices_is_refused() -> None:
    rows = [{"text": f"it is {i} o'clock and all is well", "label": i % 3} for i in range(60)]
    with pytest.raises(SchemaError, match="no column fits --task multiple-choice"):
        infer(as_table(rows), columns=Columns(task="multiple-choice", target="label"))


def test_a_row_becomes_a_text_choices_and_a_relevance_each() -> None:
    row = {"q": "who?", "c": ["ann", "bob"], "y": 2}
    assert plugin.inputs(row, LISTED) == {"text": "who?", "choices": ("ann", "bob"), "names": (1, 2)}
    assert plugin.target(row, LISTED) == (0.0, 1.0)
    assert plugin.target({**row, "y": "2.0"}, LISTED) == (0.0, 1.0)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"y": 3}, "column 'y' has 3; allowed are 1 to 2"),
        ({"c": ["ann"]}, "1 candidates; at least 2"),
        ({"c": ["ann", "ann"]}, "the same candidate twice"),
        ({"c": "ann"}, "one candidate and no other"),
        ({"c": ["ann", " "]}, "an empty candidate"),
        ({"q": ""}, "column 'q' is empty"),
    ],
)
def test_a_row_that_cannot_be_used_says_why(change: dict[str, Any], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        plugin.target({"q": "who?", "c": ["ann", "bob"], "y": 1, **change}, LISTED)


def test_the_last_columns_of_choices_may_be_empty() -> None:
    schema = Schema("multiple-choice", ("q",), ("y",), choices=("a", "b", "c"), numbering="A")
    row = {"q": "who?", "a": "ann", "b": "bob", "c": None, "y": "B"}
    assert plugin.inputs(row, schema)["choices"] == ("ann", "bob")
    assert plugin.target(row, schema) == (0.0, 1.0)


def test_a_run_answers_in_the_users_own_words(tmp_path: Path) -> None:
    face = AutoGPT(output=str(tmp_path), search=Search(methods="majority,tfidf"))
    face.train(questions(), goal="choose the right answer", time_limit="60s")
    assert face.run is not None
    report = face.run.report
    assert report.metric == "choice-accuracy"
    assert report.systems[0].scores[0].value > 0.9 > 0.5 > report.systems[1].scores[0].value
    assert report.data.rows_in == report.data.rows_used + report.data.rejected_count + report.data.removed
    model = load(face.run.folder)
    row = {**questions(1, seed=7)[0]}
    right = row.pop("label")
    answer = model.predict(row)[0]
    assert (answer.value, answer.best[0][0], len(answer.best)) == (right, right, 3)
    assert answer.confidence is not None
    assert answer.confidence > 1 / 3
    same = model.predict([(row["story"], row["question"], [row["ans0"], row["ans1"], row["ans2"]])])[0]
    assert same == answer
    assert "choice-accuracy" in (face.run.folder / "model" / "README.md").read_text("utf-8")
    json.loads((face.run.folder / "model" / "report.json").read_text("utf-8"))


def test_a_run_with_an_encoder_keeps_what_it_tested(tmp_path: Path) -> None:
    """Features of candidates are cached, the winner is fitted again, saved, and gives the same answers when loaded."""
    words = ("red", "blue", "green", "round")
    rng = random.Random(0)
    rows = []
    for place in range(100):
        things = [f"bad {word}" for word in rng.sample(words, 2 + place % 3)]
        right = rng.randrange(len(things))
        things[right] = things[right].replace("bad", "good")
        rows.append({"q": f"which is good in {rng.choice(words)} number {place}", "c": things, "y": "ABCD"[right]})
    backbone = tiny.bert_folder(tmp_path / "bert")
    face = AutoGPT(output=str(tmp_path / "runs"), search=Search(methods="majority,head", backbone=str(backbone)))
    face.train(rows, goal="choose the right answer", time_limit="60s")
    assert face.run is not None
    report = face.run.report
    assert report.systems[0].scores[0].value > 0.9
    assert [system.name for system in report.systems] == ["head", "majority", "likeness"]
    assert report.curve is not None, "the quick model is refitted on cached features of lists"
    again = load(face.run.folder)
    assert again.info["family"] == "encoder"
    questions_ = [{"q": row["q"], "c": row["c"]} for row in rows[:20]]
    assert again.predict(questions_) == face.run.model.predict(questions_)
    hits = [answer.value == row["y"] for answer, row in zip(again.predict(questions_), rows, strict=False)]
    assert sum(hits) >= 18
