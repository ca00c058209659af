"""The head of the loop: what it solves, and that leaving a row out is what it says."""

from __future__ import annotations

import numpy as np
import pytest

from autogpt.labelling.head import RIDGE, fit

RNG = np.random.default_rng(1)


def rows(count: int = 24, width: int = 6, labels: int = 3) -> tuple[np.ndarray, np.ndarray]:
    """Vectors of length 1 near the axis of their label; the first label is rare."""
    label = np.where(np.arange(count) < 3, 0, 1 + np.arange(count) % (labels - 1))
    vectors = np.eye(width)[label] + 0.4 * RNG.normal(size=(count, width))
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True), label


def test_it_is_weighted_ridge_regression_to_one_column_per_label() -> None:
    from sklearn.linear_model import Ridge

    vectors, labels = rows()
    weight = len(labels) / (3 * np.bincount(labels)[labels])
    peer = Ridge(alpha=RIDGE).fit(vectors, np.eye(3)[labels], sample_weight=weight)
    np.testing.assert_allclose(fit(vectors, labels, 3).scores(vectors), peer.predict(vectors), atol=1e-8)


def test_answers_left_out_are_those_of_a_fit_without_the_row() -> None:
    from sklearn.linear_model import Ridge

    vectors, labels = rows()
    weight = len(labels) / (3 * np.bincount(labels)[labels])
    found = []
    for row in range(len(labels)):
        rest = np.arange(len(labels)) != row
        peer = Ridge(alpha=RIDGE).fit(vectors[rest], np.eye(3)[labels[rest]], sample_weight=weight[rest])
        found.append(int(peer.predict(vectors[[row]]).argmax()))
    assert fit(vectors, labels, 3).left_out.tolist() == found


def test_a_label_that_nobody_gave_is_never_answered() -> None:
    vectors, labels = rows()
    answers = fit(vectors, labels, 5).scores(vectors).argmax(axis=1)
    assert set(answers.tolist()) <= {0, 1, 2}


def test_probabilities_sum_to_one_and_are_sharper_where_labels_are_plain() -> None:
    vectors, labels = rows(60)
    plain = fit(vectors, labels, 3).probabilities(vectors)
    noise = fit(vectors, RNG.permutation(labels), 3).probabilities(vectors)
    np.testing.assert_allclose(plain.sum(axis=1), 1.0)
    assert plain.max(axis=1).mean() > noise.max(axis=1).mean() + 0.1


@pytest.mark.parametrize("count", [4, 200])
def test_more_rows_than_dimensions_and_fewer_are_one_formula(count: int) -> None:
    vectors, labels = rows(count, width=20)
    assert float((fit(vectors, labels, 3).scores(vectors).argmax(axis=1) == labels).mean()) > 0.9
