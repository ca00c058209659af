"""Spans with labels, in the forms that annotation tools and public sets write."""

from __future__ import annotations

import contextlib
import json
import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autogpt import cells, spans
from autogpt.data.read import read as table_of
from autogpt.data.schema import infer
from autogpt.tasks.token_classification import plugin as task

TEXT = "Anna Berg met Anna in Rome"
WANTED = [(0, 9, "PER"), (14, 18, "PER"), (22, 26, "LOC")]


def marked(value: Any, text: str = TEXT) -> list[tuple[int, int, str]] | None:
    found = spans.read(value)
    return None if found is None else spans.place(found, text)


def records(start: str, end: str, label: str, words: str | None = None, *, last: int = 0) -> list[dict[str, Any]]:
    """The spans with these names for their parts; `last` is -1 where ends are inclusive."""
    return [{start: a, end: b + last, label: kind} | ({words: TEXT[a:b]} if words else {}) for a, b, kind in WANTED]


FORMS: dict[str, Any] = {
    "plain": records("start", "end", "label"),
    "slots": records("start", "end", "slot"),
    "doccano": [{"id": 7, **record} for record in records("start_offset", "end_offset", "label")],
    "triples": [list(span) for span in WANTED],
    "written out": json.dumps(records("start", "end", "type", "text")),
    "inclusive": records("start_idx", "end_idx", "type", "entity", last=-1),
    "exclusive, its words said": records("start_idx", "end_idx", "type", "entity"),
    "label studio": [{"start": a, "end": b, "text": TEXT[a:b], "labels": [kind]} for a, b, kind in WANTED],
    "offset and length": [{"offset": a, "length": b - a, "category": kind} for a, b, kind in WANTED],
    "pairs": [{"id": "T1", "type": kind, "text": [TEXT[a:b]], "offsets": [[a, b]]} for a, b, kind in WANTED],
    "a pair": [{"pos": [a, b], "type": kind} for a, b, kind in WANTED],
    "tagger": records("start", "end", "entity_group", "word"),
    "by label and words": {"PER": {"Anna Berg": [[0, 8]], "Anna": [[14, 17]]}, "LOC": {"Rome": [[22, 25]]}},
    "by label": {"PER": [[0, 9], [14, 18]], "LOC": [[22, 26]]},
    "words alone": [{"type": kind, "text": TEXT[a:b]} for a, b, kind in WANTED],
    "words alone, called entity": [{"entity": TEXT[a:b], "type": kind} for a, b, kind in WANTED],
}


@pytest.mark.parametrize("value", FORMS.values(), ids=FORMS)
def test_every_form_says_the_same(value: Any) -> None:
    assert marked(value) == WANTED


def test_words_tell_where_a_place_is_counted_in_other_units() -> None:
    text = "\U0001f600\U0001f600 Anna met Anna"  # JavaScript counts each of the signs as two
    assert marked([{"start": 5, "end": 9, "text": "Anna", "label": "PER"}], text) == [(3, 7, "PER")]
    assert marked([{"start": 14, "end": 18, "text": "Anna", "label": "PER"}], text) == [(12, 16, "PER")]
    assert marked([{"start": 0, "end": 2, "text": "not there", "label": "PER"}], text) == [(0, 2, "PER")]


def test_words_without_a_place_are_taken_one_after_the_other() -> None:
    twice = [{"type": "PER", "word": "Anna"}, {"type": "PER", "word": "Anna"}]
    assert marked(twice) == [(0, 4, "PER"), (14, 18, "PER")]
    with pytest.raises(ValueError, match="'start' and 'end', or words of its text"):
        marked([{"type": "PER", "word": "Bob"}])


@pytest.mark.parametrize(
    ("value", "said"),
    [([{"start": 0, "end": 4}], "needs a 'label'"), ([{"label": "PER"}], "needs whole numbers 'start' and 'end'")],
)
def test_what_a_span_lacks_is_told(value: Any, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        marked(value)


@pytest.mark.parametrize("value", [None, 3, "Anna", ["B-PER", "O"], [[0, 1]], {"PER": "Anna"}, {"a": ["b"]}])
def test_other_cells_are_no_spans(value: Any) -> None:
    assert spans.read(value) is None


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["start", "end", "label", "offsets", "x"]), inner),
)


@given(json_values, st.text())
def test_a_strange_cell_is_no_spans_or_a_value_error(value: Any, text: str) -> None:
    with contextlib.suppress(ValueError):
        marked(value, text)


def test_spans_become_bio_tags_of_the_tokens_they_touch() -> None:
    tokens = cells.tokens({"t": "book a table for 12 people"}, "t")
    assert spans.bio_tags(tokens, [(17, 26, "people")]) == ("O", "O", "O", "O", "B-people", "I-people")


def test_a_span_beyond_the_text_is_an_error() -> None:
    with pytest.raises(ValueError, match="covers no word"):
        spans.bio_tags(cells.tokens({"t": "hello"}, "t"), [(40, 44, "x")])


@pytest.mark.parametrize("form", FORMS)
def test_a_table_of_each_form_is_read_as_tokens_with_tags(form: str) -> None:
    value, rng = FORMS[form], random.Random(0)
    rows = [{"id": i, "text": f"{TEXT} on day {rng.randrange(10**6)}", "marks": value} for i in range(60)]
    schema = infer(table_of(rows), goal="find people and places").schema
    assert (schema.task, schema.text, schema.target) == ("token-classification", ("text",), ("marks",))
    tags = task.target(rows[0], schema)
    assert tags[:6] == ("B-PER", "I-PER", "O", "B-PER", "O", "B-LOC")


@pytest.mark.parametrize(("last", "numbering"), [(0, spans.PAST), (-1, spans.LAST)])
def test_spans_over_tokens_are_read_as_tags(last: int, numbering: str) -> None:
    rng = random.Random(0)
    rows = []
    for place in range(60):
        tokens = [rng.choice(("yes", "no", "maybe")) for _ in range(place % 4)] + [
            "Anna",
            "Berg",
            "lives",
            "in",
            "Rome",
        ]
        start = place % 4
        marks = [[start, start + 2 + last, "PER"], [start + 4, start + 5 + last, "LOC"]]
        rows.append({"tokenized_text": tokens, "ner": [] if place == 7 else marks, "n": place})
    schema = infer(table_of(rows)).schema
    assert (schema.task, schema.text, schema.target) == ("token-classification", ("tokenized_text",), ("ner",))
    assert schema.numbering == numbering
    assert task.target(rows[1], schema) == ("O", "B-PER", "I-PER", "O", "O", "B-LOC")
    assert set(task.target(rows[7], schema)) == {"O"}
    with pytest.raises(ValueError, match="lies outside of 5 tokens"):
        task.target({**rows[0], "ner": [[4, 9, "LOC"]]}, schema)
