"""Spans that were cut out, written one after the other ("T5", Raffel et al. 2020): 15 % of the tokens, 3 at a time.

Each span leaves a sign of its own in the text, and what is written names the sign before the span. Ours uses the last
ids of the vocabulary as signs where a tokenizer has none of T5's.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from autogpt.blocks import Blocks, Signs, padded

if TYPE_CHECKING:
    from autogpt.core import Array

SHARE, LENGTH = 0.15, 3.0


class Denoising:
    """See `blocks.Objective`."""

    name = "denoising"
    family = "encoder-decoder"
    summary = "spans that were cut out, written in order"
    tells = "bits per token cut out"

    def batch(self, blocks: Sequence[Array], signs: Signs, rng: np.random.Generator) -> Blocks:
        pairs = [_torn(block, signs, rng) for block in blocks]
        ids, mask = padded([kept for kept, _ in pairs], signs.pad)
        target, known = padded([cut for _, cut in pairs], signs.pad)
        written = np.concatenate([np.full((len(pairs), 1), signs.start), target[:, :-1]], axis=1)
        inputs = {"input_ids": ids, "attention_mask": mask, "decoder_input_ids": written}
        return Blocks(inputs, np.where(known > 0, target, signs.ignored))


def _torn(block: Array, signs: Signs, rng: np.random.Generator) -> tuple[Array, Array]:
    """The block with its spans cut out, and the spans, each behind its sign."""
    noise = max(1, round(SHARE * len(block)))
    spans = max(1, min(round(noise / LENGTH), len(signs.sentinels), noise, max(1, len(block) - noise)))
    cut, kept = _parts(noise, spans, rng), _parts(max(spans, len(block) - noise), spans, rng)
    text: list[int] = []
    told: list[int] = []
    place = 0
    for sign, keep, gone in zip(signs.sentinels, kept, cut, strict=False):
        text += [*block[place : place + keep].tolist(), sign]
        told += [sign, *block[place + keep : place + keep + gone].tolist()]
        place += keep + gone
    return np.array([*text, *block[place:].tolist(), signs.end]), np.array([*told, signs.end])


def _parts(total: int, count: int, rng: np.random.Generator) -> list[int]:
    """`count` numbers of at least 1 that add up to `total`, drawn at random."""
    cuts = np.sort(rng.choice(np.arange(1, total), size=count - 1, replace=False)) if count > 1 else np.array([], int)
    return [int(size) for size in np.diff(np.concatenate([[0], cuts, [total]]))]


plugin = Denoising()
