"""What is planted is found: a share of labels that are wrong caps the accuracy at about the rest; a weak model or rows
that are truly ambiguous do not count as wrong labels."""

from __future__ import annotations

import numpy as np
import pytest

from autogpt.core import LabelSpace
from autogpt.evaluation.noise import LabelNoise, label_noise


def planted(
    *, classes: int = 4, rows: int = 2000, apart: float = 0.8, wrong: float = 0.0, seed: int = 0, width: int = 20
) -> LabelNoise | None:
    """Out-of-fold probabilities of a linear model on clusters; `wrong` of the labels are another one, drawn anew."""
    linear = pytest.importorskip("sklearn.linear_model")
    selection = pytest.importorskip("sklearn.model_selection")
    rng = np.random.default_rng(seed)
    centres, true = apart * rng.normal(size=(classes, width)), rng.integers(classes, size=rows)
    x = centres[true] + rng.normal(size=(rows, width))
    flipped = rng.random(rows) < wrong
    given = np.where(flipped, (true + rng.integers(1, classes, size=rows)) % classes, true)
    model = linear.LogisticRegression(max_iter=300)
    p = selection.cross_val_predict(model, x, given, cv=3, method="predict_proba")
    names = tuple(f"label {place}" for place in range(classes))
    return label_noise([names[place] for place in given], p, space=LabelSpace(names))


@pytest.mark.parametrize("classes", [2, 4, 10])
@pytest.mark.parametrize("seed", [0, 1])
def test_a_fifth_of_wrong_labels_caps_at_about_four_fifths(classes: int, seed: int) -> None:
    found = planted(classes=classes, wrong=0.2, seed=seed)
    assert found is not None
    assert found.cap == pytest.approx(0.8, abs=0.05)
    assert 1 - found.high <= found.cap <= 1 - found.low


@pytest.mark.parametrize("wrong", [0.1, 0.3])
def test_the_cap_follows_the_share(wrong: float) -> None:
    found = planted(wrong=wrong)
    assert found is not None
    assert found.cap == pytest.approx(1 - wrong, abs=0.05)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("apart", [0.1, 0.2, 0.35, 0.8])
def test_clean_labels_are_not_called_wrong_however_weak_the_model(apart: float, seed: int) -> None:
    assert planted(apart=apart, seed=seed) is None


def test_with_few_rows_nothing_is_claimed() -> None:
    assert planted(rows=60, wrong=0.2) is None


def test_labels_without_anything_to_learn_say_nothing() -> None:
    assert planted(apart=0.0) is None


def test_several_labels_a_row_are_left_out() -> None:
    gold = [("a",), ("a", "b")] * 100
    assert label_noise(gold, np.full((200, 2), 0.9), space=LabelSpace(("a", "b"))) is None
