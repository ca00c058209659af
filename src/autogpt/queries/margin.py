"""Rows whose two likeliest labels are closest ("Active Hidden Markov Models", Scheffer et al. 2001: breaking ties)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from autogpt.queries import Pool
from autogpt.queries._doubt import at_random, lowest, margins

if TYPE_CHECKING:
    import numpy as np

    from autogpt.core import Array


class Margin:
    """See `queries.Query`. Random while there is no classifier."""

    name = "margin"
    summary = "rows whose two likeliest labels are closest"

    def choose(self, pool: Pool, k: int, rng: np.random.Generator) -> Array:
        if pool.probabilities is None:
            return at_random(pool.open, k, rng)
        return lowest(pool.open, margins(pool.probabilities[pool.open]), k, rng)


plugin = Margin()
