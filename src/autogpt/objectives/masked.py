"""Words that were hidden, from both sides ("BERT", Devlin et al. 2019), hidden anew whenever a block is read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from autogpt.objectives import _masking

if TYPE_CHECKING:
    import numpy as np

    from autogpt.blocks import Blocks, Signs
    from autogpt.core import Array


class Masked:
    """See `blocks.Objective`."""

    name = "masked"
    family = "encoder"
    summary = "hidden words, from what stands around them"
    tells = "bits per hidden token"

    def batch(self, blocks: Sequence[Array], signs: Signs, rng: np.random.Generator) -> Blocks:
        def at_random(block: Array) -> Array:
            return _masking.shuffled(_masking.words(block, signs), _masking.usable(block, signs), rng)

        return _masking.hidden(blocks, signs, rng, at_random)


plugin = Masked()
