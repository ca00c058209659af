"""Planted wrong labels are found and named; clean labels are left alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from autogpt.core import LabelSpace
from autogpt.evaluation.noise import suspects

SPACE = LabelSpace(("a", "b", "c"))


def probabilities(truth: np.ndarray[Any, Any], rng: np.random.Generator) -> np.ndarray[Any, Any]:
    """Out-of-sample probabilities of a decent model: sure of the true label in most rows."""
    scores = rng.normal(size=(len(truth), 3))
    scores[np.arange(len(truth)), truth] += 4
    p = np.exp(scores)
    return np.asarray(p / p.sum(axis=1, keepdims=True))


def test_planted_errors_come_first_with_the_right_suggestion() -> None:
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 3, size=600)
    given = truth.copy()
    planted = rng.choice(600, size=60, replace=False)
    given[planted] = (given[planted] + 1) % 3
    gold = [SPACE.labels[i] for i in given]
    ids = [1000 + i for i in range(600)]
    found = suspects(gold, probabilities(truth, rng), space=SPACE, ids=ids, texts=[f"text {i}" for i in range(600)])
    top = found[:50]
    assert sum(s.row - 1000 in set(planted) for s in top) >= 48
    assert all(s.suggested == SPACE.labels[truth[s.row - 1000]] for s in top if s.row - 1000 in set(planted))
    assert all(s.given == gold[s.row - 1000] and s.text == f"text {s.row - 1000}" for s in found)
    assert suspects(gold, probabilities(truth, rng), space=SPACE, ids=ids, texts=gold, limit=5).__len__() == 5


def test_clean_labels_raise_few_alarms() -> None:
    rng = np.random.default_rng(1)
    truth = rng.integers(0, 3, size=600)
    gold = [SPACE.labels[i] for i in truth]
    found = suspects(gold, probabilities(truth, rng), space=SPACE, ids=list(range(600)), texts=gold)
    assert len(found) <= 0.03 * 600


def test_labels_outside_the_space_and_lone_labels_do_no_harm() -> None:
    p = np.array([[0.9, 0.05, 0.05], [0.1, 0.8, 0.1]])
    assert suspects(["new", "a"], p, space=SPACE, ids=[0, 1], texts=["x", "y"]) == []


def test_a_missing_and_a_surplus_label_of_several() -> None:
    rng = np.random.default_rng(0)
    truth = rng.random((300, 3)) < 0.4
    p = np.where(truth, 0.9, 0.08) + rng.uniform(-0.05, 0.05, size=(300, 3))
    gold = [tuple(x for x, t in zip("abc", row, strict=True) if t) for row in truth]
    row, other = int(np.flatnonzero(truth[:, 0])[0]), int(np.flatnonzero(~truth[:, 1])[-1])
    gold[row] = tuple(x for x in gold[row] if x != "a")
    gold[other] = (*gold[other], "b")
    p[row, 0], p[other, 1] = 0.99, 0.01
    found = suspects(gold, p, space=SPACE, ids=list(range(300)), texts=[""] * 300)
    named = {(s.row, s.suggested) for s in found}
    assert {(row, "+a"), (other, "-b")} <= named


@pytest.mark.nightly
def test_nine_of_ten_planted_errors_in_banking77(shared_rows: Callable[[str], list[dict[str, Any]]]) -> None:
    """RELIABILITY D5: flip 10 % of real labels; at least 90 of the top 100 suspects are flipped rows."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import SGDClassifier
    from sklearn.model_selection import cross_val_predict
    from sklearn.pipeline import make_pipeline

    rows = shared_rows("banking77/train")
    rng = np.random.default_rng(0)
    labels = sorted({r["label"] for r in rows})
    gold = [r["label"] for r in rows]
    planted = set(rng.choice(len(rows), size=len(rows) // 10, replace=False).tolist())
    for i in planted:
        gold[i] = labels[(labels.index(gold[i]) + int(rng.integers(1, len(labels)))) % len(labels)]
    model = make_pipeline(
        TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True),
        SGDClassifier(loss="log_loss", alpha=1e-5, random_state=0),
    )
    p = cross_val_predict(model, [r["text"] for r in rows], gold, cv=4, method="predict_proba")
    found = suspects(gold, p, space=LabelSpace(tuple(labels)), ids=list(range(len(rows))), texts=[""] * len(rows))
    assert sum(s.row in planted for s in found[:100]) >= 90
