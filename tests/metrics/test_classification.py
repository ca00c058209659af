"""Classification metrics against formulas written out here, and their behaviour at the edges."""

from __future__ import annotations

import math
import random
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autogpt import registry
from autogpt.core import LabelSpace
from autogpt.errors import ConfigError

SPACE = LabelSpace(labels=("a", "b", "c"))
COUNTED = ("accuracy", "macro-f1", "micro-f1", "weighted-f1", "mcc")


def score(name: str, gold: Sequence[Any], predicted: Sequence[Any], probabilities: Any = None) -> float:
    return float(registry.get("metrics", name)(gold, predicted, probabilities, SPACE))


def f1_by_hand(gold: Sequence[str], predicted: Sequence[str]) -> dict[str, float]:
    """F1 per label from precision and recall, the textbook way."""
    found = {}
    for label in {*gold, *predicted}:
        right = sum(g == p == label for g, p in zip(gold, predicted, strict=True))
        precision = right / predicted.count(label) if label in predicted else 0.0
        recall = right / gold.count(label) if label in gold else 0.0
        found[label] = 2 * precision * recall / (precision + recall) if right else 0.0
    return found


labels = st.lists(st.tuples(st.sampled_from("abcd"), st.sampled_from("abcd")), min_size=1, max_size=40)


@settings(max_examples=40, deadline=None)
@given(labels)
def test_f1_averages_equal_the_textbook_formula(pairs: list[tuple[str, str]]) -> None:
    gold, predicted = [g for g, _ in pairs], [p for _, p in pairs]
    each = f1_by_hand(gold, predicted)
    assert score("macro-f1", gold, predicted) == pytest.approx(sum(each.values()) / len(each))
    weighted = sum(each[label] * count for label, count in Counter(gold).items()) / len(gold)
    assert score("weighted-f1", gold, predicted) == pytest.approx(weighted)
    assert score("micro-f1", gold, predicted) == pytest.approx(score("accuracy", gold, predicted))


def test_mcc_equals_the_correlation_of_two_binary_columns() -> None:
    rng = random.Random(0)
    gold = [rng.choice("ab") for _ in range(200)]
    predicted = [g if rng.random() < 0.7 else rng.choice("ab") for g in gold]
    expected = np.corrcoef([g == "a" for g in gold], [p == "a" for p in predicted])[0, 1]
    assert score("mcc", gold, predicted) == pytest.approx(expected)


def test_golden_numbers_on_nine_rows() -> None:
    gold, predicted = list("aaaabbbcc"), list("aaabbbcca")
    # a: 3 right of 4 predicted, 4 gold -> 3/4; b: 2 of 3, 3 -> 2/3; c: 1 of 2, 2 -> 1/2
    assert score("accuracy", gold, predicted) == pytest.approx(6 / 9)
    assert score("macro-f1", gold, predicted) == pytest.approx((3 / 4 + 2 / 3 + 1 / 2) / 3)
    assert score("weighted-f1", gold, predicted) == pytest.approx((4 * 3 / 4 + 3 * 2 / 3 + 2 * 1 / 2) / 9)


@pytest.mark.parametrize("name", COUNTED)
def test_perfect_answers_score_one(name: str) -> None:
    assert score(name, list("abcabc"), list("abcabc")) == 1.0


def test_a_constant_answer_shows_in_macro_f1_and_mcc() -> None:
    gold, constant = list("aaaaaaaabc"), ["a"] * 10
    assert score("accuracy", gold, constant) == 0.8
    assert score("macro-f1", gold, constant) == pytest.approx((2 * 8 / 18) / 3)
    assert score("mcc", gold, constant) == 0.0


def test_one_label_in_gold() -> None:
    assert score("macro-f1", ["a", "a"], ["a", "a"]) == 1.0
    assert score("macro-f1", ["a", "a"], ["a", "b"]) == pytest.approx((2 / 3 + 0) / 2)
    assert score("mcc", ["a", "a"], ["a", "b"]) == 0.0


@pytest.mark.parametrize("name", [*COUNTED, "subset-accuracy", "log-loss", "ece", "brier"])
def test_no_rows_give_nan(name: str) -> None:
    assert math.isnan(score(name, [], [], np.zeros((0, 3))))


def test_a_gold_label_that_training_never_saw_is_wrong_and_infinitely_surprising() -> None:
    p = np.array([[1.0, 0.0, 0.0]])
    assert score("accuracy", ["new"], ["a"]) == 0.0
    assert score("log-loss", ["new"], ["a"], p) == pytest.approx(-math.log(np.finfo(float).eps))
    assert score("brier", ["new"], ["a"], p) == 2.0
    assert score("ece", ["new"], ["a"], p) == 1.0


