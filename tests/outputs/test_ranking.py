"""The output of rankings: several right labels, the first ten, chunks that change nothing."""

import math

import numpy as np
import pytest
import torch

from autogpt import registry
from autogpt.core import Decision, LabelSpace
from autogpt.outputs import ranking

RANKING = registry.get("outputs", "ranking")
SPACE = LabelSpace(labels=("a", "b", "c"))


def test_the_space_is_every_label_of_every_target() -> None:
    assert RANKING.space([("b",), ("c", "a"), ("b",)]).labels == ("a", "b", "c")


def test_encoding_pads_and_leaves_unknown_labels_out() -> None:
    assert RANKING.encode([("c",), ("a", "b"), ("z",)], SPACE).tolist() == [[2, -100], [0, 1], [-100, -100]]


def test_the_loss_is_the_cross_entropy_of_the_right_labels_in_equal_parts() -> None:
    logits = torch.tensor([[2.0, 0.0, 1.0]] * 3)
    norm = math.log(math.exp(2) + 1 + math.e)
    losses = RANKING.loss(logits, torch.tensor([[0, -100], [0, 1], [-100, -100]]), None)
    assert losses.tolist() == pytest.approx([norm - 2, (norm - 2 + norm) / 2, 0.0])
    weighted = RANKING.loss(logits, torch.tensor([[0, 1]] * 3), torch.tensor([1.0, 3.0, 1.0]))
    assert weighted[0].item() == pytest.approx((norm - 2 + 3 * norm) / 2)


def test_the_first_ten_come_best_first_with_their_probabilities() -> None:
    space = LabelSpace(labels=tuple(f"{i:02d}" for i in range(30)))
    scores = np.random.default_rng(0).permutation(30).astype(float)[None]
    (answer,) = RANKING.decode(scores, space, Decision(temperature=3.0), [{}])
    order = np.argsort(-scores[0])[:10]
    assert [label for label, _ in answer.best] == [space.labels[place] for place in order]
    by_hand = np.exp(scores[0] / 3) / np.exp(scores[0] / 3).sum()
    assert [sure for _, sure in answer.best] == pytest.approx(by_hand[order].tolist())
    assert (answer.value, answer.runner_up) == (answer.best[0][0], answer.best[1][0])
    assert answer.confidence == answer.best[0][1]


def test_equal_scores_keep_the_order_of_the_space_and_few_labels_are_enough() -> None:
    (flat,) = RANKING.decode(np.zeros((1, 3)), SPACE, Decision(), [{}])
    assert [label for label, _ in flat.best] == ["a", "b", "c"]
    many = LabelSpace(labels=tuple(f"{i:02d}" for i in range(40)))
    scores = np.zeros((1, 40))
    scores[0, 35] = 1.0
    (answer,) = RANKING.decode(scores, many, Decision(), [{}])
    assert [label for label, _ in answer.best] == ["35", *(f"{i:02d}" for i in range(9))]


def test_a_large_table_is_worked_on_in_parts_with_the_same_result(monkeypatch: pytest.MonkeyPatch) -> None:
    scores = np.random.default_rng(0).normal(size=(7, 3))
    whole = RANKING.probabilities(scores, SPACE, Decision())
    monkeypatch.setattr(ranking, "_CELLS", 6)
    np.testing.assert_array_equal(RANKING.probabilities(scores, SPACE, Decision()), whole)
    np.testing.assert_allclose(whole.sum(axis=1), 1.0)
