"""Exact and near duplicates, and leaks between splits.

Two texts are exact duplicates when they are equal after NFKC, case and white space are folded. They are near
duplicates when the Jaccard similarity of what they hold is at least 0.8 in one of two views: the multiset of their
words (a CJK character is a word) with at least half of their word pairs in the same order, or the set of their
character 5-grams. The first view sees a changed word, the second a typo or a lost space.

The search is the exact set-similarity join by prefix filtering (Bayardo et al. 2007, AllPairs; Xiao et al. 2008,
PPJoin), vectorised: two sets with Jaccard >= t must share one of their `n - ceil(t n) + 1` rarest members. Unlike
MinHash-LSH it misses nothing and draws nothing at random; every candidate is then verified exactly.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from autogpt.data.words import fold, words

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Ints = NDArray[np.int64]

THRESHOLD = 0.8
_GRAM = 5
_PAIRS_AT_ONCE = 2_000_000
_MOST_PAIRS = 1_000_000
_MOST_CHARACTERS = 40_000_000
_PER_COUNT, _LEAST_COUNTS, _MOST_COUNTS = 3, 32, 16_000_000
"""Members of a typical set that share a count of it, the fewest counts of a set, and the most of all sets."""
_CELLS_AT_ONCE = 4_000_000


@dataclass(frozen=True)
class Pair:
    """Two places in the texts that were compared, and how similar they are (1.0: exact duplicates)."""

    a: int
    b: int
    similarity: float


@dataclass(frozen=True)
class Duplicates:
    """`exact`: groups of places with the same folded text. `near`: pairs of one place of each of two such groups.

    `complete` is False when there was too much to compare every pair: very repetitive texts meet only their
    neighbours in size, and beyond 40 million characters typos are not looked for.
    """

    exact: tuple[tuple[int, ...], ...]
    near: tuple[Pair, ...]
    complete: bool = True

    @property
    def surplus(self) -> int:
        """Rows that say nothing new: all but one of each exact group."""
        return sum(len(group) - 1 for group in self.exact)

    def groups(self, count: int, *, at_least: float = THRESHOLD) -> list[int]:
        """A group number for each of `count` places: places tied by duplicates at least so similar share one."""
        parent = list(range(count))

        def root(place: int) -> int:
            while parent[place] != place:
                parent[place] = parent[parent[place]]
                place = parent[place]
            return place

        ties = [(group[0], other) for group in self.exact for other in group[1:]]
        ties += [(pair.a, pair.b) for pair in self.near if pair.similarity >= at_least]
        for a, b in ties:
            first, second = sorted((root(a), root(b)))
            parent[second] = first
        return [root(place) for place in range(count)]


@dataclass(frozen=True)
class Leaks:
    """Rows of the test that the training rows already hold: `a` is the place in train, `b` the place in test."""

    exact: tuple[Pair, ...]
    near: tuple[Pair, ...]

    @property
    def train(self) -> frozenset[int]:
        """Training places that equal a test row."""
        return frozenset(pair.a for pair in self.exact)

    @property
    def test(self) -> frozenset[int]:
        """Test places with an exact or near twin in train."""
        return frozenset(pair.b for pair in (*self.exact, *self.near))


def find(texts: Sequence[str], *, near: bool = True) -> Duplicates:
    """All exact groups, and near pairs, among the texts."""
    folded = [fold(text) for text in texts]
    places: dict[str, list[int]] = defaultdict(list)
    for place, text in enumerate(folded):
        places[text].append(place)
    distinct = list(places)
    pairs, complete = _near_pairs(distinct, None) if near else ([], True)
    close = tuple(Pair(places[distinct[i]][0], places[distinct[j]][0], s) for i, j, s in pairs)
    exact = tuple(tuple(group) for group in places.values() if len(group) > 1)
    return Duplicates(exact, close, complete)


def leaks(train: Sequence[str], test: Sequence[str]) -> Leaks:
    """All rows of train that equal (or nearly equal) a row of test."""
    places: tuple[dict[str, list[int]], dict[str, list[int]]] = (defaultdict(list), defaultdict(list))
    for side, texts in enumerate((train, test)):
        for place, text in enumerate(texts):
            places[side][fold(text)].append(place)
    exact = tuple(
        pair for text in places[0] if text in places[1] for pair in _met(places[0][text], places[1][text], 1.0)
    )
    distinct = list(dict.fromkeys([*places[0], *places[1]]))
    sides = np.array([(text in places[0]) + 2 * (text in places[1]) for text in distinct], dtype=np.int64)
    pairs, _ = _near_pairs(distinct, sides)
    near = []
    for i, j, similarity in pairs:
        for x, y in ((distinct[i], distinct[j]), (distinct[j], distinct[i])):
            if x in places[0] and y in places[1]:
                near += _met(places[0][x], places[1][y], similarity)
    return Leaks(tuple(sorted(exact, key=_by_test)), tuple(sorted(near, key=_by_test)))


def _met(train: Sequence[int], test: Sequence[int], similarity: float) -> list[Pair]:
    """Each place of both sides at least once, without all combinations of them."""
    longer = max(len(train), len(test))
    return [Pair(train[min(i, len(train) - 1)], test[min(i, len(test) - 1)], similarity) for i in range(longer)]


def _by_test(pair: Pair) -> tuple[int, int]:
    return pair.b, pair.a


def _near_pairs(texts: Sequence[str], sides: Ints | None) -> tuple[list[tuple[int, int, float]], bool]:
    """Places (i < j) of near-equal texts. With `sides` (1 train, 2 test, 3 both), only pairs across the two."""
    by_words, complete_words = _join(*_word_members(texts), len(texts), sides)
    neighbours = {row: frozenset(pairwise(words(texts[row]))) for row in {r for pair in by_words for r in pair[:2]}}
    best = {(i, j): score for i, j, score in by_words if _same_order(neighbours[i], neighbours[j])}
    if sum(map(len, texts)) > _MOST_CHARACTERS:
        return [(i, j, score) for (i, j), score in sorted(best.items())], False
    by_grams, complete_grams = _join(*_gram_members(texts), len(texts), sides)
    for i, j, score in by_grams:
        best[i, j] = max(score, best.get((i, j), 0.0))
    return [(i, j, score) for (i, j), score in sorted(best.items())], complete_words and complete_grams


def _same_order(a: frozenset[tuple[str, str]], b: frozenset[tuple[str, str]]) -> bool:
    """Whether at least half of the pairs of neighbouring words are the same."""
    return 2 * len(a & b) >= len(a | b)


def _word_members(texts: Sequence[str]) -> tuple[Ints, Ints]:
    """(row, member) of the words of each text as a multiset: a word's second occurrence is a member of its own."""
    numbers: defaultdict[str, int] = defaultdict()
    numbers.default_factory = numbers.__len__
    lists = [[numbers[unit] for unit in words(text)] for text in texts]
    rows = np.repeat(np.arange(len(texts), dtype=np.int64), [len(found) for found in lists])
    members = np.array([number for found in lists for number in found], dtype=np.int64)
    if not len(rows):
        return rows, members
    width = len(numbers)
    keys = np.sort(rows * width + members)
    first = np.flatnonzero(np.concatenate(([True], keys[1:] != keys[:-1])))
    occurrence = np.arange(len(keys)) - np.repeat(first, np.diff(np.append(first, len(keys))))
    return keys // width, _numbered(keys % width + width * occurrence)


