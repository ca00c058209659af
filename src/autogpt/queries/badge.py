"""Rows that would pull the classifier far, and each elsewhere (BADGE: "Deep Batch Active Learning by Diverse,
Uncertain Gradient Lower Bounds", Ash et al. 2020).

The gradient of a linear head at its own answer is (p - onehot(answer)) x vector; rows are seeded as k-means++ would
("k-means++", Arthur and Vassilvitskii 2007). Ours looks at the rows with the smallest margins only, and never writes
the outer products down: the distance of two gradients needs the inner products of both factors alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from autogpt.queries import Pool
from autogpt.queries._doubt import at_random, lowest, margins

if TYPE_CHECKING:
    from autogpt.core import Array

CANDIDATES = 600


class Badge:
    """See `queries.Query`. Random while there is no classifier."""

    name = "badge"
    summary = "uncertain rows that differ from each other (BADGE)"

    def choose(self, pool: Pool, k: int, rng: np.random.Generator) -> Array:
        if pool.probabilities is None:
            return at_random(pool.open, k, rng)
        most = max(CANDIDATES, 2 * k)
        places = lowest(pool.open, margins(pool.probabilities[pool.open]), most, rng)
        return places[_seeds(pool.vectors[places], pool.probabilities[places], k, rng)]


def _seeds(vectors: Array, probabilities: Array, k: int, rng: np.random.Generator) -> Array:
    """k-means++ over the gradients of rows [M]: the longest first, then by squared distance to those taken."""
    error = probabilities - np.eye(probabilities.shape[1])[probabilities.argmax(axis=1)]
    length = (error**2).sum(axis=1) * (vectors**2).sum(axis=1)
    taken = [int(length.argmax())]
    distance = np.full(len(length), np.inf)
    while len(taken) < min(k, len(length)):
        last = taken[-1]
        inner = (error @ error[last]) * (vectors @ vectors[last])
        distance = np.minimum(distance, np.maximum(length + length[last] - 2 * inner, 0.0))
        distance[taken] = 0.0
        total = distance.sum()
        rest = np.setdiff1d(np.arange(len(length)), taken)
        taken.append(int(rng.choice(len(length), p=distance / total) if total > 0 else rng.choice(rest)))
    return np.array(taken)


plugin = Badge()
