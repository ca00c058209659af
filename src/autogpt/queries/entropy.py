"""Rows whose label is most open: highest entropy ("A Sequential Algorithm for Training Text Classifiers", Lewis and
Gale 1994, whose least confidence this extends to many labels)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from autogpt.queries import Pool
from autogpt.queries._doubt import at_random, entropies, lowest

if TYPE_CHECKING:
    import numpy as np

    from autogpt.core import Array


class Entropy:
    """See `queries.Query`. Random while there is no classifier."""

    name = "entropy"
    summary = "rows whose probabilities have the highest entropy"

    def choose(self, pool: Pool, k: int, rng: np.random.Generator) -> Array:
        if pool.probabilities is None:
            return at_random(pool.open, k, rng)
        return lowest(pool.open, -entropies(pool.probabilities[pool.open]), k, rng)


plugin = Entropy()
