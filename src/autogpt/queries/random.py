"""Rows at random: what every other strategy is compared with, and the only one whose rows stand for the whole."""

from __future__ import annotations

from typing import TYPE_CHECKING

from autogpt.queries import Pool
from autogpt.queries._doubt import at_random

if TYPE_CHECKING:
    import numpy as np

    from autogpt.core import Array


class Random:
    """See `queries.Query`."""

    name = "random"
    summary = "rows at random"

    def choose(self, pool: Pool, k: int, rng: np.random.Generator) -> Array:
        return at_random(pool.open, k, rng)


plugin = Random()
