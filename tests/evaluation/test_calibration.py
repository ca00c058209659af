"""Temperature, threshold and abstention: the right number is found on data where it is known."""

from __future__ import annotations

import numpy as np
import pytest

from autogpt import registry
from autogpt.core import Decision, LabelSpace, Prediction
from autogpt.evaluation.calibration import (
    calibration,
    choose_abstention,
    choose_threshold,
    fit_temperature,
    reliability,
    risk_curve,
)
from autogpt.outputs.classes import softmax

SPACE = LabelSpace(("a", "b", "c"))


def honest(rows: int, temperature: float, seed: int = 0) -> tuple[np.ndarray, list[str]]:
    """Scores whose softmax at `temperature` is the true distribution of the labels."""
    rng = np.random.default_rng(seed)
    scores = rng.normal(size=(rows, 3)) * 2 * temperature
    p = softmax(scores, temperature)
    return scores, [SPACE.labels[rng.choice(3, p=row)] for row in p]


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_the_temperature_that_made_the_labels_is_found(temperature: float) -> None:
    scores, gold = honest(4000, temperature)
    assert fit_temperature(scores, gold, space=SPACE) == pytest.approx(temperature, rel=0.1)


def test_the_temperature_is_where_the_likelihood_is_flat() -> None:
    scores, gold = honest(500, 2.0)
    found = fit_temperature(scores, gold, space=SPACE)
    onehot = np.array([[g == label for label in SPACE.labels] for g in gold], dtype=float)
    smooth = 1 / 502
    target = onehot * (1 - smooth) + (1 - onehot) * smooth / 2
    slope = ((softmax(scores, found) - target) * scores).sum(axis=1).mean()  # derivative in 1 / temperature
    assert abs(slope) < 1e-4


def test_scaling_repairs_an_overconfident_model_on_other_rows() -> None:
    scores, gold = honest(3000, 3.0)
    temperature = fit_temperature(scores[:1500], gold[:1500], space=SPACE)
    rest, truth = scores[1500:], gold[1500:]
    before, after = softmax(rest), softmax(rest, temperature)
    answers = registry.get("outputs", "classes").decode(rest, SPACE, Decision(temperature), [{}] * len(rest))
    found = calibration(truth, answers, before, after, space=SPACE, temperature=temperature)
    assert found.ece_before > 0.15
    assert found.ece_after < 0.05
    assert sum(b.n for b in found.bins) == 1500
    assert found.curve[-1].coverage == 1.0
    assert found.curve[0].accuracy > found.curve[-1].accuracy


def test_a_validation_set_without_errors_does_not_ask_for_certainty() -> None:
    gold = ["a", "b", "c"] * 10
    scores = np.array([[4.0 * (label == g) for label in SPACE.labels] for g in gold])
    temperature = fit_temperature(scores, gold, space=SPACE)
    assert softmax(scores, temperature).max() < 0.99


def test_multi_label_and_token_scores_have_a_temperature_too() -> None:
    rng = np.random.default_rng(0)
    scores = rng.normal(size=(3000, 3)) * 4
    p = 1 / (1 + np.exp(-scores / 2))
    gold = [tuple(x for x, q, r in zip("abc", row, rng.random(3), strict=True) if r < q) for row in p]
    assert fit_temperature(scores, gold, space=SPACE) == pytest.approx(2.0, rel=0.1)
    flat, labels = honest(3000, 2.0)
    tokens, tags = [flat[i : i + 10] for i in range(0, 3000, 10)], [labels[i : i + 10] for i in range(0, 3000, 10)]
    assert fit_temperature(tokens, tags, space=SPACE) == fit_temperature(flat, labels, space=SPACE)


def test_what_cannot_tell_leaves_the_temperature_alone() -> None:
    assert fit_temperature(np.zeros((0, 3)), [], space=SPACE) == 1.0
    assert fit_temperature(np.full((2, 3), np.nan), ["a", "b"], space=SPACE) == 1.0
    assert fit_temperature(np.ones((2, 3)), ["unseen", "unseen"], space=SPACE) == 1.0
    assert fit_temperature([], [], space=SPACE) == 1.0


def test_the_threshold_of_several_labels_is_the_middle_of_the_best_stretch() -> None:
    p = np.array([[0.3, 0.1, 0.1], [0.1, 0.35, 0.1], [0.4, 0.1, 0.3]])
    gold = [("a",), ("b",), ("a", "c")]
    threshold = choose_threshold(p, gold, metric=registry.get("metrics", "micro-f1"), space=SPACE)
    assert 0.1 < threshold <= 0.3
    assert threshold == pytest.approx(0.2, abs=0.03)


def test_abstention_answers_as_many_rows_as_the_target_allows() -> None:
    confidence = [0.9] * 40 + [0.8] * 40 + [0.6] * 40
    right = [True] * 40 + [True] * 36 + [False] * 4 + [True] * 20 + [False] * 20
    found = choose_abstention(confidence, right, target=0.95)
    assert found is not None
    assert (found.threshold, found.coverage) == (0.8, pytest.approx(80 / 120))
    assert found.accuracy == pytest.approx(76 / 80)
    assert choose_abstention(confidence, [False] * 120, target=0.95) is None
    everything = choose_abstention(confidence, right, target=0.5)
    assert everything is not None
    assert everything.coverage == 1.0


def test_the_risk_curve_never_splits_equal_confidences() -> None:
    points = risk_curve([0.9, 0.5, 0.5, 0.5], [True, True, False, False])
    assert [(p.threshold, p.coverage, p.accuracy) for p in points] == [(0.9, 0.25, 1.0), (0.5, 1.0, 0.5)]
    assert risk_curve([], []) == []


def test_reliability_bins_have_equal_mass_or_equal_width() -> None:
    rng = np.random.default_rng(0)
    one = rng.random((150, 1))
    assert {b.n for b in reliability(one, one > 0.5)} == {10}
    many = np.clip(rng.random((100, 3)) ** 4, 0, 1)
    bins = reliability(many, many > 0.5, bins=10)
    assert sum(b.n for b in bins) == 300
    assert all(i / 10 <= b.confidence <= (i + 1) / 10 for i, b in enumerate(bins))


def test_calibration_of_tokens_counts_tokens() -> None:
    p = [np.array([[0.8, 0.1, 0.1]] * 3), np.array([[0.2, 0.6, 0.2]])]
    found = calibration(
        [("a", "a", "b"), ("b",)],
        [Prediction(("a", "a", "a")), Prediction(("b",))],
        p,
        p,
        space=SPACE,
        temperature=1.0,
    )
    assert found.unit == "tokens"
    assert sum(b.n for b in found.bins) == 4
    assert found.curve == ()
