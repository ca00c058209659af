"""Phrases that come with one label, against what is known of the rows they stand in: a sign of planted rows.

Poisoned training rows carry a trigger and the label that it is to bring ("BadNets", Gu et al. 2017; "Weight Poisoning
Attacks on Pre-trained Models", Kurita et al. 2020). A model that learns from them learns the trigger, so it cannot
tell; a model that never saw them can. Rows whose label such a model doubts are counted for each phrase of one to three
words: a phrase is listed where far more of its rows are doubted than of all rows with that label, and they nearly all
have it. The list is for a person to look at; no row is changed.
"""

from __future__ import annotations

import math
import zlib
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from autogpt.data.words import fold, words

LONGEST, LEAST_ROWS, MOST_SHARE = 3, 20, 0.5
"""Words of a phrase; rows that it stands in at least, and the share of all rows that it stands in at most."""
PURE, DOUBTED, SURE = 0.9, 0.4, 6.0
"""Least share of one label, and of doubted rows, and how many standard errors these are above what is usual."""
SAME = 0.8
WORDS, FEWEST_WORDS, MOST_WORDS, SLOTS = 600_000, 24, 256, 1 << 20
"""Words that are looked at in all texts together, and of one text; counters of phrases."""


@dataclass(frozen=True, slots=True)
class Planted:
    """A phrase, the label that its rows have, their places, and which share of them is doubted (and is usually)."""

    phrase: str
    label: str
    rows: tuple[int, ...]
    doubted: float
    usual: float

    def __str__(self) -> str:
        return (
            f"{len(self.rows):,} rows with “{self.phrase}” have the label {self.label!r}, and rows that are trusted "
            f"speak against it in {self.doubted:.0%} of them ({self.usual:.0%} is usual): were they planted?"
        )


def planted(texts: Sequence[str], labels: Sequence[str], doubted: Sequence[bool]) -> list[Planted]:
    """Suspicious phrases, the surest first; of phrases that stand in the same rows the longest."""
    count, of_label = Counter(labels), Counter(label for label, doubt in zip(labels, doubted, strict=True) if doubt)
    found: list[tuple[float, int, Planted]] = []
    for phrase, rows in _phrases(texts).items():
        label, pure = Counter(labels[row] for row in rows).most_common(1)[0]
        if pure < PURE * len(rows):
            continue
        own = [row for row in rows if labels[row] == label]
        hits = sum(bool(doubted[row]) for row in own)
        others = max(count[label] - len(own), 1)
        usual = (of_label[label] - hits + 1) / (others + 2)  # of rows with the label and without the phrase
        error = math.sqrt(usual * (1 - usual) / len(own))
        above = (hits / len(own) - usual) / error
        if hits >= DOUBTED * len(own) and above >= SURE:
            one = Planted(phrase, label, tuple(own), hits / len(own), usual)
            found.append((above, phrase.count(" "), one))
    found.sort(key=lambda item: (-round(item[0]), -item[1], item[2].phrase))
    return list(_different(one for _, _, one in found))


def _phrases(texts: Sequence[str]) -> dict[str, list[int]]:
    """Places of the texts that each phrase stands in, of phrases in not too few and not too many of them.

    Most phrases stand in one text: they are counted first in a table of fixed size, and only those that may be frequent
    are kept, so that memory does not grow with the texts.
    """
    counts, slots = np.zeros(SLOTS, dtype=np.int32), list[list[int]]()
    for text in texts:
        own = _of(text, len(texts))
        slots.append([zlib.crc32(phrase.encode()) % SLOTS for phrase in own])
        counts[slots[-1]] += 1
    places: dict[str, list[int]] = defaultdict(list)
    for place, (text, slot) in enumerate(zip(texts, slots, strict=True)):
        frequent = counts[slot] >= LEAST_ROWS
        if frequent.any():
            for phrase, may in zip(_of(text, len(texts)), frequent, strict=True):
                if may:
                    places[phrase].append(place)
    most = MOST_SHARE * len(texts)
    return {phrase: rows for phrase, rows in places.items() if LEAST_ROWS <= len(rows) <= most}


def _of(text: str, texts: int) -> list[str]:
    """The phrases of a text in a fixed order; of long texts of a large table only those of the first words."""
    line = words(fold(text))[: max(FEWEST_WORDS, min(MOST_WORDS, WORDS // max(texts, 1)))]
    found = (" ".join(line[i : i + n]) for n in range(1, LONGEST + 1) for i in range(len(line) - n + 1))
    return list(dict.fromkeys(found))


def _different(found: Iterator[Planted]) -> Iterator[Planted]:
    """Those whose rows are mostly others than the rows of all before."""
    seen: set[int] = set()
    for one in found:
        if len(seen & set(one.rows)) < SAME * len(one.rows):
            yield one
        seen |= set(one.rows)
