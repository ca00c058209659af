"""What is told of written texts beside their likeness: perplexity, bits per byte, and tests that code has to pass."""

from itertools import combinations
from math import exp, log
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from autogpt.core import Example, Prediction, Row, Schema
from autogpt.evaluation.expected import expected
from autogpt.evaluation.passing import Check, checks, passing
from autogpt.evaluation.texts import text_scores

SCHEMA = Schema("text-generation", ("prompt",), ("answer",))


def rows(targets: list[str], *, turns: list[int] | None = None) -> list[Example]:
    told: list[dict[str, Any]] = [{"source": "x"}] * len(targets)
    if turns is not None:
        told = [{"messages": (("user", "a"), ("assistant", "b")) * (n - 1) + (("user", "a"),)} for n in turns]
    return [Example(place, one, target) for place, (one, target) in enumerate(zip(told, targets, strict=True))]


# How far the right texts were expected


def test_perplexity_is_per_token_and_bits_per_byte_of_utf8() -> None:
    likely = [np.log([0.5, 0.25]), np.log([0.125])]
    scores = {one.metric: one for one in expected(rows(["ab", "好"]), likely)}
    assert scores["perplexity"].value == pytest.approx(exp((log(2) + log(4) + log(8)) / 3))
    assert scores["bits-per-byte"].value == pytest.approx((1 + 2 + 3) / 5)
    assert scores["perplexity"].low < scores["perplexity"].value < scores["perplexity"].high
    assert not scores["perplexity"].higher_is_better


def test_a_text_that_was_cut_is_left_out_and_the_number_of_rows_says_so() -> None:
    found = expected(rows(["ab", "cd" * 500]), [np.log([0.5, 0.5]), np.zeros(0)])
    assert [(one.metric, one.n) for one in found] == [("perplexity", 1), ("bits-per-byte", 1)]
    assert found[1].value == pytest.approx(1.0)
    assert expected(rows(["ab"]), [np.zeros(0)]) == ()


def test_a_dialogue_has_a_perplexity_per_turn() -> None:
    turns = [1] * 6 + [2] * 6 + [3, 4] * 3
    likely = [np.log([1 / (n + 1)]) for n in turns]
    found = {one.metric: one for one in expected(rows(["ab"] * len(turns), turns=turns), likely)}
    assert found["perplexity (turn 1)"].value == pytest.approx(2)
    assert found["perplexity (turn 2)"].value == pytest.approx(3)
    assert found["perplexity (turn 2)"].n == 6
    assert found["perplexity (turn 3 and later)"].value == pytest.approx((4 * 5) ** 0.5)


# Tests that code has to pass

TABLE: list[Row] = [
    {"prompt": "add two", "answer": "def add(a, b):\n    return a + b", "tests": "assert add(2, 3) == 5"},
    {"prompt": "def twice(a):\n", "answer": "return 2 * a", "tests": ["assert twice(2) == 4", "assert twice(0) == 0"]},
    {
        "prompt": 'def more(a):\n    """One more."""\n',
        "answer": "b = a + 1\n    return b",
        "tests": "def check(candidate):\n    assert candidate(2) == 3",
        "entry_point": "more",
    },
    {"prompt": "wrong tests", "answer": "def f():\n    return 1", "tests": "assert f() == 2"},
    {"prompt": "empty tests", "answer": "def f():\n    return 1", "tests": "1 + 1"},
]


def examples() -> list[Example]:
    return [Example(i, {"source": row["prompt"]}, row["answer"]) for i, row in enumerate(TABLE)]


def test_program_and_tests_are_put_together_as_the_right_answer_passes() -> None:
    found = checks(examples(), TABLE, beside=("prompt", "answer"))
    assert [(one.place, one.way) for one in found] == [(0, 0), (1, 2), (2, 2)]
    wrong = ("def add(a, b): return 0", "return a", "return a")
    assert not any(one.passes(text) for one, text in zip(found, wrong, strict=True))


def test_columns_without_tests_and_answers_that_are_no_code_have_no_pass_rate() -> None:
    assert checks(examples(), [{"prompt": "a", "answer": "b"}] * len(TABLE), beside=()) == []
    assert checks(examples(), TABLE, beside=("tests",)) == []
    prose: list[Row] = [{"prompt": "a", "answer": "b c", "test": "some words"}] * 20
    assert checks(rows(["b c"] * 20), prose, beside=()) == []


class Known(Check):
    """A check that knows by itself which texts pass."""

    def passes(self, answer: str) -> float:
        return float(answer == "right")


def test_pass_at_k_is_how_often_one_of_k_draws_is_right(monkeypatch: pytest.MonkeyPatch) -> None:
    known = [Known(place, "", "", 0) for place in range(2)]
    drawn = [["right", "wrong"], ["wrong", "wrong"], ["right", "wrong"], ["wrong", "right"]]
    monkeypatch.setattr("autogpt.evaluation.passing.DRAWN", len(drawn))
    found = passing(known, ["right", "wrong"], lambda seed: drawn[seed])
    scores = {one.metric: one.value for one in found}
    assert scores["pass-rate"] == 0.5
    counts = [[draw[row] == "right" for draw in drawn] for row in range(2)]
    for k in (1, 4):
        wanted = np.mean([np.mean([any(pick) for pick in combinations(row, k)]) for row in counts])
        assert scores[f"pass@{k}"] == pytest.approx(wanted)


def test_draws_and_rows_that_time_did_not_allow_do_not_count() -> None:
    known = [Known(place, "", "", 0) for place in range(4)]
    left = iter([True, True, True, False, False])  # of the answers three are judged
    found = passing(known, ["right", "right", "also", "wrong"], lambda seed: ["right"] * 4, has_time=lambda: next(left))
    assert [(one.metric, one.n) for one in found] == [("pass-rate", 3)]
    seen: list[int] = []
    found = passing(known, ["right"] * 4, lambda seed: seen.append(seed) or ["right"] * 4, has_time=lambda: not seen)  # type: ignore[func-returns-value]
    assert [one.metric for one in found] == ["pass-rate"]  # one draw is no pass@k
    assert found[0].low == pytest.approx(0.025**0.25)


def test_all_of_it_is_told_of_a_writer_and_only_tests_of_who_has_no_probabilities() -> None:
    answers = [Prediction(row["answer"]) for row in TABLE]
    answers[1] = Prediction("return a")
    writer = SimpleNamespace(
        likelihood=lambda inputs, texts: [np.log([0.5] * 3) for _ in texts],
        drawn=lambda inputs, seed: [("return 2 * a", None)] * len(inputs),
    )
    found = {one.metric: one.value for one in text_scores(examples(), answers, writer, table=TABLE, schema=SCHEMA)}
    assert found["perplexity"] == pytest.approx(2)
    assert found["pass-rate"] == pytest.approx(2 / 3)
    assert found["pass@1"] == found["pass@10"] == pytest.approx(1 / 3)
    bare = text_scores(examples(), answers, SimpleNamespace(), table=TABLE, schema=SCHEMA)
    assert [one.metric for one in bare] == ["pass-rate"]
    assert text_scores(examples(), answers, writer, table=TABLE, schema=SCHEMA, has_time=lambda: False) == ()
