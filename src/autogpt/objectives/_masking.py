"""What objectives of hidden words share: which places are hidden, and what stands there instead.

Dynamic masking as in "RoBERTa" (Liu et al. 2019): of 15 % of the places four fifths show the mask, a tenth another
token, a tenth what stood there. Whole words are hidden together (as in the later BERTs), where the tokenizer tells
which tokens begin one: a word of which a part can be seen is told too easily.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from autogpt.blocks import Blocks, Signs, padded

if TYPE_CHECKING:
    from autogpt.core import Array

SHARE, SHOWN, OTHER = 0.15, 0.1, 0.1


def hidden(blocks: Sequence[Array], signs: Signs, rng: np.random.Generator, units: Callable[[Array], Array]) -> Blocks:
    """Blocks some of whose units (`units`: the number of each place's, from 1 in the order they are hidden; 0: never)
    are hidden, about `SHARE` of the tokens and at least one unit."""
    ids, mask = padded(blocks, signs.pad)
    chosen = np.zeros(ids.shape, dtype=bool)
    for row, block in enumerate(blocks):
        chosen[row, : len(block)] = _taken(units(block), usable(block, signs))
    target = np.where(chosen, ids, signs.ignored)
    draw = rng.random(ids.shape)
    shown = np.where(chosen & (draw >= SHOWN + OTHER), signs.mask, ids)
    other = chosen & (draw >= SHOWN) & (draw < SHOWN + OTHER)
    shown = np.where(other, rng.integers(signs.first, signs.vocabulary, ids.shape), shown)
    return Blocks({"input_ids": shown, "attention_mask": mask}, target)


def usable(block: Array, signs: Signs) -> Array:
    """Places [T] that may be hidden: no special token."""
    return ~np.isin(block, list(signs.special))


def words(block: Array, signs: Signs) -> Array:
    """The number [T] of the word that each place is of; each token is a word where the tokenizer does not tell."""
    begins = np.isin(block, signs.starts) if signs.starts is not None else np.ones(len(block), dtype=bool)
    return np.cumsum(begins)


def shuffled(numbers: Array, free: Array, rng: np.random.Generator) -> Array:
    """A rank [T] for each place, the same within a unit, at random and from 1; 0 where it is not free."""
    known = np.unique(numbers[free])
    rank = np.zeros(int(numbers.max(initial=0)) + 1, dtype=np.int64)
    rank[rng.permutation(known)] = np.arange(1, len(known) + 1)
    return np.where(free, rank[numbers], 0)


def _taken(rank: Array, free: Array) -> Array:
    """The places [T] of the first units, until about `SHARE` of the free places are taken."""
    wanted = max(1, round(SHARE * int(free.sum())))
    sizes = np.bincount(rank)[1:]
    sizes = sizes[: int(np.searchsorted(np.cumsum(sizes), wanted)) + 1]
    return (rank > 0) & (rank <= len(sizes))
