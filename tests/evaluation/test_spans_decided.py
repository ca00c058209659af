"""Spans: what their confidence means, and when "no answer" is given, against formulas and scores made by hand."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from autogpt import registry
from autogpt.autopilot.finish import decide
from autogpt.core import Decision, Example, GoldAnswers, LabelSpace, Span
from autogpt.evaluation.calibration import choose_no_answer, fit_span_temperature

KIND, F1 = registry.get("outputs", "span"), registry.get("metrics", "answer-f1")
SPACE = LabelSpace(("answer", "no answer"), scale=30.0)
WORDS = ("red", "green", "blue", "white", "black")


def example(place: int, word: int | None) -> Example:
    text = " ".join(WORDS)
    offsets = tuple((text.index(w), text.index(w) + len(w)) for w in WORDS)
    spans = () if word is None else (Span("answer", word, word + 1, WORDS[word], *offsets[word]),)
    inputs = {"question": "?", "tokens": WORDS, "offsets": offsets, "text": text}
    return Example(place, inputs, GoldAnswers(spans, len(WORDS)))


def drawn(count: int, *, sharpness: float, shift: float, seed: int) -> tuple[list[Example], list[Any]]:
    """Rows whose answers are drawn from known scores; shown are these times `sharpness`, "no answer" plus `shift`."""
    rng = np.random.default_rng(seed)
    rows, shown = [], []
    for place in range(count):
        logits = rng.normal(size=6) * 1.5
        joint = np.exp(2 * logits)  # start and end fall on one word
        word = int(rng.choice(6, p=joint / joint.sum()))
        rows.append(example(place, None if word == 5 else word))
        table = np.stack([logits, logits], axis=1)
        table[-1] += shift
        shown.append(sharpness * table)
    return rows, shown


def bench(rows: list[Example], space: LabelSpace = SPACE) -> Any:
    return SimpleNamespace(output=KIND, validation=rows, space=space, metric=F1)


def mean_f1(rows: list[Example], scores: list[Any], decision: Decision) -> float:
    answers = KIND.decode(scores, SPACE, decision, [row.inputs for row in rows])
    return float(F1([row.target for row in rows], [a.value for a in answers], None, SPACE))


def test_no_answer_must_lead_by_as_much_as_was_chosen() -> None:
    table = np.log([[0.5, 0.5], [0.1, 0.1], [0.1, 0.1], [0.1, 0.1], [0.1, 0.1], [0.6, 0.6]])
    lead = 2 * np.log(0.6 / 0.5)  # 0.36 to 0.25
    for margin, value in ((0.0, ""), (lead - 0.01, ""), (lead + 0.01, "red"), (-5.0, "")):
        (answer,) = KIND.decode([table], SPACE, Decision(no_answer=margin), [example(0, 0).inputs])
        assert answer.value == value
    (never,) = KIND.decode(
        [table], LabelSpace(("answer",), scale=30.0), Decision(no_answer=-5.0), [example(0, 0).inputs]
    )
    assert never.value == "red"  # "no answer" is not in the space


def test_the_threshold_is_the_best_of_all_by_hand() -> None:
    # Three rows: none is right in the first two, the span in the third.
    assert choose_no_answer([-1.0, 2.0, 3.0], [0, 0, 1], [1, 1, 0]) == -2.0  # all but the third, or all: 2 of 3
    assert choose_no_answer([1.0, 2.0, 3.0], [1, 1, 0], [0, 0, 1]) == 2.5
    assert choose_no_answer([1.0, 2.0], [0, 0], [1, 1]) == 0.0  # nothing is better than 0
    assert choose_no_answer([-1.0, 2.0], [1, 1], [0, 0]) == 3.0  # never
    assert choose_no_answer([], [], []) == 0.0


@pytest.mark.parametrize("seed", range(20))
def test_the_threshold_is_never_worse_than_none_and_no_other_is_better(seed: int) -> None:
    rng = np.random.default_rng(seed)
    lead, span, none = rng.normal(size=30).round(1), rng.random(30), (rng.random(30) < 0.4).astype(float)
    score = lambda t: float(np.where(lead > t, none, span).mean())  # noqa: E731
    found = score(choose_no_answer(lead, span, none))
    assert found >= score(0.0)
    assert found >= max(score(t) for t in np.linspace(-5, 5, 401)) - 1e-9


def test_a_chosen_threshold_mends_scores_that_lean_to_no_answer() -> None:
    rows, scores = drawn(300, sharpness=1.0, shift=1.5, seed=0)
    decision = decide(bench(rows), scores)
    assert decision.no_answer > 1.0
    other, unseen = drawn(600, sharpness=1.0, shift=1.5, seed=1)
    plain = Decision(temperature=decision.temperature)
    assert mean_f1(other, unseen, decision) > mean_f1(other, unseen, plain) + 0.03


def test_nothing_is_chosen_where_every_row_has_an_answer() -> None:
    rows = [example(i, i % 5) for i in range(10)]
    scores = [np.random.default_rng(i).normal(size=(6, 2)) for i in range(10)]
    assert decide(bench(rows, LabelSpace(("answer",), scale=30.0)), scores).no_answer == 0.0


def test_the_temperature_is_the_likeliest_one_of_a_grid() -> None:
    rng = np.random.default_rng(2)
    scores = [rng.normal(size=(6, 2)) * 4 for _ in range(200)]
    places = [(int(table[:, 0].argmax()), int(table[:, 1].argmax())) for table in scores]
    right = [bool(rng.random() < 0.6) for _ in scores]

    def surprise(temperature: float) -> float:
        total = 0.0
        for table, (first, last), good in zip(scores, places, right, strict=True):
            soft = np.exp(table / temperature) / np.exp(table / temperature).sum(axis=0)
            sure = soft[first, 0] * soft[last, 1]
            total -= np.log(sure if good else 1 - sure)
        return total

    grid = np.exp(np.linspace(np.log(0.2), np.log(10), 200))
    best = grid[int(np.argmin([surprise(t) for t in grid]))]
    # Targets are smoothed a little (Platt), the grid has steps of 2 %.
    assert fit_span_temperature(scores, places, right, none=True) == pytest.approx(best, rel=0.05)
    assert fit_span_temperature([], [], [], none=True) == 1.0


def test_confidence_means_more_after_the_temperature() -> None:
    rows, scores = drawn(400, sharpness=6.0, shift=0.0, seed=3)
    decision = decide(bench(rows), scores)
    other, unseen = drawn(800, sharpness=6.0, shift=0.0, seed=4)

    def gap(decision: Decision) -> float:
        answers = KIND.decode(unseen, SPACE, decision, [row.inputs for row in other])
        right = [a.value == str(row.target) for a, row in zip(answers, other, strict=True)]
        return abs(float(np.mean([a.confidence for a in answers]) - np.mean(right)))

    assert gap(decision) < 0.6 * gap(Decision())
