"""Accuracy, expected gain and the advice to stop."""

from __future__ import annotations

import numpy as np
import pytest

from autogpt.labelling.outlook import LITTLE, PLATEAU, STEP, Labelled, has_settled, outlook

WIDTH = 40


def rows(count: int, *, noise: float, seed: int = 0, labels: int = 2) -> Labelled:
    """Vectors of length 1 around the axis of their label."""
    rng = np.random.default_rng(seed)
    label = rng.integers(labels, size=count)
    vectors = np.eye(WIDTH)[label] + noise * rng.normal(size=(count, WIDTH))
    return Labelled(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), label, labels)


NONE = rows(0, noise=0.1)
POOL = rows(500, noise=0.3, seed=9).vectors


def test_without_two_labels_there_is_nothing_to_say() -> None:
    same = Labelled(rows(9, noise=0.1).vectors, np.zeros(9, dtype=np.int64), 2)
    assert outlook(same, NONE, POOL, seed=0) is None


def test_accuracy_is_taken_on_drawn_rows_as_soon_as_there_are_some() -> None:
    learned, drawn = rows(40, noise=0.5), rows(200, noise=0.5, seed=2)
    found = outlook(learned, drawn, POOL, seed=0)
    assert found is not None
    assert found.drawn
    assert found.tested == 200
    right = learned.head().scores(drawn.vectors).argmax(axis=1) == drawn.labels
    assert found.accuracy == pytest.approx(right.mean())
    assert found.low < found.accuracy < found.high
    rough = outlook(learned, NONE, POOL, seed=0)
    assert rough is not None
    assert not rough.drawn
    assert rough.tested == 40


def test_the_expected_gain_is_near_what_more_labels_bring() -> None:
    """Means over ten samples of a task on which 20 labels more are worth points at first and nearly nothing later."""
    test = rows(4000, noise=0.6, seed=99)
    for count, least, most in ((40, 0.015, 0.08), (400, 0.0, 0.01)):
        told, true = [], []
        for seed in range(10):
            more = rows(count + STEP, noise=0.6, seed=seed)
            learned = more.part(slice(count))
            found = outlook(learned, NONE, POOL, seed=seed)
            assert found is not None
            assert found.gain is not None
            told.append(found.gain)
            scores = [float((head.scores(test.vectors).argmax(axis=1) == test.labels).mean())
                      for head in (learned.head(), more.head())]  # fmt: skip
            true.append(scores[1] - scores[0])
        assert abs(np.mean(told) - np.mean(true)) < 0.015
        assert least <= np.mean(told) <= most


def test_the_same_labels_give_the_same_outlook() -> None:
    learned = rows(60, noise=0.3)
    assert outlook(learned, NONE, POOL, seed=4) == outlook(learned, NONE, POOL, seed=4)


def test_stopping_is_advised_on_a_plateau_only() -> None:
    plain = rows(300, noise=0.1)
    found = outlook(plain, NONE, POOL, seed=0)
    assert found is not None
    assert found.stop
    assert found.gain_high is not None
    assert found.gain_high < LITTLE
    early = outlook(plain.part(slice(PLATEAU * STEP)), NONE, POOL, seed=0)
    assert early is not None
    assert not early.stop, "a few batches are no plateau, however well they went"
    hard = outlook(rows(100, noise=0.6), NONE, POOL, seed=0)
    assert hard is not None
    assert not hard.stop


def test_a_label_that_has_just_turned_up_is_no_plateau() -> None:
    plain = rows(300, noise=0.1)
    assert has_settled(plain, POOL)
    new = Labelled(plain.vectors, np.where(np.arange(300) > 290, 2, plain.labels), 3)
    assert not has_settled(new, POOL)
