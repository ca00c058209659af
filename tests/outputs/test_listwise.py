"""Candidates of a row: the listwise loss against its formula, padding, decoding in the user's own words."""

import math
from typing import Any

import numpy as np
import pytest
import torch

from autogpt import registry
from autogpt.core import Decision, LabelSpace, Prediction
from autogpt.evaluation.calibration import fit_list_temperature
from autogpt.probe import pad_targets

CHOICES = registry.get("outputs", "choices")
ROWS = [{"text": "t", "choices": ("a", "b", "c")}, {"text": "t", "choices": ("d", "e"), "names": (1, 2)}]
SCORES = [np.array([[0.0], [2.0], [1.0]]), np.array([[3.0], [3.0]])]


def order(answer: Prediction) -> tuple[Any, ...]:
    return tuple(label for label, _ in answer.best)


def test_relevance_becomes_a_share_of_the_row() -> None:
    first, second, nothing = CHOICES.encode([(0.0, 1.0, 3.0), (1.0, 0.0), (0.0, 0.0)], LabelSpace())
    assert first.tolist() == [0.0, 0.25, 0.75]
    assert second.tolist() == [1.0, 0.0]
    assert nothing.tolist() == [0.0, 0.0]


def test_the_loss_is_the_cross_entropy_within_each_row_and_padding_has_no_part_in_it() -> None:
    logits = torch.tensor([[0.0], [2.0], [1.0], [3.0], [1.0]], requires_grad=True)
    target = pad_targets(CHOICES.encode([(0.0, 1.0, 1.0), (1.0, 0.0)], LabelSpace()))
    losses = CHOICES.loss(logits, target, None)
    first = math.log(1 + math.e + math.e**2) - 0.5 * (2.0 + 1.0)
    second = math.log(1 + math.exp(-2.0))
    assert losses.tolist() == pytest.approx([first, second], rel=1e-6)
    losses.sum().backward()
    share = np.exp([0.0, 2.0, 1.0]) / np.exp([0.0, 2.0, 1.0]).sum()
    assert logits.grad is not None
    np.testing.assert_allclose(logits.grad[:3, 0].numpy(), share - [0.0, 0.5, 0.5], atol=1e-6)


def test_one_right_choice_is_plain_cross_entropy() -> None:
    logits = torch.randn(4, 3, generator=torch.Generator().manual_seed(0))
    right = torch.tensor([0, 2, 1, 1])
    target = torch.nn.functional.one_hot(right, 3).float()
    expected = torch.nn.functional.cross_entropy(logits, right, reduction="none")
    torch.testing.assert_close(CHOICES.loss(logits[..., None], target, None), expected)


def test_answers_are_the_users_words_in_order() -> None:
    first, second = CHOICES.decode(SCORES, LabelSpace(), Decision(abstain_below=0.6), ROWS)
    assert (first.value, first.runner_up, order(first), first.abstained) == ("b", "c", ("b", "c", "a"), False)
    assert first.confidence == pytest.approx(1 / (1 + math.exp(-1) + math.exp(-2)))
    assert (second.value, second.runner_up, order(second), second.abstained) == (1, "2", (1, 2), True)


def test_temperature_changes_confidence_and_not_the_order() -> None:
    cold, hot = (CHOICES.decode(SCORES, LabelSpace(), Decision(temperature=t), ROWS)[0] for t in (0.5, 4.0))
    assert order(cold) == order(hot)
    assert cold.confidence > hot.confidence


def test_the_temperature_of_lists_undoes_what_scales_them() -> None:
    rng = np.random.default_rng(0)
    scores, gold = [], []
    for _ in range(2000):
        logits = rng.normal(size=int(rng.integers(2, 6)))
        drawn = rng.choice(len(logits), p=np.exp(logits) / np.exp(logits).sum())
        scores.append(3.0 * logits[:, None])
        gold.append(tuple(float(i == drawn) for i in range(len(logits))))
    assert fit_list_temperature(scores, gold) == pytest.approx(3.0, rel=0.12)
    assert fit_list_temperature([], []) == 1.0
