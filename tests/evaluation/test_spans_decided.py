"""Spans: what their confidence means, and when "no answer" is given, against formulas and scores made by hand."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from autogpt import registry
from autogpt.autopilot.deciding import decide
from autogpt.core import Decision, Example, GoldAnswers, LabelSpace, Span
from autogpt.evaluation.calibration import choose_no_answer, fit_spans, reliability
from autogpt.evaluation.errors import is_right

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
    assert (decision.no_answer - decision.none_bias) * decision.temperature > 1.0
    other, unseen = drawn(600, sharpness=1.0, shift=1.5, seed=1)
    plain = Decision()
    assert mean_f1(other, unseen, decision) > mean_f1(other, unseen, plain) + 0.03


def test_nothing_is_chosen_where_every_row_has_an_answer() -> None:
    rows = [example(i, i % 5) for i in range(10)]
    scores = [np.random.default_rng(i).normal(size=(6, 2)) for i in range(10)]
    assert decide(bench(rows, LabelSpace(("answer",), scale=30.0)), scores).no_answer == 0.0


def test_the_temperature_is_the_likeliest_one_of_a_grid() -> None:
    rng = np.random.default_rng(2)
    scores = [rng.normal(size=(6, 2)) * 4 for _ in range(200)]
    places = [best_place({where: one for where, one in all_spans(table).items() if where}) for table in scores]
    right = [bool(rng.random() < 0.6) for _ in scores]

    def surprise(temperature: float) -> float:
        total = 0.0
        for table, place, good in zip(scores, places, right, strict=True):
            spans = {where: one for where, one in all_spans(table / temperature).items() if where}
            sure = np.exp(spans[place]) / sum(np.exp(score) for score in spans.values())
            total -= np.log(max(sure if good else 1 - sure, 1e-12))
        return total

    grid = np.exp(np.linspace(np.log(0.2), np.log(10), 200))
    best = grid[int(np.argmin([surprise(t) for t in grid]))]
    # Targets are smoothed a little (Platt), the grid has steps of 2 %.
    always = LabelSpace(("answer",), scale=30.0)
    assert fit_spans(scores, places, right, space=always) == (pytest.approx(best, rel=0.05), 0.0)
    assert fit_spans([], [], [], space=SPACE) == (1.0, 0.0)


def all_spans(table: Any) -> dict[tuple[int, int] | None, float]:
    """Scores of all spans and, at None, of "no answer"."""
    spans = {(a, b): float(table[a, 0] + table[b, 1]) for a in range(len(table) - 1) for b in range(a, len(table) - 1)}
    return {**spans, None: float(table[-1].sum())}


def best_place(spans: dict[tuple[int, int] | None, float]) -> tuple[int, int] | None:
    return max(spans, key=lambda place: spans[place])


def drawn_spans(
    count: int, *, none: bool, sharpness: float, shift: float = 0.0, seed: int
) -> tuple[list[Example], list[Any]]:
    """Rows whose answer is drawn from a softmax over spans of 12 words; shown are the scores times `sharpness`, and
    those of "no answer" plus `shift`."""
    rng = np.random.default_rng(seed)
    text = " ".join(f"w{place}" for place in range(12))
    ends = np.cumsum([len(word) + 1 for word in text.split()]) - 1
    offsets = tuple((int(end) - len(word), int(end)) for end, word in zip(ends, text.split(), strict=True))
    inputs = {"question": "?", "tokens": tuple(text.split()), "offsets": offsets, "text": text}
    rows, shown = [], []
    for place in range(count):
        table = rng.normal(size=(13, 2)) * rng.uniform(0.5, 4)  # easy rows and hard ones
        spans = {where: score for where, score in all_spans(table).items() if none or where}
        share = np.exp(np.array(list(spans.values())))
        where = list(spans)[rng.choice(len(spans), p=share / share.sum())]
        answers: tuple[Span, ...] = ()
        if where is not None:
            start, stop = offsets[where[0]][0], offsets[where[1]][1]
            answers = (Span("answer", where[0], where[1] + 1, text[start:stop], start, stop),)
        rows.append(Example(place, inputs, GoldAnswers(answers, 12)))
        table[-1] += shift / 2
        shown.append(sharpness * table)
    return rows, shown


@pytest.mark.parametrize(
    ("none", "sharpness", "shift"),
    [(False, 0.4, 0), (False, 5.0, 0), (True, 1.0, 0), (True, 5.0, 3.0), (True, 0.4, -3)],
)
def test_confidence_is_the_share_that_is_right(none: bool, sharpness: float, shift: float) -> None:
    space = SPACE if none else LabelSpace(("answer",), scale=30.0)
    rows, scores = drawn_spans(800, none=none, sharpness=sharpness, shift=shift, seed=3)
    decision = decide(bench(rows, space), scores)
    assert decision.temperature == pytest.approx(sharpness, rel=0.15)
    assert decision.none_bias == pytest.approx(-shift, abs=1.2)  # one row in 60 has no answer
    unseen, shown = drawn_spans(1500, none=none, sharpness=sharpness, shift=shift, seed=4)

    def ece(decision: Decision) -> float:
        answers = KIND.decode(shown, space, decision, [row.inputs for row in unseen])
        right = np.array([is_right(row, answer) for row, answer in zip(unseen, answers, strict=True)])
        bins = reliability(np.array([[a.confidence] for a in answers]), right, bins=10)
        return sum(b.n * abs(b.confidence - b.accuracy) for b in bins) / len(unseen)

    assert ece(decision) < 0.04  # 1,500 rows in ten bins: chance alone gives about 0.02
    if sharpness != 1.0:
        raw = (decision.no_answer - decision.none_bias) * decision.temperature
        assert ece(Decision(no_answer=raw)) > 0.1


def test_what_calibrates_changes_no_answer() -> None:
    rows, scores = drawn_spans(100, none=True, sharpness=2.0, seed=5)
    inputs = [row.inputs for row in rows]
    for lead in (-1.0, 0.0, 2.0):
        given = [
            [a.value for a in KIND.decode(scores, SPACE, Decision(t, no_answer=lead / t + b, none_bias=b), inputs)]
            for t, b in ((0.5, 2.0), (1.0, 0.0), (3.0, -4.0))
        ]
        assert given[0] == given[1] == given[2]
