"""Tokens that were hidden, from both sides ("BERT", Devlin et al. 2019), hidden anew whenever a block is read.

Dynamic masking as in "RoBERTa" (Liu et al. 2019): of 15 % of the places four fifths show the mask, a tenth another
token, a tenth what stood there. Whole words are hidden together (as in the later BERTs), where the tokenizer tells
which tokens begin one: a word of which a part can be seen is told too easily.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from autogpt.blocks import Blocks, Signs, padded

if TYPE_CHECKING:
    from autogpt.core import Array

SHARE, SHOWN, OTHER = 0.15, 0.1, 0.1


class Masked:
    """See `blocks.Objective`."""

    name = "masked"
    family = "encoder"
    summary = "hidden words, from what stands around them"
    tells = "bits per hidden token"

    def batch(self, blocks: Sequence[Array], signs: Signs, rng: np.random.Generator) -> Blocks:
        ids, mask = padded(blocks, signs.pad)
        hidden = np.zeros(ids.shape, dtype=bool)
        for row, block in enumerate(blocks):
            hidden[row, : len(block)] = _hidden(block, signs, rng)
        target = np.where(hidden, ids, signs.ignored)
        draw = rng.random(ids.shape)
        shown = np.where(hidden & (draw >= SHOWN + OTHER), signs.mask, ids)
        other = hidden & (draw >= SHOWN) & (draw < SHOWN + OTHER)
        shown = np.where(other, rng.integers(signs.first, signs.vocabulary, ids.shape), shown)
        return Blocks({"input_ids": shown, "attention_mask": mask}, target)


def _hidden(block: Array, signs: Signs, rng: np.random.Generator) -> Array:
    """Which places are hidden: whole words, about `SHARE` of the tokens, at least one; never a special token."""
    usable = ~np.isin(block, list(signs.special))
    word = np.cumsum(np.isin(block, signs.starts) if signs.starts is not None else np.ones(len(block), dtype=bool))
    words = np.unique(word[usable])
    if not len(words):
        return np.zeros(len(block), dtype=bool)
    order, wanted = rng.permutation(words), max(1, round(SHARE * int(usable.sum())))
    sizes = np.array([int((usable & (word == one)).sum()) for one in order])
    taken = order[: int(np.searchsorted(np.cumsum(sizes), wanted)) + 1]
    return usable & np.isin(word, taken)


plugin = Masked()
