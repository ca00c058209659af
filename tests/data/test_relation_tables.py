"""Tables for relation extraction are recognised by what their cells mark, and other tables never are."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest

from autogpt import registry
from autogpt.config import Columns
from autogpt.core import Row, Table
from autogpt.data.columns import describe
from autogpt.data.examples import examples
from autogpt.data.goal import read
from autogpt.data.schema import infer
from autogpt.data.structures import relation_extraction
from autogpt.data.targets import candidates

RELATIONS = {
    "cause(e1,e2)": "was followed by",
    "cause(e2,e1)": "came after",
    "part(e1,e2)": "belongs to",
    "Other": "met",
}
NOUNS = ("storm", "flood", "wheel", "old car", "fire", "smoke", "engine", "small roof", "virus", "illness", "rain")


def told(rng: random.Random) -> tuple[str, list[tuple[int, int]], str]:
    """A sentence, its two spans, and the relation between them."""
    label = rng.choice(list(RELATIONS))
    first, second = rng.sample(NOUNS, 2)
    start = f"number {rng.randint(1, 9999)}: the "
    text = f"{start}{first} {RELATIONS[label]} the {second} again."
    place = len(start) + len(first) + len(RELATIONS[label]) + 6
    return text, [(len(start), len(start) + len(first)), (place, place + len(second))], label


def tagged(rng: random.Random, left: str = "<e{}>", right: str = "</e{}>") -> dict[str, Any]:
    text, ((a, b), (c, d)), label = told(rng)
    signs = [sign.format(number) for number in (1, 2) for sign in (left, right)]
    return {"s": text[:a] + signs[0] + text[a:b] + signs[1] + text[b:c] + signs[2] + text[c:d] + signs[3] + text[d:],
            "r": label, "n": rng.randint(1, 5)}  # fmt: skip


def bracketed(rng: random.Random) -> dict[str, Any]:
    return tagged(rng, "[E{}] ", " [/E{}]")


def records(rng: random.Random) -> dict[str, Any]:
    text, spans, label = told(rng)
    return {"s": text, "m": [{"start": a, "end": b} for a, b in spans], "r": label}


def two_columns(rng: random.Random) -> dict[str, Any]:
    text, spans, label = told(rng)
    return {"s": text, "head": list(spans[0]), "tail": list(spans[1]), "r": label}


def four_columns(rng: random.Random) -> dict[str, Any]:
    text, ((a, b), (c, d)), label = told(rng)
    return {"s": text, "k1": a, "k2": b, "k3": c, "k4": d, "r": label, "n": rng.randint(1, 5)}


def four_named(rng: random.Random) -> dict[str, Any]:
    row = four_columns(rng)
    return {"s": row["s"], "tail_start": row["k3"], "tail_end": row["k4"], "head_start": row["k1"],
            "head_end": row["k2"], "r": row["r"]}  # fmt: skip


def words(rng: random.Random) -> dict[str, Any]:
    text, ((a, b), (c, d)), label = told(rng)
    places = [len(text[:a].split()), len(text[:b].split()) - 1, len(text[:c].split()), len(text[:d].split()) - 1]
    names = ("subj_start", "subj_end", "obj_start", "obj_end")
    return {"token": text.split(), **dict(zip(names, places, strict=True)), "r": label}


Make = Callable[[random.Random], dict[str, Any]]
MADE: list[tuple[Make, tuple[str, ...]]] = [
    (tagged, ()),
    (bracketed, ()),
    (records, ("m",)),
    (two_columns, ("head", "tail")),
    (four_columns, ("k1", "k2", "k3", "k4")),
    (four_named, ("head_start", "head_end", "tail_start", "tail_end")),
    (words, ("subj_start", "subj_end", "obj_start", "obj_end")),
]
GOALS = (
    "",
    "which relation holds between two nouns",
    "extract relations between entities",
    "判断两个实体之间的关系类别",
)


def table(make: Make, seed: int, rows: int = 120, *, shuffle: bool = False) -> Table:
    rng = random.Random(seed)
    found = [make(rng) for _ in range(rows)]
    columns = list(found[0])
    if shuffle:
        rng.shuffle(columns)
    return Table([{column: row[column] for column in columns} for row in found], tuple(columns), "made.jsonl")


@pytest.mark.parametrize("goal", GOALS)
@pytest.mark.parametrize(("make", "spans"), MADE, ids=lambda part: getattr(part, "__name__", ""))
def test_relations_are_recognised(make: Make, spans: tuple[str, ...], goal: str) -> None:
    made = table(make, 0)
    schema = infer(made, goal=goal).schema
    assert (schema.task, schema.target, schema.spans) == ("relation-extraction", ("r",), spans)
    assert schema.text == ("token",) if make is words else ("s",)
    found, rejected = examples(made, schema, registry.get("tasks", schema.task))
    assert (len(found), rejected) == (120, [])
    rng = random.Random(0)
    for example in found[:20]:
        text, marks, label = told(rng)
        if make in (tagged, bracketed, four_columns, four_named):
            rng.randint(1, 5)
        assert (example.inputs["text"], list(example.inputs["marks"]), example.target) == (text, marks, label)


@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize(("make", "spans"), MADE[:-1], ids=lambda part: getattr(part, "__name__", ""))
def test_neither_names_nor_order_of_columns_matter(make: Make, spans: tuple[str, ...], seed: int) -> None:
    made = table(make, seed, shuffle=True)
    names = dict(zip(made.columns, random.Random(seed).sample("abcdefg", len(made.columns)), strict=True))
    renamed = [{names[column]: value for column, value in row.items()} for row in made.rows]
    schema = infer(Table(renamed, tuple(names.values()), "made.jsonl")).schema
    assert (schema.task, schema.text, schema.target) == ("relation-extraction", (names["s"],), (names["r"],))
    assert set(schema.spans) == {names[column] for column in spans}


def test_a_label_of_another_kind_can_be_asked_for() -> None:
    made = table(tagged, 0)
    plain = infer(made, columns=Columns(task="text-classification", target="r")).schema
    assert (plain.task, plain.spans) == ("text-classification", ())
    assert infer(made, columns=Columns(target="r")).schema.task == "relation-extraction"
    assert infer(made, columns=Columns(text="s", target="r")).schema.task == "relation-extraction"
    told_task = infer(table(four_columns, 0), columns=Columns(task="relation-extraction", target="r")).schema
    assert told_task.spans == ("k1", "k2", "k3", "k4")


def one_span_each(rng: random.Random) -> dict[str, Any]:
    text, spans, label = told(rng)
    return {"s": text, "m": [{"start": a, "end": b, "label": "N"} for a, b in spans[: rng.randint(1, 2)]], "r": label}


def html(rng: random.Random) -> dict[str, Any]:
    text, ((a, b), (c, d)), label = told(rng)
    marked = f"{text[:a]}<b>{text[a:b]}</b>{text[b:c]}<h1>{text[c:d]}</h1>{text[d:]}"
    return {"s": marked, "r": label, "x": rng.randint(0, 30), "y": rng.randint(0, 30)}


def counts(rng: random.Random) -> dict[str, Any]:
    text, _, label = told(rng)
    low = rng.randint(0, 20)
    numbers = {"a": low, "b": low + rng.randint(1, 9), "c": rng.randint(0, 9), "d": rng.randint(10, 30)}
    return {"s": text, "r": label, **numbers}


@pytest.mark.parametrize("make", [one_span_each, html, counts])
def test_other_tables_are_never_taken_for_relations(make: Make) -> None:
    made = table(make, 0)
    assert relation_extraction.readings(made, describe(made), read("which relation")) == []
    assert all(reading.task != "relation-extraction" for reading in candidates(made, describe(made), goal=read("")))


@pytest.mark.parametrize(
    "name", ["banking77/test", "cr/all", "wnut17/test", "restaurant8k/test", "nlupp/hotels", "stsb/en_test"]
)
def test_real_sets_for_other_tasks_are_never_taken_for_relations(name: str, shared_rows: Callable[..., Any]) -> None:
    rows = shared_rows(name)[:300]
    made = Table(rows, tuple(rows[0]), name)
    assert relation_extraction.readings(made, describe(made), read("which relation")) == []


@pytest.mark.parametrize("goal", GOALS)
def test_a_real_set_of_relations_is_recognised(goal: str, shared_rows: Callable[..., Any]) -> None:
    rows = shared_rows("semeval2010_task8/test")[:300]
    schema = infer(Table(rows, tuple(rows[0]), "semeval"), goal=goal).schema
    assert (schema.task, schema.text, schema.target) == ("relation-extraction", ("text",), ("label",))


def test_long_texts_without_four_numbers_are_not_divided_into_words(monkeypatch: pytest.MonkeyPatch) -> None:
    def words(text: str) -> Any:
        raise AssertionError("to divide long texts into words takes seconds")

    rows: list[Row] = [{"text": "a long text of many words, " * 1000, "label": "ab"[i % 2], "n": i} for i in range(20)]
    table = Table(rows=rows, columns=("text", "label", "n"), origin="long")
    monkeypatch.setattr("autogpt.cells.words", words)
    assert relation_extraction.readings(table, describe(table), read("")) == []
