"""Regression metrics against formulas written out here, and their behaviour at the edges."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autogpt import registry
from autogpt.core import LabelSpace

NAMES = ("mae", "rmse", "r2", "pearson", "spearman")


def score(name: str, gold: Sequence[Any], predicted: Sequence[Any]) -> float:
    return float(registry.get("metrics", name)(gold, predicted, None, LabelSpace()))


def test_golden_numbers() -> None:
    gold, predicted = [1.0, 2.0, 3.0, 4.0], [1.0, 2.0, 3.0, 8.0]
    assert score("mae", gold, predicted) == 1.0
    assert score("rmse", gold, predicted) == 2.0
    assert score("r2", gold, predicted) == pytest.approx(1 - 16 / 5)
    assert score("spearman", gold, predicted) == pytest.approx(1.0)
    assert score("pearson", gold, predicted) == pytest.approx(np.corrcoef(gold, predicted)[0, 1])


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(-5, 5), st.integers(-5, 5)), min_size=2, max_size=30))
def test_spearman_is_pearson_of_average_ranks(pairs: list[tuple[int, int]]) -> None:
    gold, predicted = [float(g) for g, _ in pairs], [float(p) for _, p in pairs]

    def rank(values: list[float]) -> list[float]:
        return [sum(v < w for v in values) + (sum(v == w for v in values) + 1) / 2 for w in values]

    a, b = rank(gold), rank(predicted)
    expected = 0.0 if len({*a}) == 1 or len({*b}) == 1 else float(np.corrcoef(a, b)[0, 1])
    assert score("spearman", gold, predicted) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("name", ["pearson", "spearman"])
def test_constant_answers_order_nothing(name: str) -> None:
    assert score(name, [1.0, 2.0, 3.0], [2.0, 2.0, 2.0]) == 0.0
    assert score(name, [2.0, 2.0], [1.0, 3.0]) == 0.0


def test_the_mean_explains_nothing_and_constant_gold_is_all_or_nothing() -> None:
    assert score("r2", [1.0, 2.0, 3.0], [2.0, 2.0, 2.0]) == 0.0
    assert score("r2", [2.0, 2.0], [2.0, 2.0]) == 1.0
    assert score("r2", [2.0, 2.0], [2.0, 3.0]) == 0.0


@pytest.mark.parametrize("name", NAMES)
def test_a_missing_or_nan_answer_never_makes_a_score(name: str) -> None:
    assert math.isnan(score(name, [1.0, 2.0, 3.0], [1.0, float("nan"), 3.0]))
    assert math.isnan(score(name, [1.0, 2.0, 3.0], [1.0, None, 3.0]))
    assert math.isnan(score(name, [], []))
