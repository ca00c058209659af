"""Ranking metrics against formulas written out here: every order of tied labels is looked at one by one."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest

from autogpt import registry
from autogpt.core import LabelSpace
from autogpt.errors import ConfigError
from autogpt.evaluation.interval import Answers, intervals

SPACE = LabelSpace(labels=tuple("abcdefghijklmno"))
NAMES = ("ndcg-at-10", "mrr", "recall-at-1", "recall-at-10")


def score(name: str, gold: Any, table: Any, space: LabelSpace = SPACE) -> float:
    return float(registry.get("metrics", name)(gold, None, np.asarray(table, dtype=float), space))


def of_order(name: str, order: tuple[str, ...], right: tuple[str, ...]) -> float:
    """The textbook value of one order without ties."""
    places = [place for place, label in enumerate(order, start=1) if label in right]
    if name == "mrr":
        return 1 / places[0] if places else 0.0
    if name == "ndcg-at-10":
        best = sum(1 / math.log2(place + 1) for place in range(1, min(len(right), 10) + 1))
        return sum(1 / math.log2(place + 1) for place in places if place <= 10) / best
    return sum(place <= int(name.rsplit("-", 1)[1]) for place in places) / len(right)


@pytest.mark.parametrize("name", NAMES)
def test_without_ties_it_is_the_textbook_formula(name: str) -> None:
    rng = np.random.default_rng(0)
    for _ in range(30):
        scores = rng.permutation(15).astype(float)
        order = tuple(SPACE.labels[place] for place in np.argsort(-scores))
        right = tuple(rng.choice(SPACE.labels, size=int(rng.integers(1, 4)), replace=False))
        assert score(name, [right], [scores]) == pytest.approx(of_order(name, order, right))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("scores", [(1, 1, 1, 1, 1), (2, 1, 1, 1, 0), (3, 3, 1, 1, 1), (0, 5, 5, 5, 1)])
@pytest.mark.parametrize("right", [("a",), ("b", "c"), ("a", "d", "e")])
def test_tied_labels_count_as_the_mean_over_all_their_orders(
    name: str, scores: tuple[int, ...], right: tuple[str, ...]
) -> None:
    labels = SPACE.labels[:5]
    by = dict(zip(labels, scores, strict=True))
    orders = [o for o in itertools.permutations(labels) if all(by[x] >= by[y] for x, y in itertools.pairwise(o))]
    by_hand = sum(of_order(name, order, right) for order in orders) / len(orders)
    assert score(name, [right], [scores], LabelSpace(labels=labels)) == pytest.approx(by_hand)


def test_ndcg_is_that_of_scikit_learn_with_ties() -> None:
    from sklearn.metrics import ndcg_score

    rng = np.random.default_rng(1)
    scores = rng.integers(0, 4, size=(20, 15)).astype(float)
    truth = np.zeros((20, 15))
    truth[np.arange(20), rng.integers(0, 15, 20)] = 1
    truth[:5, 3] = 1
    gold = [tuple(SPACE.labels[i] for i in np.flatnonzero(row)) for row in truth]
    assert score("ndcg-at-10", gold, scores) == pytest.approx(ndcg_score(truth, scores, k=10))


@pytest.mark.parametrize("name", NAMES)
def test_a_right_label_that_cannot_be_found_counts_against_the_score(name: str) -> None:
    table = [np.arange(15.0)]
    assert score(name, [("elsewhere",)], table) == 0.0
    both = score(name, [("o", "elsewhere")], table)
    assert both == 1.0 if name == "mrr" else 0 < both < 1.0


def test_no_rows_and_no_numbers_are_nan_and_no_table_is_an_error() -> None:
    assert math.isnan(score("mrr", [], np.zeros((0, 15))))
    assert math.isnan(score("mrr", [("a",)], [[math.nan] * 15]))
    with pytest.raises(ConfigError, match="score per row and label"):
        registry.get("metrics", "mrr")([("a",)], ["a"], None, SPACE)


def test_intervals_hold_the_score() -> None:
    rng = np.random.default_rng(2)
    gold = [(label,) for label in rng.choice(SPACE.labels, 60)]
    table = rng.normal(size=(60, 15)) + 2 * np.array([[label in g for label in SPACE.labels] for g in gold])
    found = intervals([registry.get("metrics", name) for name in NAMES], gold, Answers(gold, table), space=SPACE)
    for name in NAMES:
        assert found[name].value == pytest.approx(score(name, gold, table))
        assert found[name].low < found[name].value < found[name].high
