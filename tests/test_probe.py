"""The linear probe against scikit-learn's solvers of the same objective."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression, Ridge

from autogpt import probe, registry
from autogpt.core import LabelSpace


def unit_rows(n: int, d: int, seed: int) -> np.ndarray:
    rows = np.random.default_rng(seed).normal(size=(n, d)).astype(np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def test_classes_agree_with_logistic_regression() -> None:
    features = unit_rows(200, 6, 0)
    target = (features @ np.random.default_rng(1).normal(size=(6, 3))).argmax(axis=1)
    output, space = registry.get("outputs", "classes"), LabelSpace(labels=("a", "b", "c"))
    rows = probe.Rows(features, target, np.ones(200, dtype=np.float32))
    found = probe.solve(rows, output, space, c=3.0, judge=None)
    theirs = LogisticRegression(C=3.0, max_iter=2000, tol=1e-8).fit(features, target)
    ours = np.asarray(found(features))
    ours = ours - ours.mean(axis=1, keepdims=True)
    reference = theirs.decision_function(features)
    np.testing.assert_allclose(ours, reference - reference.mean(axis=1, keepdims=True), atol=0.05)


def test_values_agree_with_ridge_regression() -> None:
    features = unit_rows(150, 5, 2)
    target = (features @ np.arange(5.0) + 0.3).astype(np.float32)
    output = registry.get("outputs", "value")
    rows = probe.Rows(features, target, np.ones(150, dtype=np.float32))
    found = probe.solve(rows, output, LabelSpace(), c=10.0, judge=None)
    # C * sum of squares + |w|^2 / 2 is ridge with alpha = 1 / (2 C).
    theirs = Ridge(alpha=1 / 20.0).fit(features, target)
    np.testing.assert_allclose(np.asarray(found(features))[:, 0], theirs.predict(features), atol=0.01)


def test_scaling_features_does_not_change_the_scores() -> None:
    features = unit_rows(100, 4, 3)
    target = (features[:, 0] > 0).astype(np.int64)
    output, space = registry.get("outputs", "classes"), LabelSpace(labels=("a", "b"))
    weights = np.ones(100, dtype=np.float32)
    plain = probe.solve(probe.Rows(features, target, weights), output, space, c=1.0, judge=None)
    scaled = probe.solve(probe.Rows(features * 50, target, weights), output, space, c=1.0, judge=None)
    np.testing.assert_allclose(np.asarray(plain(features)), np.asarray(scaled(features * 50)), atol=1e-2)


def test_a_free_direction_is_not_shrunk() -> None:
    features = unit_rows(30, 8, 7)
    direction = np.full((1, 8), 8**-0.5)
    target = (3 * features @ direction[0]).astype(np.float32)
    output, weights = registry.get("outputs", "value"), np.ones(30, dtype=np.float32)
    shrunk = probe.solve(probe.Rows(features, target, weights), output, LabelSpace(), c=0.01, judge=None)
    free = probe.solve(probe.Rows(features, target, weights, direction), output, LabelSpace(), c=0.01, judge=None)
    assert shrunk.weight[0] @ direction[0] < 1.0
    np.testing.assert_allclose(free.weight[0], 3 * direction[0], atol=0.05)


def test_the_path_is_judged_by_held_out_loss() -> None:
    rng = np.random.default_rng(4)
    features, held = unit_rows(60, 20, 5), unit_rows(60, 20, 6)
    output, space = registry.get("outputs", "classes"), LabelSpace(labels=("a", "b"))
    noise = rng.integers(0, 2, 60)
    rows = probe.Rows(features, noise, np.ones(60, dtype=np.float32))
    other = probe.Rows(held, rng.integers(0, 2, 60), np.ones(60, dtype=np.float32))
    found = probe.solve(rows, output, space, c=None, judge=probe.judge_on(other, output))
    assert found.c == min(probe.PATH), "labels that are noise ask for the strongest regularisation"


def test_of_heads_that_few_rows_cannot_tell_apart_the_most_regularised_is_taken() -> None:
    features, held = unit_rows(200, 4, 5), unit_rows(400, 4, 6)
    output, space = registry.get("outputs", "value"), LabelSpace()
    target, truth = ((table @ np.ones(4)).astype(np.float32) for table in (features, held))
    rows = probe.Rows(features, target, np.ones(200, dtype=np.float32))
    losses = iter([np.array([1.5, 0.9, 0.9]), np.ones(3), np.ones(3) * 9])
    few = probe.solve(rows, output, space, c=None, judge=lambda head: next(losses))
    assert few.c == probe.PATH[0], "half a unit more on one row of three is within the error of the difference"
    other = probe.Rows(held, truth, np.ones(400, dtype=np.float32))
    many = probe.solve(rows, output, space, c=None, judge=probe.judge_on(other, output))
    assert many.c > probe.PATH[0], "a real difference on many rows counts"


def test_rows_without_a_target_are_left_out() -> None:
    output = registry.get("outputs", "classes")
    rows = probe.Rows.of(unit_rows(3, 2, 0), np.array([0, -100, 1]), [1.0, 1.0, 1.0], output)
    assert len(rows.target) == 2


def test_a_weight_of_zero_removes_a_row() -> None:
    features = unit_rows(80, 4, 8)
    target = (features[:, 0] > 0).astype(np.int64)
    wrong = np.concatenate([target, 1 - target])
    output, space = registry.get("outputs", "classes"), LabelSpace(labels=("a", "b"))
    weight = np.concatenate([np.ones(80), np.zeros(80)]).astype(np.float32)
    both = probe.Rows(np.concatenate([features, features]), wrong, weight)
    only = probe.Rows(features, target, np.ones(80, dtype=np.float32))
    a, b = (probe.solve(rows, output, space, c=5.0, judge=None) for rows in (both, only))
    assert np.asarray(a(features)) == pytest.approx(np.asarray(b(features)), abs=0.05)
