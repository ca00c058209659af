"""Typical rows of large clusters that hold no label yet (TypiClust: "Active Learning on a Budget: Opposite Strategies
Suit High and Low Budgets", Hacohen et al. 2022).

k-means makes as many clusters as there will be labelled rows; of the largest clusters with the fewest labels the row
with the highest mean cosine to its 20 nearest neighbours in the cluster is asked. It needs no classifier.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from autogpt.queries import Pool
from autogpt.queries._typical import typical

if TYPE_CHECKING:
    import numpy as np

    from autogpt.core import Array


class TypiClust:
    """See `queries.Query`."""

    name = "typiclust"
    summary = "typical rows of large clusters without a label (TypiClust)"

    def choose(self, pool: Pool, k: int, rng: np.random.Generator) -> Array:
        return typical(pool, k, rng)


plugin = TypiClust()