def _gram_members(texts: Sequence[str]) -> tuple[Ints, Ints]:
    """(row, member) of the distinct character 5-grams of each text."""
    lengths = np.array([len(text) for text in texts], dtype=np.int64)
    codes = np.frombuffer("".join(texts).encode("utf-32-le", "surrogatepass"), dtype=np.uint32).astype(np.uint64)
    if len(codes) < _GRAM:
        return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64)
    owner = np.repeat(np.arange(len(texts), dtype=np.int64), lengths)
    # 5 code points of 21 bits do not fit 64 bits, so they are mixed; a false clash is possible at odds of 2^-64.
    hashes = np.zeros(len(codes) - _GRAM + 1, dtype=np.uint64)
    for place in range(_GRAM):
        hashes = (hashes ^ codes[place : len(codes) - _GRAM + 1 + place]) * np.uint64(0x9E3779B97F4A7C15)
        hashes ^= hashes >> np.uint64(29)
    inside = owner[: len(hashes)] == owner[_GRAM - 1 :]
    rows, hashes = owner[: len(hashes)][inside], hashes[inside]
    members = _numbered(hashes)
    width = int(members.max(initial=0)) + 1
    keys = _unique(rows * width + members)
    return keys // width, keys % width


def _unique(keys: Ints) -> Ints:
    """Sorted distinct keys (faster here than the hashing of `np.unique`)."""
    keys = np.sort(keys)
    return keys[np.concatenate(([True], keys[1:] != keys[:-1]))] if len(keys) else keys


def _numbered(keys: NDArray[Any]) -> Ints:
    """Keys replaced by 0, 1, 2 ... in their order."""
    order = np.argsort(keys)
    ordered = keys[order]
    numbers = np.empty(len(keys), dtype=np.int64)
    numbers[order] = np.cumsum(np.concatenate(([False], ordered[1:] != ordered[:-1]))) if len(keys) else 0
    return numbers


