"""Labels that look alike, contradict each other, or are probably wrong."""

from __future__ import annotations

import random

import pytest

from autogpt.core import Example
from autogpt.data.labels import balance, contradictions, edit_distance, twins
from autogpt.data.suspicious import suspicious


@pytest.mark.parametrize(
    ("rare", "common", "difference"),
    [
        ("Positive", "positive", "case"),
        ("positive ", "positive", "space around"),
        ("postive", "positive", "spelling"),
        ("positvie", "positive", "spelling"),
        ("not-spam", "not_spam", "case, space or marks"),
        ("Card Arrival", "card_arrival", "case, space or marks"),
        ("ｓｐａｍ", "spam", "case, space or marks"),
        ("trasnfer_fee_chraged", "transfer_fee_charged", "spelling"),
    ],
)
def test_twins_are_found(rare: str, common: str, difference: str) -> None:
    found = twins({common: 490, rare: 3, "neutral": 200})
    assert [(t.rare, t.common, t.rare_rows, t.difference) for t in found] == [(rare, common, 3, difference)]


@pytest.mark.parametrize(
    "counts",
    [
        {"card_arrival": 150, "card_linking": 3},
        {"pin": 200, "in": 2},
        {"level1": 100, "level2": 2},
        {"typical": 100, "atypical": 2},
        {"likely": 100, "unlikely": 3},
        {"PER.NAM": 300, "PER.NOM": 3, "LOC.NAM": 90, "LOC.NOM": 40},
        {"form": 90, "from": 1},
        {"正面": 100, "负面": 2},
        {"cash withdrawal": 100, "card withdrawal": 90},
        {"subjective": 5000, "objective": 5000},
    ],
)
def test_different_labels_are_no_twins(counts: dict[str, int]) -> None:
    assert twins(counts) == []


def test_edit_distance_counts_a_swap_once() -> None:
    assert [edit_distance(a, b) for a, b in (("", "abc"), ("abc", "acb"), ("kitten", "sitting"))] == [3, 1, 3]


def test_balance_counts_rows_per_label() -> None:
    assert balance(["b", "a", "a"], "classes") == {"a": 2, "b": 1}
    assert balance([("x", "y"), ("x",), ()], "labels") == {"x": 2, "y": 1}
    assert balance([("B-P", "I-P", "O"), ("B-P", "B-L")], "tokens") == {"P": 2, "L": 1}
    assert balance([0.5], "value") == {}


def test_the_same_text_with_two_labels_is_a_contradiction() -> None:
    rows = [("Good!", "pos"), ("good! ", "neg"), ("fine", "pos"), ("fine", "pos")]
    found = contradictions([Example(i, {"text": t}, y) for i, (t, y) in enumerate(rows)], "classes")
    assert [(c.ids, c.targets) for c in found] == [((0, 1), ("pos", "neg"))]
    many = [Example(0, {"text": "a"}, ("x", "y")), Example(1, {"text": "a"}, ("y", "x"))]
    assert contradictions(many, "labels") == []


def test_flipped_labels_are_ranked_first_on_an_easy_set() -> None:
    rng = random.Random(0)
    words = {c: [f"{c}{i}" for i in range(40)] for c in ("alpha", "beta", "gamma", "delta")}
    common = [f"w{i}" for i in range(200)]
    examples, flipped = [], set()
    for i in range(2000):
        label = rng.choice(list(words))
        text = " ".join([*rng.sample(words[label], 3), *rng.sample(common, 6)])
        if rng.random() < 0.1:
            label = rng.choice([c for c in words if c != label])
            flipped.add(i)
        examples.append(Example(i, {"text": text}, label))
    found = suspicious(examples, output="classes")
    assert sum(s.id in flipped for s in found[:100]) >= 90
    assert all(s.given != s.suggested and 0 < s.strength <= 1 for s in found)
    assert [s.strength for s in found] == sorted((s.strength for s in found), reverse=True)
    assert found == suspicious(examples, output="classes")


def test_too_little_data_gives_no_suspicion() -> None:
    assert suspicious([Example(i, {"text": f"t{i}"}, "ab"[i % 2]) for i in range(20)], output="classes") == []
    assert suspicious([Example(i, {"text": f"t{i}"}, float(i)) for i in range(90)], output="value") == []
