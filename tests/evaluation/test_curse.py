"""The luck of being picked is measured: none where there is no choice, all of it where nothing tells trials apart."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from autogpt import registry
from autogpt.core import LabelSpace
from autogpt.evaluation.curse import winners_curse
from autogpt.evaluation.interval import Answers

ACCURACY = registry.get("metrics", "accuracy")
MAE = registry.get("metrics", "mae")
SPACE = LabelSpace(("no", "yes"))


def world(truths: list[float], rows: int, seed: int) -> tuple[list[Answers], list[str]]:
    """Trials that are right on each row by chance, independently: that is where luck is largest."""
    rng = np.random.default_rng(seed)
    right = [rng.random(rows) < truth for truth in truths]
    return [Answers(np.where(one, "yes", "no").tolist()) for one in right], ["yes"] * rows


def picked(answers: list[Answers], gold: list[str], **more: Any) -> Any:
    scores = [ACCURACY(gold, one.values, None, SPACE) for one in answers]
    names = [f"trial {place}" for place in range(len(answers))]
    return winners_curse(names, answers, gold, winner=int(np.argmax(scores)), metric=ACCURACY, space=SPACE, **more)


def test_one_trial_is_not_picked() -> None:
    found = picked(*world([0.8], 200, 0))
    assert found.flattery == 0
    assert found.trials == 1
    assert found.expected == found.validated


def test_the_flattery_that_is_told_is_the_one_that_there_is() -> None:
    """Eight trials that are truly equal: validated minus true, on average over 40 worlds, beside what is estimated."""
    told, real, left = [], [], []
    for seed in range(40):
        found = picked(*world([0.8] * 8, 200, seed), seed=seed)
        told.append(found.flattery)
        real.append(found.validated - 0.8)
        left.append(found.expected - 0.8)
    assert np.mean(real) > 0.03, "the planted curse is there"
    assert np.mean(told) == pytest.approx(np.mean(real), abs=0.012)
    assert abs(np.mean(left)) < 0.012, "what is expected is what it is worth"


def test_a_trial_that_is_far_better_was_not_lucky() -> None:
    found = picked(*world([0.95, 0.6, 0.6, 0.6, 0.3], 400, 1))
    assert found.trials == 1
    assert found.flattery == 0


def test_trials_that_say_the_same_bring_no_luck() -> None:
    answers, gold = world([0.8], 200, 3)
    found = picked([*answers, *answers, *answers], gold)
    assert found.flattery == pytest.approx(0, abs=1e-9)
    assert found.trials == 3


def test_more_rows_leave_less_to_luck() -> None:
    few = np.mean([picked(*world([0.8] * 6, 60, seed)).flattery for seed in range(8)])
    many = np.mean([picked(*world([0.8] * 6, 2000, seed)).flattery for seed in range(8)])
    assert many < few / 3


def test_an_error_is_expected_to_be_higher() -> None:
    rng = np.random.default_rng(0)
    gold = rng.normal(size=300).tolist()
    answers = [Answers((np.array(gold) + rng.normal(size=300)).tolist()) for _ in range(6)]
    errors = [MAE(gold, one.values, None, LabelSpace()) for one in answers]
    winner = int(np.argmin(errors))
    found = winners_curse([str(i) for i in range(6)], answers, gold, winner=winner, metric=MAE, space=LabelSpace())
    assert found.flattery > 0
    assert found.expected > found.validated == pytest.approx(min(errors))
