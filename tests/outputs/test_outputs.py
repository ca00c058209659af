"""Output kinds against independent formulas."""

import math

import numpy as np
import pytest
import torch

from autogpt import registry
from autogpt.core import Decision, LabelSpace
from autogpt.outputs.tokens import spans

CLASSES = registry.get("outputs", "classes")
LABELS = registry.get("outputs", "labels")
VALUE = registry.get("outputs", "value")
TOKENS = registry.get("outputs", "tokens")


def test_losses_are_per_example_and_follow_their_formulas() -> None:
    logits = torch.tensor([[2.0, 0.0], [0.5, 1.0]])
    by_hand = [math.log(1 + math.exp(-2.0)), math.log(1 + math.exp(0.5))]
    assert CLASSES.loss(logits, torch.tensor([0, 0]), None).tolist() == pytest.approx(by_hand)
    both = LABELS.loss(logits, torch.tensor([[1.0, 0.0], [1.0, 1.0]]), None).tolist()
    softplus = lambda x: math.log(1 + math.exp(x))  # noqa: E731
    by_hand = [(softplus(-2.0) + softplus(0.0)) / 2, (softplus(-0.5) + softplus(-1.0)) / 2]
    assert both == pytest.approx(by_hand)
    assert VALUE.loss(torch.tensor([[3.0], [1.0]]), torch.tensor([1.0, 1.0]), None).tolist() == [4.0, 0.0]


def test_each_token_counts_the_same_in_a_rows_loss() -> None:
    logits = torch.tensor([[[2.0, 0.0], [0.0, 3.0], [9.0, -9.0]]])
    target = torch.tensor([[0, 0, -100]])
    by_hand = (math.log(1 + math.exp(-2.0)) + math.log(1 + math.exp(3.0))) / 20
    assert TOKENS.loss(logits, target, None).tolist() == pytest.approx([by_hand])
    twice = TOKENS.loss(torch.cat([logits, logits], dim=1), torch.cat([target, target], dim=1), None)
    assert twice.tolist() == pytest.approx([2 * by_hand])


def test_class_weights_multiply_a_rows_loss() -> None:
    logits, target = torch.zeros(2, 2), torch.tensor([0, 1])
    plain = CLASSES.loss(logits, target, None)
    weighted = CLASSES.loss(logits, target, torch.tensor([1.0, 3.0]))
    assert (weighted / plain).tolist() == pytest.approx([1.0, 3.0])


def test_temperature_changes_confidence_and_not_the_answer() -> None:
    space = LabelSpace(labels=("a", "b", "c"))
    scores = np.array([[1.0, 3.0, 2.0]])
    hot, cold = (CLASSES.decode(scores, space, Decision(temperature=t), [{}])[0] for t in (4.0, 0.25))
    assert hot.value == cold.value == "b"
    assert hot.runner_up == "c"
    assert hot.confidence < cold.confidence


def test_less_confidence_than_asked_for_abstains() -> None:
    space = LabelSpace(labels=("a", "b"))
    sure, unsure = CLASSES.decode(np.array([[9.0, 0.0], [0.1, 0.0]]), space, Decision(abstain_below=0.8), [{}, {}])
    assert (sure.abstained, unsure.abstained) == (False, True)


def test_values_come_back_in_the_users_unit() -> None:
    space = VALUE.space([10.0, 20.0, 30.0])
    encoded = VALUE.encode([10.0, 30.0], space)
    assert encoded.mean() == pytest.approx(0.0)
    assert [p.value for p in VALUE.decode(encoded[:, None], space, Decision(), [{}, {}])] == pytest.approx([10, 30])


def test_unknown_labels_are_ignored_not_invented() -> None:
    space = LabelSpace(labels=("a", "b"))
    assert CLASSES.encode(["b", "new"], space).tolist() == [1, -100]
    assert LABELS.encode([("a", "new")], space).tolist() == [[1.0, 0.0]]


def test_labels_stay_as_written() -> None:
    assert CLASSES.space(["Positive ", "positive"]).labels == ("Positive ", "positive")


def test_labels_use_the_threshold() -> None:
    space = LabelSpace(labels=("a", "b"))
    scores = np.log(np.array([[0.6 / 0.4, 0.3 / 0.7]]))
    assert LABELS.decode(scores, space, Decision(threshold=0.5), [{}])[0].value == ("a",)
    assert LABELS.decode(scores, space, Decision(threshold=0.2), [{}])[0].value == ("a", "b")


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ("B-X I-X O B-X", [("X", 0, 2), ("X", 3, 4)]),
        ("I-X I-X I-Y", [("X", 0, 2), ("Y", 2, 3)]),
        ("B-X B-X", [("X", 0, 1), ("X", 1, 2)]),
        ("S-X B-Y I-Y E-Y O", [("X", 0, 1), ("Y", 1, 4)]),
        ("NOUN VERB O", [("NOUN", 0, 1), ("VERB", 1, 2)]),
        ("O O", []),
        ("", []),
    ],
)
def test_spans_of_tags(tags: str, expected: list[tuple[str, int, int]]) -> None:
    listed = tags.split()
    assert [(s.label, s.start, s.end) for s in spans(listed, ["w"] * len(listed))] == expected


def test_spans_know_their_characters() -> None:
    (found,) = spans(["O", "B-P", "I-P"], ["in", "New", "York"], [(0, 2), (3, 6), (7, 11)], text="in New York")
    assert (found.text, found.char_start, found.char_end) == ("New York", 3, 11)
