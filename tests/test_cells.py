"""How cells are read."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autogpt import cells
from autogpt.core import Schema


@given(st.text())
def test_words_stand_where_their_offsets_say(sentence: str) -> None:
    found, offsets = cells.words(sentence)
    assert [sentence[a:b] for a, b in offsets] == list(found)
    assert all(a < b for a, b in offsets)
    assert all(first[1] <= second[0] for first, second in pairwise(offsets))


def test_words_of_mixed_scripts() -> None:
    assert cells.words("I can't 买iPhone, ok?")[0] == ("I", "can't", "买", "iPhone", ",", "ok", "?")


def test_text_is_never_changed() -> None:
    assert cells.text({"a": " NA "}, "a") == " NA "
    assert cells.text({"a": 7}, "a") == "7"


@pytest.mark.parametrize("value", [None, "", "  "])
def test_an_empty_text_names_its_column(value: object) -> None:
    with pytest.raises(ValueError, match="column 'a' is empty"):
        cells.text({"a": value}, "a")


@pytest.mark.parametrize("value", ["high", "nan", "inf", None, ""])
def test_what_is_no_finite_number_is_named(value: object) -> None:
    with pytest.raises(ValueError, match="column 'y'"):
        cells.number({"y": value}, "y")


def test_labels_of_lists_and_of_divided_cells() -> None:
    assert cells.labels({"y": ["b", "a", "b"]}, "y", None) == ("b", "a")
    assert cells.labels({"y": '["x", "y"]'}, "y", None) == ("x", "y")
    assert cells.labels({"y": "['x', 'y']"}, "y", None) == ("x", "y")
    assert cells.labels({"y": "red; blue"}, "y", ";") == ("red", "blue")
    assert cells.labels({"y": ""}, "y", ";") == ()


def test_flags() -> None:
    assert [cells.flag({"y": v}, "y") for v in (1, "1.0", "yes", True, "是")] == [True] * 5
    assert not any(cells.flag({"y": v}, "y") for v in (0, "", None, "no", False))
    with pytest.raises(ValueError, match="allowed are 0/1"):
        cells.flag({"y": 2}, "y")


def test_pairs_need_both_texts() -> None:
    schema = Schema("text-regression", text=("a", "b"))
    assert cells.texts({"a": "x", "b": "y"}, schema) == {"text": "x", "text_pair": "y"}
    with pytest.raises(ValueError, match="column 'b' is empty"):
        cells.texts({"a": "x"}, schema)


def test_joined_columns_are_one_text_and_an_empty_part_is_left_out() -> None:
    schema = Schema("text-classification", ("title", "body"), ("label",), joined=True)
    assert cells.texts({"title": "a", "body": "b"}, schema) == {"text": "a\nb"}
    assert cells.texts({"title": None, "body": "b"}, schema) == {"text": "b"}
    with pytest.raises(ValueError, match="'title', 'body' is empty"):
        cells.texts({"title": " ", "body": ""}, schema)
