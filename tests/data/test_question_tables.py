"""Tables of questions are recognised by answers that stand in their texts, and other tables never are."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest

from autogpt import registry
from autogpt.core import Table
from autogpt.data.columns import describe
from autogpt.data.examples import examples
from autogpt.data.goal import read
from autogpt.data.schema import infer
from autogpt.data.split import make_split
from autogpt.data.structures import question_answering

NAME = question_answering.NAME
GOALS = ("", "answer questions from the text", "extractive question answering", "根据文本回答问题")
PEOPLE = ("Ada Lovelace", "Alan Turing", "Grace Hopper", "Kurt Gödel", "Emmy Noether", "Carl Gauss")
TOWNS = ("Paris", "Rome", "Lima", "Oslo", "New Delhi", "Quito", "Kyiv")

Make = Callable[[random.Random], dict[str, Any]]


def told(rng: random.Random) -> tuple[str, str, str, int]:
    """A text, a question about it, the answer and its place."""
    person, town = rng.choice(PEOPLE), rng.choice(TOWNS)
    year = str(rng.randint(1800, 1999))
    text = (
        f"In {year} the well known {person} moved to {town}, where a school was built soon after that. It still stands."
    )
    question, answer = rng.choice(
        [("Who moved away?", person), (f"Where did {person} move?", town), ("When was that?", year)]
    )
    return text, question, answer, text.index(answer)


def lists(rng: random.Random) -> dict[str, Any]:
    text, question, answer, start = told(rng)
    return {"id": str(rng.random()), "c": text, "q": question, "a": [answer], "s": [start]}


def records(rng: random.Random) -> dict[str, Any]:
    text, question, answer, start = told(rng)
    return {"title": "History", "c": text, "q": question, "a": {"text": [answer], "answer_start": [start]}}


def strings(rng: random.Random) -> dict[str, Any]:
    text, question, answer, _ = told(rng)
    return {"c": text, "q": question, "a": answer}


def numbered(rng: random.Random) -> dict[str, Any]:
    text, question, answer, start = told(rng)
    return {"c": text, "q": question, "a": answer, "s": start}


def unanswered(rng: random.Random) -> dict[str, Any]:
    row = records(rng)
    return row if rng.random() < 0.6 else {**row, "a": {"text": [], "answer_start": []}}


def empty(rng: random.Random) -> dict[str, Any]:
    return {**strings(rng), **({"a": None} if rng.random() < 0.4 else {})}


MADE: list[tuple[Make, tuple[str, ...]]] = [
    (lists, ("a", "s")),
    (records, ("a",)),
    (strings, ("a",)),
    (numbered, ("a", "s")),
    (unanswered, ("a",)),
    (empty, ("a",)),
]


def table(make: Make, seed: int, count: int = 60, *, shuffle: bool = False) -> Table:
    rng = random.Random(seed)
    rows = [make(rng) for _ in range(count)]
    names = list(rows[0])
    if shuffle:
        rng.shuffle(names)
    return Table([{name: row[name] for name in names} for row in rows], tuple(names), "made.jsonl")


@pytest.mark.parametrize("goal", GOALS)
@pytest.mark.parametrize(("make", "target"), MADE, ids=lambda part: getattr(part, "__name__", ""))
def test_questions_are_recognised_in_every_form(make: Make, target: tuple[str, ...], goal: str) -> None:
    schema = infer(table(make, 0), goal=goal).schema
    assert (schema.task, schema.text, schema.target, schema.group) == (NAME, ("q", "c"), target, "c")


@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize(("make", "target"), MADE, ids=lambda part: getattr(part, "__name__", ""))
def test_neither_names_nor_order_of_columns_matter(make: Make, target: tuple[str, ...], seed: int) -> None:
    made = table(make, seed, shuffle=True)
    names = dict(zip(made.columns, random.Random(seed).sample("tuvwxyz", len(made.columns)), strict=True))
    renamed = [{names[column]: value for column, value in row.items()} for row in made.rows]
    schema = infer(Table(renamed, tuple(names.values()), "made.jsonl")).schema
    assert (schema.task, schema.text) == (NAME, (names["q"], names["c"]))
    assert schema.target == tuple(names[column] for column in target)


def test_empty_answers_are_answers_and_wrong_ones_are_rejected_with_the_reason() -> None:
    made = table(empty, 0)
    bad = Table([*made.rows, {"c": "a text", "q": "why?", "a": "because"}], made.columns, "made.jsonl")
    found, rejected = examples(bad, infer(made).schema, registry.get("tasks", NAME))
    assert len(found) == 60
    assert 10 < sum(not example.target.spans for example in found) < 40
    assert [rejection.reason[:41] for rejection in rejected] == ["the answer 'because' is not in the text; "]


def test_rows_of_one_text_stay_on_one_side() -> None:
    made = table(lists, 0, 40)
    rows = [{**row, "q": f"{row['q']} ({n})"} for row in made.rows for n in range(3)]
    tripled = Table(rows, made.columns, "made.jsonl")
    schema = infer(tripled).schema
    found, _ = examples(tripled, schema, registry.get("tasks", NAME))
    assert schema.group is not None
    groups = [row[schema.group] for row in rows]
    split = make_split(found, output="span", seed=0, groups=groups)
    sides = [{e.inputs["text"] for e in part} for part in (split.train, split.validation, split.test)]
    assert all(sides)
    assert not sides[0] & sides[1]
    assert not sides[0] & sides[2]
    assert not sides[1] & sides[2]


def aspects(rng: random.Random) -> dict[str, Any]:
    text, _, answer, _ = told(rng)
    return {"review": text, "aspect": answer, "label": rng.choice(["good", "bad"])}


def entities(rng: random.Random) -> dict[str, Any]:
    text, question, answer, start = told(rng)
    spans = [{"start": start, "end": start + len(answer), "label": "X"}]
    return {"text": text, "title": question, "spans": spans}


def topics(rng: random.Random) -> dict[str, Any]:
    text, question, _, _ = told(rng)
    return {"passage": text, "question": question, "answer": rng.choice(["yes", "no"])}


def written(rng: random.Random) -> dict[str, Any]:
    text, question, answer, _ = told(rng)
    return {"passage": text, "question": question, "answer": f"I think it was {answer}."}


@pytest.mark.parametrize("make", [aspects, entities, topics, written])
def test_other_tables_are_never_taken_for_questions(make: Make) -> None:
    made = table(make, 0)
    assert question_answering.readings(made, describe(made), read("answer questions")) == []


OTHERS = ("banking77/test", "cr/all", "wnut17/test", "restaurant8k/test", "nlupp/hotels", "stsb/en_test",
          "semeval2010_task8/test", "gsm8k/test", "pros_cons/all", "hatecheck/cases", "winobias/dev")  # fmt: skip


@pytest.mark.parametrize("name", OTHERS)
def test_real_sets_for_other_tasks_are_never_taken_for_questions(name: str, shared_rows: Callable[..., Any]) -> None:
    rows = shared_rows(name)[:300]
    made = Table(rows, tuple(rows[0]), name)
    assert question_answering.readings(made, describe(made), read("answer questions")) == []


@pytest.mark.parametrize("goal", GOALS)
@pytest.mark.parametrize("name", ["xquad/en", "xquad/zh", "cmrc2018/trial"])
def test_real_sets_of_questions_are_recognised(name: str, goal: str, shared_rows: Callable[..., Any]) -> None:
    rows = shared_rows(name)[:200]
    schema = infer(Table(rows, tuple(rows[0]), name), goal=goal).schema
    assert (schema.task, schema.text, schema.target) == (NAME, ("question", "context"), ("answers", "starts"))
    assert schema.group == "context"


@pytest.mark.parametrize(
    ("goal", "task"),
    [
        ("find the answer to each question in the passage", NAME),
        ("find answers in our documents", NAME),
        ("找出文章中的答案", NAME),
        ("retrieve the right paragraph", "text-retrieval"),
        ("找到包含答案的文章", "text-retrieval"),
    ],
)
def test_the_goal_says_whether_texts_or_answers_in_them_are_wanted(goal: str, task: str) -> None:
    rng = random.Random(0)
    made = [strings(rng) for _ in range(60)]
    rows = [
        {"context": row["c"], "question": f"{row['q'][:-1]}, case {place}?", "answer": row["a"]}
        for place, row in enumerate(made)
    ]
    table = Table(rows, ("context", "question", "answer"), "made")
    assert infer(table, goal=goal).schema.task == task