def test_chinese_labels_are_labels() -> None:
    assert score("macro-f1", ["退款", "挂失", "挂失"], ["退款", "挂失", "退款"]) == pytest.approx(2 / 3)


# several labels per row


def test_multi_label_golden_numbers() -> None:
    gold = [("a", "b"), ("b",), (), ("c",)]
    predicted = [("b", "a"), ("a",), (), ("c", "b")]
    # a: 1 right of 2 predicted, 1 gold; b: 1 of 2, 2; c: 1 of 1, 1
    each = [2 * 1 / 3, 2 * 1 / 4, 2 * 1 / 2]
    assert score("micro-f1", gold, predicted) == pytest.approx(2 * 3 / (5 + 4))
    assert score("macro-f1", gold, predicted) == pytest.approx(sum(each) / 3)
    assert score("subset-accuracy", gold, predicted) == 0.5
    assert score("accuracy", gold, predicted) == 0.5


def test_multi_label_rows_without_any_label_score_zero_f1_and_full_subset_accuracy() -> None:
    assert score("micro-f1", [(), ()], [(), ()]) == 0.0
    assert score("macro-f1", [(), ()], [(), ()]) == 0.0
    assert score("subset-accuracy", [(), ()], [(), ()]) == 1.0


def test_mcc_refuses_several_labels_per_row_and_says_what_to_use() -> None:
    with pytest.raises(ConfigError, match="micro-f1 or macro-f1"):
        score("mcc", [("a",)], [("a",)])


def test_multi_label_log_loss_is_binary_cross_entropy() -> None:
    p = np.array([[0.9, 0.2, 0.5]])
    expected = -(math.log(0.9) + math.log(0.8) + math.log(0.5)) / 3
    assert score("log-loss", [("a",)], [("a",)], p) == pytest.approx(expected)
    assert score("brier", [("a",)], [("a",)], p) == pytest.approx((0.01 + 0.04 + 0.25) / 3)


# probabilities


def test_log_loss_and_brier_golden_numbers() -> None:
    p = np.array([[0.7, 0.2, 0.1], [0.1, 0.3, 0.6]])
    assert score("log-loss", ["a", "b"], ["a", "c"], p) == pytest.approx(-(math.log(0.7) + math.log(0.3)) / 2)
    first, second = 0.09 + 0.04 + 0.01, 0.01 + 0.49 + 0.36
    assert score("brier", ["a", "b"], ["a", "c"], p) == pytest.approx((first + second) / 2)


def ece_by_hand(confidence: list[float], right: list[bool]) -> float:
    """Sort, cut into 15 bins of the same size, add up the gaps."""
    answers = sorted(zip(confidence, right, strict=True))
    size = len(answers) // 15
    gaps = 0.0
    for start in range(0, len(answers), size):
        part = answers[start : start + size]
        gaps += abs(sum(c for c, _ in part) - sum(r for _, r in part))
    return gaps / len(answers)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 6))
def test_ece_equals_fifteen_bins_by_hand(seed: int, per_bin: int) -> None:
    rng = np.random.default_rng(seed)
    p = rng.dirichlet([0.4] * 3, size=15 * per_bin)
    gold = [SPACE.labels[i] for i in rng.integers(0, 3, size=len(p))]
    top = p.argmax(axis=1)
    right = [SPACE.labels[t] == g for t, g in zip(top, gold, strict=True)]
    assert score("ece", gold, gold, p) == pytest.approx(ece_by_hand(list(p.max(axis=1)), right))


def test_ece_of_a_constant_confidence_does_not_depend_on_the_order_of_rows() -> None:
    p = np.array([[0.5, 0.25, 0.25]] * 30)
    grouped, mixed = ["a"] * 15 + ["b"] * 15, ["a", "b"] * 15
    assert score("ece", grouped, grouped, p) == pytest.approx(0.0)
    assert score("ece", mixed, mixed, p) == pytest.approx(0.0)


def test_nan_probabilities_give_nan_and_missing_ones_an_error() -> None:
    for name in ("log-loss", "brier", "ece"):
        assert math.isnan(score(name, ["a"], ["a"], np.full((1, 3), np.nan)))
        with pytest.raises(ConfigError, match=name):
            score(name, ["a"], ["a"], None)
