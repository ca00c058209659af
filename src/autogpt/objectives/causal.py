"""The next token, at every place ("Language Models are Unsupervised Multitask Learners", Radford et al. 2019)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from autogpt.blocks import Blocks, Signs, padded

if TYPE_CHECKING:
    from autogpt.core import Array


class Causal:
    """See `blocks.Objective`."""

    name = "causal"
    family = "decoder"
    summary = "the next token at every place"
    tells = "bits per byte"

    def batch(self, blocks: Sequence[Array], signs: Signs, rng: np.random.Generator) -> Blocks:
        ids, mask = padded(blocks, signs.pad)
        target = np.full_like(ids, signs.ignored)
        target[:, :-1] = np.where(mask[:, 1:] > 0, ids[:, 1:], signs.ignored)
        return Blocks({"input_ids": ids, "attention_mask": mask}, target)


plugin = Causal()
