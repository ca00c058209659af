"""Every row becomes an example or a rejection with its line; rows without a target are kept aside."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from autogpt import registry
from autogpt.core import Schema, Table
from autogpt.data.examples import UNLABELLED, examples, unlabelled

SCHEMA = Schema("text-classification", ("text",), ("label",))
CELL = st.sampled_from(["fine", "", "  ", None, float("nan")])


@given(st.lists(st.tuples(CELL, CELL), max_size=20))
def test_rows_in_are_examples_and_rejections(cells: list[tuple[object, object]]) -> None:
    table = Table([{"text": a, "label": b} for a, b in cells], ("text", "label"), "f.csv")
    found, rejected = examples(table, SCHEMA, registry.get("tasks", "text-classification"))
    lines = {r.line for r in rejected} | {e.id + 1 for e in found}
    assert len(found) + len(rejected) == len(cells)
    assert lines == set(range(1, len(cells) + 1))


def test_a_rejection_says_where_and_why() -> None:
    rows = [{"text": "a b", "label": "x"}, {"text": "", "label": "x"}, {"text": "c", "label": None}]
    table = Table(rows, ("text", "label"), "f.csv", lines=(2, 3, 7))
    found, rejected = examples(table, SCHEMA, registry.get("tasks", "text-classification"))
    assert [e.id for e in found] == [0]
    assert [(r.origin, r.line) for r in rejected] == [("f.csv", 3), ("f.csv", 7)]
    assert rejected[0].reason == "column 'text' is empty"
    assert rejected[1].reason == f"{UNLABELLED}column 'label' is empty"
    assert [e.id for e in unlabelled(table, SCHEMA, registry.get("tasks", "text-classification"))] == [2]


def test_no_label_is_an_answer_where_any_number_is_allowed() -> None:
    table = Table(
        [{"t": "a", "l": ""}, {"t": "b", "l": "x|y"}, {"t": "c", "l": None}, {"t": "d", "l": []}], ("t", "l"), "f"
    )
    schema = Schema("multi-label-classification", ("t",), ("l",), separator="|")
    found, rejected = examples(table, schema, registry.get("tasks", schema.task))
    assert [e.target for e in found] == [(), ("x", "y"), ()]
    assert [r.line for r in rejected] == [3]