def _join(rows: Ints, members: Ints, count: int, sides: Ints | None) -> tuple[list[tuple[int, int, float]], bool]:
    """All pairs of sets with Jaccard similarity >= THRESHOLD, and whether the search was complete."""
    if not len(rows):
        return [], True
    sizes = np.bincount(rows, minlength=count)
    frequency = np.bincount(members)
    ranks = np.empty(len(frequency), dtype=np.int64)
    ranks[np.argsort(frequency, kind="stable")] = np.arange(
        len(frequency)
    )  # from now on a member is its rank, rarest 0
    ordered = np.sort(rows * len(ranks) + ranks[members])
    rows, members = ordered // len(ranks), ordered % len(ranks)
    starts = np.concatenate(([0], np.cumsum(sizes)[:-1]))
    place = np.arange(len(rows)) - starts[rows]
    prefix = place < sizes[rows] - np.ceil(THRESHOLD * sizes[rows] - 1e-9) + 1
    keys, complete = _candidates(rows[prefix], members[prefix], sizes, sides, count)
    if not len(keys):
        return [], complete
    keys = keys[_plausible(rows, members, sizes, keys // count, keys % count)]
    a, b = keys // count, keys % count
    shared = _shared(members, sizes, a, b)
    similarity = shared / (sizes[a] + sizes[b] - shared)
    kept = similarity >= THRESHOLD - 1e-9
    return list(zip(a[kept].tolist(), b[kept].tolist(), similarity[kept].tolist(), strict=True)), complete


def _candidates(rows: Ints, members: Ints, sizes: Ints, sides: Ints | None, count: int) -> tuple[Ints, bool]:
    """Keys `a * count + b` of pairs that share a member and are not too different in size.

    Within a member's bucket rows stand by size, so each row meets only those up to 1 / THRESHOLD times as large.
    """
    order = np.lexsort((rows, sizes[rows], members))
    rows, members = rows[order], members[order]
    # Position up to which row p still has partners: same member, size <= size[p] / THRESHOLD.
    largest = int(sizes.max()) + 2
    ranks = members * largest + sizes[rows]
    limit = members * largest + np.minimum(np.floor(sizes[rows] / THRESHOLD + 1e-9).astype(np.int64), largest - 1)
    partners = np.searchsorted(ranks, limit, side="right") - np.arange(len(rows)) - 1
    complete = True
    if partners.sum() > _MOST_PAIRS:
        # Very repetitive texts: each row meets only its next neighbours in size, which still ties all of a kind.
        ordered = np.sort(partners)
        totals = np.cumsum(ordered) + ordered * np.arange(len(ordered) - 1, -1, -1)
        most = int(ordered[max(0, int(np.searchsorted(totals, _MOST_PAIRS)) - 1)])
        partners, complete = np.minimum(partners, max(most, 3)), False
    ends = np.cumsum(partners)
    found: list[Ints] = []
    start = 0
    while start < len(rows):
        done = ends[start - 1] if start else 0
        stop = max(start + 1, int(np.searchsorted(ends, done + _PAIRS_AT_ONCE, side="right")))
        repeats = partners[start:stop]
        left = np.repeat(np.arange(start, stop), repeats)
        offsets = np.arange(len(left)) - np.repeat(np.cumsum(repeats) - repeats, repeats)
        a, b = rows[left], rows[left + 1 + offsets]
        if sides is not None:
            across = ((sides[a] & 1) & (sides[b] >> 1)) | ((sides[b] & 1) & (sides[a] >> 1))
            a, b = a[across > 0], b[across > 0]
        found.append(_unique(np.minimum(a, b) * count + np.maximum(a, b)))
        start = stop
    return (_unique(np.concatenate(found)) if found else np.empty(0, dtype=np.int64)), complete


def _plausible(rows: Ints, members: Ints, sizes: Ints, a: Ints, b: Ints) -> NDArray[np.bool_]:
    """Which pairs of rows can be similar enough, by an upper bound on what they share, from a few counts of each row.

    Members are counted by their number's remainder; two sets share no more than the sum of the lesser counts. As
    "Bitmap Filter: Speeding up Exact Set Similarity Joins with Bitwise Operations" (Sandes et al. 2020), with counts
    for bits, which still tell something of long texts; it never leaves out a pair that is similar enough.
    """
    wanted = 1 << int(len(members) / len(sizes) / _PER_COUNT).bit_length()
    width = int(min(max(wanted, _LEAST_COUNTS), max(_MOST_COUNTS // len(sizes), 1)))
    counts = np.bincount(rows * width + members % width, minlength=len(sizes) * width).reshape(len(sizes), width)
    counts = counts.astype(np.uint8 if counts.max() < 256 else np.int32)
    needed = np.ceil(THRESHOLD / (1 + THRESHOLD) * (sizes[a] + sizes[b]) - 1e-9)
    step = max(1, _CELLS_AT_ONCE // width)
    bounds = [
        np.minimum(counts[a[i : i + step]], counts[b[i : i + step]]).sum(axis=1, dtype=np.int32)
        for i in range(0, len(a), step)
    ]
    found: NDArray[np.bool_] = np.concatenate([*bounds, np.empty(0, np.int32)]) >= needed
    return found


def _shared(members: Ints, sizes: Ints, a: Ints, b: Ints) -> Ints:
    """How many members the sets of rows a[i] and b[i] share; `members` stand by row, sorted."""
    from scipy.sparse import csr_matrix

    shape, ends = (len(sizes), int(members.max()) + 1), np.concatenate(([0], np.cumsum(sizes)))
    table = csr_matrix((np.ones(len(members), dtype=np.int32), members, ends), shape=shape)
    parts = [
        np.asarray(table[a[i : i + 20_000]].multiply(table[b[i : i + 20_000]]).sum(axis=1)).ravel()
        for i in range(0, len(a), 20_000)
    ]
    return np.concatenate([*parts, np.empty(0)]).astype(np.int64)
