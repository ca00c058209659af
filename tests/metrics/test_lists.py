"""Metrics of ordered candidates: golden numbers, scikit-learn, ties as the mean over all orders, the bootstrap."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, ndcg_score, roc_auc_score

from autogpt import registry
from autogpt.core import LabelSpace
from autogpt.errors import ConfigError

NAMES = ("choice-accuracy", "list-ndcg", "list-mrr", "list-map", "list-auc")


def score(name: str, gold: Sequence[Sequence[float]], scores: Sequence[Sequence[float]]) -> float:
    tables = [np.array(row, dtype=float)[:, None] for row in scores]
    return float(registry.get("metrics", name)(gold, [None] * len(gold), tables, LabelSpace()))


def test_golden_numbers() -> None:
    gold, scores = [(0.0, 1.0, 0.0, 1.0)], [(4.0, 3.0, 2.0, 1.0)]
    assert score("choice-accuracy", gold, scores) == 0.0
    assert score("list-mrr", gold, scores) == 1 / 2
    assert score("list-map", gold, scores) == (1 / 2 + 2 / 4) / 2
    assert score("list-auc", gold, scores) == 1 / 4
    ideal = 1 + 1 / math.log2(3)
    assert score("list-ndcg", gold, scores) == pytest.approx((1 / math.log2(3) + 1 / math.log2(5)) / ideal)


def test_places_beyond_ten_gain_nothing() -> None:
    gold = [tuple(float(i == 10) for i in range(11))]
    assert score("list-ndcg", gold, [tuple(range(11, 0, -1))]) == 0.0


def test_they_agree_with_scikit_learn() -> None:
    rng = np.random.default_rng(0)
    for _ in range(30):
        count = int(rng.integers(3, 25))
        scores = rng.normal(size=count)
        graded = rng.integers(0, 4, size=count).astype(float)
        graded[:2] = (0.0, 2.0)
        assert score("list-ndcg", [graded], [scores]) == pytest.approx(ndcg_score([graded], [scores], k=10))
        binary = (graded > 0).astype(float)
        assert score("list-map", [binary], [scores]) == pytest.approx(average_precision_score(binary, scores))
        assert score("list-auc", [binary], [scores]) == pytest.approx(roc_auc_score(binary, scores))


@pytest.mark.parametrize("name", NAMES)
def test_ties_are_the_mean_over_all_their_orders(name: str) -> None:
    gold, levels = (1.0, 0.0, 1.0, 0.0, 0.0), (2, 2, 1, 1, 1)
    found = []
    for order in itertools.permutations(range(5)):
        broken = [levels[place] + 0.01 * rank for rank, place in enumerate(order)]
        row = [0.0] * 5
        for place, value in zip(order, broken, strict=True):
            row[place] = value
        found.append(score(name, [gold], [row]))
    assert score(name, [gold], [levels]) == pytest.approx(float(np.mean(found)))


@pytest.mark.parametrize("name", NAMES)
def test_rows_that_say_nothing_are_left_out(name: str) -> None:
    gold, scores = [(1.0, 0.0), (0.0, 0.0)], [(2.0, 1.0), (1.0, 2.0)]
    assert score(name, gold, scores) == 1.0
    assert math.isnan(score(name, gold[1:], scores[1:]))
    assert math.isnan(score(name, [], []))


def test_readers_with_only_clicks_have_no_auc() -> None:
    assert math.isnan(score("list-auc", [(1.0, 1.0)], [(2.0, 1.0)]))
    assert score("list-auc", [(1.0, 1.0), (1.0, 0.0)], [(2.0, 1.0), (1.0, 2.0)]) == 0.0


@pytest.mark.parametrize("name", NAMES)
def test_a_missing_answer_is_worth_nothing(name: str) -> None:
    assert score(name, [(1.0, 0.0), (1.0, 0.0)], [(2.0, 1.0), (math.nan, 1.0)]) == 0.5


@pytest.mark.parametrize("name", NAMES)
def test_the_bootstrap_is_the_metric_on_resampled_rows(name: str) -> None:
    metric = registry.get("metrics", name)
    rng = np.random.default_rng(1)
    gold = [(1.0, *rng.integers(0, 2, size=int(rng.integers(1, 5))).astype(float)) for _ in range(20)]
    tables = [rng.normal(size=(len(row), 1)) for row in gold]
    picks = rng.integers(0, 20, size=(5, 20))
    weights = np.array([np.bincount(row, minlength=20) for row in picks], dtype=float)
    fast = metric.score(metric.rows(gold, [None] * 20, tables, LabelSpace()), weights)
    slow = [metric([gold[i] for i in row], [None] * 20, [tables[i] for i in row], LabelSpace()) for row in picks]
    np.testing.assert_allclose(fast, slow)


@pytest.mark.parametrize("name", NAMES)
def test_scores_of_another_shape_are_refused(name: str) -> None:
    with pytest.raises(ConfigError, match="score per candidate"):
        registry.get("metrics", name)([(1.0,)], [None], np.zeros((1, 1)), LabelSpace())
    with pytest.raises(ConfigError, match="for 2 candidates"):
        registry.get("metrics", name)([(1.0, 0.0)], [None], [np.zeros((3, 1))], LabelSpace())
