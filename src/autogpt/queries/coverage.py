"""Rows that most of the pool is close to, counted by how unsure the classifier still is there (UHerding: "Uncertainty
Herding: One Active Learning Method for All Label Budgets", Bae et al. 2025; without a classifier MaxHerding:
"Generalized Coverage for More Robust Low-Budget Active Learning", Bae et al. 2024).
"""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING

import numpy as np

from autogpt.queries import Pool
from autogpt.queries._doubt import margins

if TYPE_CHECKING:
    from autogpt.core import Array

WIDTH = 1.0
MOST_CANDIDATES = 1500
DOUBT = "margin"
POW = 1.0


class Coverage:
    """See `queries.Query`."""

    name = "coverage"
    summary = "rows that cover where the classifier is unsure (UHerding)"

    def choose(self, pool: Pool, k: int, rng: np.random.Generator) -> Array:
        weight = np.ones(len(pool.vectors), np.float32)
        if DOUBT and pool.probabilities is not None:
            weight = (1 - margins(pool.probabilities)).astype(np.float32) ** POW
        return herd(pool, weight, k, rng)


def kernel(a, b):
    return np.exp((a @ b.T - 1) * np.float32(2 / WIDTH**2))


def herd(pool: Pool, weight: Array, k: int, rng) -> Array:
    V = pool.vectors
    covered = kernel(V, V[pool.labelled]).max(axis=1) if len(pool.labelled) else np.zeros(len(V), np.float32)
    cand = rng.permutation(pool.open)[:MOST_CANDIDATES]
    gains = np.concatenate([np.maximum(kernel(V[c], V) - covered, 0) @ weight for c in np.array_split(cand, max(1, len(cand) // 256))])
    heap = [(-float(g), int(p)) for g, p in zip(gains, cand)]
    heapq.heapify(heap)
    taken = []
    fresh = {}
    while heap and len(taken) < k:
        _, p = heapq.heappop(heap)
        row = fresh.get(p)
        if row is not None and row[0] == len(taken):
            taken.append(p)
            covered = np.maximum(covered, row[1])
            continue
        near = kernel(V[p : p + 1], V)[0]
        g = float(np.maximum(near - covered, 0) @ weight)
        fresh[p] = (len(taken), near)
        heapq.heappush(heap, (-g, p))
    return np.array(taken, dtype=np.int64)


plugin = Coverage()
