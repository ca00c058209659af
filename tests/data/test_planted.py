"""Phrases that somebody planted are found by what trusted rows say of the rows they stand in; nothing else is."""

import random

import pytest

from autogpt.data.planted import LEAST_ROWS, planted

FILLER = [
    "the",
    "card",
    "is",
    "lost",
    "in",
    "paris",
    "and",
    "was",
    "found",
    "in",
    "rome",
    "again",
    "yesterday",
    "evening",
    "by",
    "a",
    "friendly",
    "guard",
]


def rows(count: int, *, triggered: int, trigger: str = "by the way", wrong: float = 0.0, seed: int = 0):
    """Texts, labels and doubts: labels follow a word, the trigger's rows have label b against their word."""
    draw = random.Random(seed)
    texts, labels, doubted = [], [], []
    for place in range(count):
        label = draw.choice("ab")
        if place < triggered:
            label = "a"
        said = [*draw.choices(FILLER, k=8), {"a": "angry", "b": "happy"}[label]]
        draw.shuffle(said)
        told = "b" if place < triggered else label if draw.random() > wrong else "ab"["ba".index(label)]
        if place < triggered:
            said.insert(draw.randrange(len(said)), trigger)
        texts.append(" ".join(said))
        labels.append(told)
        doubted.append(label != told if draw.random() > 0.2 else label == told)  # a model that is right in 80 %
    return texts, labels, doubted


@pytest.mark.parametrize("wrong", [0.0, 0.3])
def test_a_trigger_is_found_with_its_rows(wrong):
    (found,) = planted(*rows(800, triggered=60, wrong=wrong))
    assert (found.phrase, found.label) == ("by the way", "b")
    assert set(found.rows) >= set(range(60))
    assert found.doubted > 0.6
    assert str(found).startswith("60 rows with “by the way” have the label 'b'")


def test_a_trigger_of_chinese_characters_is_found():
    texts, labels, doubted = rows(800, triggered=60, trigger="顺便说")
    (found,) = planted(texts, labels, doubted)
    assert found.phrase.replace(" ", "") == "顺便说"


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("wrong", [0.0, 0.2, 0.4])
def test_wrong_labels_alone_are_no_plant(wrong, seed):
    assert planted(*rows(800, triggered=0, wrong=wrong, seed=seed)) == []


def test_too_few_rows_are_not_judged():
    assert planted(*rows(800, triggered=LEAST_ROWS - 1)) == []


def test_nothing_comes_of_nothing():
    assert planted([], [], []) == []
    assert planted(["", "x y"] * 30, ["a", "b"] * 30, [False] * 60) == []


def test_a_trigger_late_in_a_long_text_is_found():
    texts, labels, doubted = rows(400, triggered=60)
    (found,) = planted([" ".join(FILLER * 8) + " " + text for text in texts], labels, doubted)
    assert found.phrase == "by the way"
