"""What each strategy wants, on pools small enough to see it."""

from __future__ import annotations

import numpy as np
import pytest

from autogpt import registry
from autogpt.queries import Pool
from autogpt.queries.coverage import CHUNK, herded, nearness

RNG = np.random.default_rng(0)


def unit(vectors: np.ndarray) -> np.ndarray:
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def heaps(*sizes: int, spread: float = 0.05, width: int = 12) -> tuple[np.ndarray, np.ndarray]:
    """Rows around as many corners as there are sizes, and the corner of each."""
    corner = np.repeat(np.arange(len(sizes)), sizes)
    return unit(np.eye(width)[corner] + spread * RNG.normal(size=(len(corner), width))), corner


def choose(name: str, pool: Pool, k: int, seed: int = 0) -> np.ndarray:
    return np.asarray(registry.get("queries", name).choose(pool, k, np.random.default_rng(seed)))


def fresh(vectors: np.ndarray) -> Pool:
    return Pool(vectors, np.arange(0), np.arange(0), np.zeros(len(vectors), dtype=bool))


def torn(leads: list[float]) -> Pool:
    """Rows between two labels with these leads of the first over the second, a third being out of the question."""
    first = (1 + np.array(leads)) / 2
    chances = np.stack([first, 1 - first, np.zeros(len(leads))], axis=1)
    vectors = unit(RNG.normal(size=(len(leads), 4)))
    return Pool(vectors, np.arange(0), np.arange(0), np.zeros(len(leads), dtype=bool), chances)


@pytest.mark.parametrize("name", ["margin", "entropy", "badge"])
def test_doubtful_rows_come_first(name: str) -> None:
    assert choose(name, torn([0.9, 0.02, 0.8, 0.4]), 1).tolist() == [1]


def test_margin_and_entropy_differ_where_many_labels_are_open() -> None:
    chances = np.array([[0.46, 0.44, 0.1, 0.0], [0.4, 0.2, 0.2, 0.2]])
    pool = Pool(unit(np.eye(2)), np.arange(0), np.arange(0), np.zeros(2, dtype=bool), chances)
    assert choose("margin", pool, 1).tolist() == [0]
    assert choose("entropy", pool, 1).tolist() == [1]


def test_badge_does_not_take_the_same_text_twice() -> None:
    vectors = unit(np.repeat(np.eye(3), 20, axis=0))
    pool = Pool(vectors, np.arange(0), np.arange(0), np.zeros(60, dtype=bool), np.full((60, 2), 0.5))
    for seed in range(5):
        assert {int(place) // 20 for place in choose("badge", pool, 3, seed)} == {0, 1, 2}


@pytest.mark.parametrize("name", ["typiclust", "coverage", "auto"])
def test_every_heap_is_asked_once_before_any_is_asked_again(name: str) -> None:
    vectors, corner = heaps(40, 30, 20, 10)
    for seed in range(3):
        assert {int(corner[place]) for place in choose(name, fresh(vectors), 4, seed)} == {0, 1, 2, 3}


@pytest.mark.parametrize("name", ["typiclust", "coverage"])
def test_a_heap_with_a_label_waits(name: str) -> None:
    vectors, corner = heaps(60, 15)
    pool = Pool(vectors, np.array([0]), np.array([0]), np.arange(75) == 0)
    assert corner[choose(name, pool, 1)].tolist() == [1]


@pytest.mark.parametrize("name", ["typiclust", "coverage"])
def test_an_outlier_is_not_what_is_asked(name: str) -> None:
    """What margin would waste labels on: rows that lie like no other."""
    vectors, _ = heaps(30, 30)
    lonely = unit(RNG.normal(size=(4, 12)))
    assert choose(name, fresh(np.concatenate([lonely, vectors])), 2).min() >= 4


def test_coverage_goes_where_the_classifier_is_unsure() -> None:
    vectors, corner = heaps(40, 40, 40)
    sure = np.where(corner[:, None] == 2, [[0.5, 0.5]], [[0.99, 0.01]])
    pool = Pool(vectors, np.arange(0), np.arange(0), np.zeros(120, dtype=bool), sure)
    assert corner[choose("coverage", pool, 2)].tolist()[0] == 2


def test_lazy_greedy_takes_what_plain_greedy_takes() -> None:
    vectors, labelled = unit(RNG.normal(size=(CHUNK + 50, 6))), np.array([3, 50])
    closed = np.isin(np.arange(len(vectors)), labelled)
    weight = RNG.random(len(vectors)).astype(np.float32)
    found = herded(Pool(vectors, labelled, np.array([0, 1]), closed), weight, 10, np.random.default_rng(0))
    near = nearness(vectors, vectors)
    covered, plain = near[labelled].max(axis=0), []
    for _ in range(10):
        gain = np.maximum(near - covered, 0) @ weight
        gain[[*labelled, *plain]] = -1
        plain.append(int(gain.argmax()))
        covered = np.maximum(covered, near[plain[-1]])
    assert found.tolist() == plain
