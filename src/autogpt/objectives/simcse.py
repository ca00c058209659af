"""Each text told from the others of its batch by its vector, which another dropout made: unsupervised "SimCSE: Simple
Contrastive Learning of Sentence Embeddings" (Gao et al. 2021), temperature 0.05.

Ours pools as the encoder's folder says (a mean, where it says nothing) and has no layer that is thrown away on top of
the vector: the paper's is for the first token, whose state no training had made a vector.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from autogpt.blocks import Blocks, Signs, padded

if TYPE_CHECKING:
    import torch

    from autogpt.core import Array

TEMPERATURE = 0.05


class SimCSE:
    """See `blocks.Objective` and `blocks.OfVectors`."""

    name = "simcse"
    family = "encoder"
    summary = "each text told from others by its vector, through two dropouts"
    tells = "bits per text told from others"
    contrastive = True

    def batch(self, blocks: Sequence[Array], signs: Signs, rng: np.random.Generator) -> Blocks:
        """Every text twice, [2B, T]; its target [B, 1] is its place among the second ones."""
        ids, mask = padded([*blocks, *blocks], signs.pad)
        return Blocks({"input_ids": ids, "attention_mask": mask}, np.arange(len(blocks))[:, None])

    def part(self, width: int, vocabulary: int) -> None:
        """Nothing trains beside the body."""

    def losses(self, vectors: torch.Tensor, target: torch.Tensor, words: torch.Tensor, part: Any) -> torch.Tensor:
        from torch.nn.functional import cross_entropy

        first, second = vectors.chunk(2)
        return cross_entropy(first @ second.T / TEMPERATURE, target[:, 0], reduction="none")[:, None]


plugin = SimCSE()
