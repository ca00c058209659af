"""A text written again from its vector alone, which was made of two fifths of its tokens: "TSDAE: Using
Transformer-based Sequential Denoising Auto-Encoder for Unsupervised Sentence Embedding Learning" (Wang et al. 2021).

The paper's decoder has as many layers as the encoder, begins as a copy of it and shares its weights. Ours is one layer
that begins from nothing and is thrown away (see `_decoder`): a weak decoder leaves more for the vector to tell, costs a
fraction, and fits every body.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from autogpt.blocks import Blocks, Signs, padded
from autogpt.objectives._masking import usable

if TYPE_CHECKING:
    import torch

    from autogpt.core import Array

DELETED = 0.6


class TSDAE:
    """See `blocks.Objective` and `blocks.OfVectors`."""

    name = "tsdae"
    family = "encoder"
    summary = "the text again, from the vector of two fifths of its tokens"
    tells = "bits per token written again"
    contrastive = False

    def batch(self, blocks: Sequence[Array], signs: Signs, rng: np.random.Generator) -> Blocks:
        """What is left of the texts [B, T]; the target has their tokens without the tokenizer's own signs."""
        free = [usable(block, signs) for block in blocks]
        left = [block[_kept(one, rng)] for block, one in zip(blocks, free, strict=True)]
        ids, mask = padded(left, signs.pad)
        whole, known = padded([block[one] for block, one in zip(blocks, free, strict=True)], signs.pad)
        return Blocks({"input_ids": ids, "attention_mask": mask}, np.where(known > 0, whole, signs.ignored))

    def part(self, width: int, vocabulary: int) -> torch.nn.Module:
        from autogpt.objectives._decoder import Decoder

        return Decoder(width, vocabulary)

    def losses(self, vectors: torch.Tensor, target: torch.Tensor, words: torch.Tensor, part: Any) -> torch.Tensor:
        from torch.nn.functional import cross_entropy

        logits = part(vectors, target.clamp(min=0), words)
        return cross_entropy(logits.float().transpose(1, 2), target, ignore_index=-100, reduction="none")


def _kept(free: Array, rng: np.random.Generator) -> Array:
    """Places [T] that stay: the tokenizer's signs, and of the free ones each with probability 1 - `DELETED`, at least
    one."""
    chance = np.where(free, rng.random(len(free)), 2.0)
    kept = chance >= DELETED
    if free.any() and not (kept & free).any():
        kept[int(np.argmax(np.where(free, chance, -1.0)))] = True
    return np.asarray(kept)


plugin = TSDAE()
