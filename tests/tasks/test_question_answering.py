"""Questions about a text: how rows are read, in every form that data sets use."""

from __future__ import annotations

from typing import Any

import pytest

from autogpt import registry
from autogpt.core import Schema

TASK = registry.get("tasks", "question-answering")
ONE = Schema(TASK.name, ("question", "context"), ("answers",))
TWO = Schema(TASK.name, ("question", "context"), ("answers", "starts"))
TEXT = "Paris is in France. Rome is in Italy, and Paris is bigger."


def row(answers: Any, starts: Any = None) -> dict[str, Any]:
    return {"question": " Where is it? ", "context": TEXT, "answers": answers, "starts": starts}


def places(answers: Any, starts: Any = None) -> list[tuple[str, int, int]]:
    target = TASK.target(row(answers, starts), TWO if starts is not None else ONE)
    return [(span.text, span.char_start, span.char_end) for span in target.spans]


def test_inputs_are_the_question_and_the_words_of_the_text_with_their_places() -> None:
    inputs = TASK.inputs(row(""), ONE)
    assert inputs["question"] == "Where is it?"
    assert [TEXT[a:b] for a, b in inputs["offsets"]] == list(inputs["tokens"])


@pytest.mark.parametrize(
    ("answers", "starts"),
    [
        ({"text": ["Paris", "France"], "answer_start": [42, 12]}, None),
        ('{"text": ["Paris", "France"], "answer_start": [42, 12]}', None),
        ("{'text': ['Paris', 'France'], 'answer_start': [42, 12]}", None),
        ([{"text": "Paris", "answer_start": 42}, {"text": "France", "answer_start": 12}], None),
        (["Paris", "France"], [42, 12]),
        ("['Paris', 'France']", "[42, 12]"),
        (["Paris ", " France"], [42, 11]),
        (["Paris", "France"], [41, 13]),  # places that are a little off: the nearest that fits
    ],
)
def test_answers_in_every_form(answers: Any, starts: Any) -> None:
    assert places(answers, starts) == [("Paris", 42, 47), ("France", 12, 18)]


def test_an_answer_without_a_place_is_found_as_whole_words() -> None:
    assert places("Paris") == [("Paris", 0, 5)]
    assert places("is") == [("is", 6, 8)]  # not the end of "Paris"


@pytest.mark.parametrize("nothing", [None, "", " ", [], {"text": [], "answer_start": []}, "[]"])
def test_nothing_is_no_answer(nothing: Any) -> None:
    assert TASK.target(row(nothing), ONE).spans == ()


def test_the_words_of_an_answer() -> None:
    target = TASK.target(row("in France"), ONE)
    assert [(span.start, span.end) for span in target.spans] == [(2, 4)]
    assert target.words == len(TASK.inputs(row(""), ONE)["tokens"])
    (cut,) = TASK.target(row("Franc"), ONE).spans  # a part of a word: learned as the word, judged as it is
    assert (cut.start, cut.end, cut.text) == (3, 4, "Franc")


def test_chinese_answers_have_exact_places() -> None:
    found = TASK.target({"question": "谁?", "context": "由韩国Nexon开发。", "answers": "韩国Nexon"}, ONE).spans[0]
    assert (found.char_start, found.char_end, found.start, found.end) == (1, 8, 1, 4)


@pytest.mark.parametrize(
    ("answers", "starts", "reason"),
    [
        ("Berlin", None, "the answer 'Berlin' is not in the text"),
        (["Paris", "Rome"], [0], "2 answers and 1 places"),
        (["Paris"], ["first"], "must be a whole number"),
    ],
)
def test_answers_that_cannot_be_used_are_refused_with_the_reason(answers: Any, starts: Any, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        places(answers, starts)


def test_a_text_that_looks_like_a_list_is_a_text() -> None:
    assert TASK.inputs({"question": "?", "context": "[1] one"}, ONE)["tokens"] == ("[", "1", "]", "one")


def test_samples_are_questions() -> None:
    (sample,) = TASK.samples("A cat. 猫。", ONE)
    assert sample["question"] == sample["text"] == "A cat. 猫。"
