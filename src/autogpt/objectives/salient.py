"""Hidden words as in `masked`, the telling ones first: names and terms of the texts' own field.

Masking of entities ("ERNIE", Sun et al. 2019) and of salient spans ("REALM", Guu et al. 2020) hides what a reader of
the field has to know. Ours needs no tagger: a span is a run of words that few of the texts have (by the inverse
document frequency of their tokens, `Signs.salience`), which finds names in any language. Half of what is hidden are
such spans, the rest words at random.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from autogpt.objectives import _masking

if TYPE_CHECKING:
    from autogpt.blocks import Blocks, Signs
    from autogpt.core import Array

HALF, TELLING, LONGEST = 0.5, 0.75, 4
"""Of the hidden places, at most, are in salient spans; a word is telling where it is above this quantile of its block;
a span has so many words at most."""


class Salient:
    """See `blocks.Objective`."""

    name = "salient"
    family = "encoder"
    summary = "hidden words, half of them names and terms of the field"
    tells = "bits per hidden token"

    def batch(self, blocks: Sequence[Array], signs: Signs, rng: np.random.Generator) -> Blocks:
        return _masking.hidden(blocks, signs, rng, lambda block: _ranked(block, signs, rng))


def _ranked(block: Array, signs: Signs, rng: np.random.Generator) -> Array:
    """The rank [T] of each place: spans of telling words up to half of the share, then words at random."""
    free, word = _masking.usable(block, signs), _masking.words(block, signs)
    at_random = _masking.shuffled(word, free, rng)
    if signs.salience is None or not free.any():
        return at_random
    telling = np.zeros(int(word.max()) + 1)
    np.maximum.at(telling, word[free], signs.salience[block[free]])
    salient = free & (telling[word] > 0) & (telling[word] >= np.quantile(telling[np.unique(word[free])], TELLING))
    spans = _spans(word, salient)
    rank = _masking.shuffled(spans, salient, rng)
    most = HALF * _masking.SHARE * int(free.sum())
    sizes = np.bincount(rank)[1:]
    first = max(1, int(np.searchsorted(np.cumsum(sizes), most, side="right"))) if len(sizes) else 0
    ahead = (rank > 0) & (rank <= first)
    rest = _masking.shuffled(word, free & ~ahead, rng)
    return np.where(ahead, rank, np.where(rest > 0, rest + first, 0))


def _spans(word: Array, salient: Array) -> Array:
    """The number [T] of the span that each place is of: neighbouring salient words are one, up to `LONGEST` words."""
    numbers = np.zeros(len(word), dtype=np.int64)
    number, words, before = 0, 0, -1
    for place in np.flatnonzero(salient):
        if word[place] != before:
            words += 1
            if word[place] != before + 1 or words > LONGEST:
                number, words = number + 1, 1
            before = int(word[place])
        numbers[place] = number
    return numbers


plugin = Salient()
