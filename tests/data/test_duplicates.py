"""Duplicates: the search misses nothing that a comparison of all pairs finds, and reports nothing else."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autogpt.data import duplicates
from autogpt.data.duplicates import Duplicates, Pair, find, leaks
from autogpt.data.words import fold, words

VOCABULARY = ["the", "cat", "sat", "on", "a", "mat", "and", "then", "it", "ran", *"猫坐在垫子上"]
TEXT = st.lists(st.sampled_from(VOCABULARY), max_size=14).map(" ".join)
LETTERS = st.text("ab ", max_size=24)


def brute(a: str, b: str) -> float:
    """The documented similarity, computed directly: 0 when the two are no near duplicates."""
    x, y = Counter(words(a)), Counter(words(b))
    by_words = sum((x & y).values()) / max(1, sum((x | y).values()))
    p, q = set(pairwise(words(a))), set(pairwise(words(b)))
    ordered = 2 * len(p & q) >= len(p | q)
    g, h = ({t[i : i + 5] for i in range(len(t) - 4)} for t in (a, b))
    by_grams = len(g & h) / max(1, len(g | h))
    return max(by_words if ordered and by_words >= 0.8 else 0.0, by_grams if by_grams >= 0.8 else 0.0)


@settings(max_examples=60, deadline=None)
@given(st.lists(TEXT | LETTERS, max_size=14))
def test_near_pairs_are_those_of_a_comparison_of_all_pairs(texts: list[str]) -> None:
    found = find(texts)
    distinct = list(dict.fromkeys(fold(text) for text in texts))
    expected = {frozenset((a, b)): brute(a, b) for i, a in enumerate(distinct) for b in distinct[:i] if brute(a, b) > 0}
    reported = {frozenset((fold(texts[p.a]), fold(texts[p.b]))): p.similarity for p in found.near}
    assert reported == pytest.approx(expected)


@pytest.mark.parametrize(("typical", "varied"), [(8, 30), (300, 3_000), (5_000, 50_000)])
def test_pairs_that_are_left_out_before_they_are_compared_are_none_that_are_similar(typical: int, varied: int) -> None:
    rng = np.random.default_rng(typical)
    sets = [rng.choice(varied, rng.integers(typical // 2, typical), replace=False) for _ in range(30)]
    for place in range(30):  # twins with more and more members exchanged
        kept = sets[place][: round(len(sets[place]) * (1 - place / 100))]
        sets.append(np.unique(np.concatenate([kept, rng.choice(varied, len(sets[place]) - len(kept))])))
    sizes = np.array([len(one) for one in sets])
    rows, members = np.repeat(np.arange(60), sizes), np.concatenate([np.sort(one) for one in sets])
    a, b = np.triu_indices(60, 1)
    shared = np.array([len(np.intersect1d(sets[i], sets[j])) for i, j in zip(a, b, strict=True)])
    assert np.array_equal(duplicates._shared(members, sizes, a, b), shared)
    similar = shared / (sizes[a] + sizes[b] - shared) >= duplicates.THRESHOLD
    plausible = duplicates._plausible(rows, members, sizes, a, b)
    assert similar.any()
    assert plausible[similar].all()
    assert plausible.mean() < 0.1  # and few others are


@settings(max_examples=40, deadline=None)
@given(st.lists(TEXT, max_size=10), st.lists(TEXT, max_size=10))
def test_leaks_are_the_pairs_across_train_and_test(train: list[str], test: list[str]) -> None:
    found = leaks(train, test)
    exact = {b for b, text in enumerate(test) if fold(text) in {fold(other) for other in train}}
    near = {
        b for b, text in enumerate(test) if any(fold(t) != fold(text) and brute(fold(t), fold(text)) for t in train)
    }
    assert {pair.b for pair in found.exact} == exact
    assert {pair.b for pair in found.near} == near
    assert found.test == exact | near


def test_case_space_and_width_do_not_matter() -> None:
    found = find(
        ["My card is LOST", "my  card is lost\n", "Ｍｙ card is lost", "my card is lost today please help me now"]
    )
    assert found.exact == ((0, 1, 2),)
    assert found.surplus == 2


def test_one_changed_word_of_many_is_near_in_any_language() -> None:
    texts = [
        "i lost my card in the park on monday and need a new one",
        "i lost my card in the park on friday and need a new one",
        "昨天下午我在公园里把新买的银行卡弄丢了怎么办",
        "昨天上午我在公园里把新买的银行卡弄丢了怎么办",
        "man bites dog", "dog bites man",
    ]  # fmt: skip
    assert [(pair.a, pair.b) for pair in find(texts).near] == [(0, 1), (2, 3)]


def test_groups_are_connected_components() -> None:
    found = Duplicates(exact=((0, 3), (1, 5)), near=(Pair(3, 1, 0.9),))
    assert found.groups(7) == [0, 0, 2, 0, 4, 0, 6]
    assert found.groups(7, at_least=0.95) == [0, 1, 2, 0, 4, 1, 6]


def test_very_repetitive_texts_are_tied_without_comparing_all_pairs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(duplicates, "_MOST_PAIRS", 10_000)
    texts = [f"dear customer your order number {i} was shipped today thanks for shopping with us" for i in range(400)]
    found = find(texts)
    assert not found.complete
    assert len(found.near) < 10_000
    assert len(set(found.groups(len(texts)))) == 1


def test_nothing_is_found_in_nothing() -> None:
    assert find([]) == Duplicates((), ())
    assert find(["", " "]).exact == ((0, 1),)
    assert leaks([], ["a"]).test == frozenset()
