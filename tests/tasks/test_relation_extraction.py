"""Marked spans: every way in which rows give them is read, and what cannot be read is refused with its reason."""

from __future__ import annotations

from typing import Any

import pytest

from autogpt import cells, registry
from autogpt.core import Example, Schema
from autogpt.data.words import inputs_text
from autogpt.evaluation.errors import text_of
from autogpt.training.features import key

TASK = registry.get("tasks", "relation-extraction")
PLAIN = {"text": "the cat saw a dog", "marks": ((4, 7), (14, 17))}


def read(row: dict[str, Any], *spans: str) -> Any:
    return TASK.inputs(row, Schema(TASK.name, ("x",), ("y",), spans=spans))


@pytest.mark.parametrize(
    "text",
    [
        "the <e1>cat</e1> saw a <e2>dog</e2>",
        "the [E1]cat[/E1] saw a [E2]dog[/E2]",
        "the [E1] cat [/E1] saw a [E2] dog [/E2]",
        "the <head>cat</head> saw a <tail>dog</tail>",
        "the <SUBJ> cat</SUBJ> saw a <Obj>dog </obj>",
        "the <entity_1>cat</entity_1> saw a <entity_2>dog</entity_2>",
    ],
)
def test_tags_are_taken_out_and_their_places_kept(text: str) -> None:
    assert read({"x": text}) == PLAIN


def test_arguments_go_by_number_and_not_by_place() -> None:
    assert read({"x": "the <e2>cat</e2> saw a <e1>dog</e1>"}) == {**PLAIN, "marks": ((14, 17), (4, 7))}
    assert read({"x": "the <tail>cat</tail> saw a <head>dog</head>"})["marks"] == ((14, 17), (4, 7))


def test_spans_may_lie_within_each_other() -> None:
    assert read({"x": "<e1>a <e2>red</e2> card</e1>"}) == {"text": "a red card", "marks": ((0, 10), (2, 5))}


def test_other_tags_are_text() -> None:
    assert read({"x": "<b>the</b> <e1>cat</e1> [1] <e2>dog</e2>"})["text"] == "<b>the</b> cat [1] dog"


@pytest.mark.parametrize(
    "text",
    [
        "no spans at all",
        "only <e1>one</e1> span",
        "<e1>a</e1> <e1>b</e1>",
        "<e1>a</e1> <e2>b",
        "</e1>a <e2>b</e2>",
        "<e1>a</e1> <e2> </e2>",
        "<e1>a</e1> <e2>b</e2> <e3>c</e3>",
    ],
)
def test_what_does_not_mark_two_spans_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"column 'x' has '.*two spans must be marked"):
        read({"x": text})


@pytest.mark.parametrize(
    ("row", "spans"),
    [
        ({"s": [{"start": 4, "end": 7}, {"start": 14, "end": 17}]}, ("s",)),
        ({"s": [{"start": 14, "end": 17, "label": "tail"}, {"start": 4, "end": 7, "label": "head"}]}, ("s",)),
        ({"s": '[{"start": 4, "end": 7}, {"start": 14, "end": 17}]'}, ("s",)),
        (
            {"s": [{"start": 14, "end": 17, "type": "PET", "role": "obj"}, {"start": 4, "end": 7, "role": "subj"}]},
            ("s",),
        ),
        ({"s": [[4, 7], [14, 17]]}, ("s",)),
        ({"h": {"start": 4, "end": 7}, "t": {"pos": [14, 17], "name": "dog"}}, ("h", "t")),
        ({"h": [4, 7], "t": "[14, 17]"}, ("h", "t")),
        ({"a": 4, "b": "7", "c": 14.0, "d": 17}, ("a", "b", "c", "d")),
        ({"a": 3, "b": 8, "c": 13, "d": 17}, ("a", "b", "c", "d")),
    ],
)
def test_spans_beside_the_text(row: dict[str, Any], spans: tuple[str, ...]) -> None:
    assert read({"x": PLAIN["text"], **row}, *spans) == PLAIN


def test_spans_of_words_end_before_their_end_but_with_it_in_four_columns() -> None:
    words = ["the", "cat", "saw", "a", "dog"]
    assert read({"x": words, "s": [[1, 2], [4, 5]]}, "s") == PLAIN
    assert read({"x": words, "a": 1, "b": 1, "c": 4, "d": 4}, "a", "b", "c", "d") == PLAIN
    assert read({"x": words, "a": 0, "b": 1, "c": 4, "d": 4}, "a", "b", "c", "d")["marks"] == ((0, 7), (14, 17))


@pytest.mark.parametrize(
    ("row", "spans", "why"),
    [
        ({"s": [[4, 7], [14, 18]]}, ("s",), "'s' has 14 to 18, but there are 17 characters"),
        ({"s": [[4, 7]]}, ("s",), "a list of two spans"),
        ({"s": [[4, 7], [14]]}, ("s",), r"'s' has \[14\]"),
        ({"h": [4, 7], "t": None}, ("h", "t"), "'t' has None"),
        ({"a": 4, "b": 7.5, "c": 14, "d": 17}, ("a", "b", "c", "d"), "'b' has 7.5"),
        ({"a": 3, "b": 4, "c": 14, "d": 17}, ("a", "b", "c", "d"), "nothing but white space"),
        ({"a": 7, "b": 4, "c": 14, "d": 17}, ("a", "b", "c", "d"), "7 to 4"),
    ],
)
def test_spans_that_are_none_are_refused_by_column_and_value(row: Any, spans: tuple[str, ...], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        read({"x": PLAIN["text"], **row}, *spans)


def test_a_text_with_tags_is_read_by_a_model_that_learned_from_columns() -> None:
    assert read({"x": "the <e1>cat</e1> saw a <e2>dog</e2>"}, "a", "b", "c", "d") == PLAIN


@pytest.mark.parametrize("text", ["How do I change my address?", "这个问题怎么解决?", "word", "?"])
def test_samples_of_any_text_have_two_spans_of_it(text: str) -> None:
    (sample,) = TASK.samples(text, Schema(TASK.name, ("x",)))
    assert sample["text"] == text
    assert all(0 <= start < end <= len(text) for start, end in sample["marks"])


@pytest.mark.parametrize(
    ("marks", "expected"),
    [
        (((0, 1), (2, 3)), "<1>a</1> <2>b</2>"),
        (((0, 3), (2, 3)), "<1>a <2>b</2></1>"),
        (((0, 3), (0, 1)), "<1><2>a</2> b</1>"),
        (((0, 1), (1, 3)), "<1>a</1><2> b</2>"),
        (((0, 1), (0, 1)), "<1><2>a</2></1> b"),
        (((2, 3), (0, 1)), "<2>a</2> <1>b</1>"),
    ],
)
def test_signs_stand_around_spans_however_these_lie(marks: Any, expected: str) -> None:
    found, places = cells.marked("a b", marks, (("<1>", "</1>"), ("<2>", "</2>")))
    assert found == expected
    assert [(found[a : a + 3], found[b - 4 : b]) for a, b in places] == [("<1>", "</1>"), ("<2>", "</2>")]


def test_rows_with_other_spans_are_other_rows_and_readers_see_them() -> None:
    turned = {**PLAIN, "marks": ((14, 17), (4, 7))}
    assert key(PLAIN) != key(turned) != key({"text": PLAIN["text"]})
    assert inputs_text(PLAIN) != inputs_text(turned)
    shown = text_of(Example(0, turned, "x"))
    assert shown == "the <e2>cat</e2> saw a <e1>dog</e1>"
    assert read({"x": shown}) == turned
