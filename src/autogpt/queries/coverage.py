"""Rows that much of the pool is close to, where the classifier is still unsure (UHerding: "Uncertainty Herding: One
Active Learning Method for All Label Budgets", Bae et al. 2025; before there is a classifier it is MaxHerding:
"Generalized Coverage for More Robust Low-Budget Active Learning", Bae et al. 2024).

A row covers another by a Gaussian kernel of their distance, and what a labelled row covers is covered already. The next
row is the one that adds most coverage, summed over the pool with 1 - margin as weight. Sums of best coverage have
diminishing returns, so a gain that was found before is an upper bound and few gains are ever found anew ("Accelerated
Greedy Algorithms for Maximizing Submodular Set Functions", Minoux 1978).

Ours keeps one kernel width for all budgets (a width that follows the labelled rows, as in the paper, was no better),
and takes its doubt from a head whose temperature is set by rows left out.
"""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING

import numpy as np

from autogpt.queries import Pool
from autogpt.queries._doubt import at_random, margins

if TYPE_CHECKING:
    from autogpt.core import Array

WIDTH = 0.7
"""Distance at which coverage has fallen to 1/e, between vectors of length 1."""
CANDIDATES, CHUNK = 1500, 256


class Coverage:
    """See `queries.Query`."""

    name = "coverage"
    summary = "rows that cover where the classifier is unsure (UHerding)"

    def choose(self, pool: Pool, k: int, rng: np.random.Generator) -> Array:
        doubt = np.ones(len(pool.vectors)) if pool.probabilities is None else 1 - margins(pool.probabilities)
        return herded(pool, doubt.astype(np.float32), k, rng)


def herded(pool: Pool, weight: Array, k: int, rng: np.random.Generator) -> Array:
    """Greedily the `k` rows that add most coverage of the pool under `weight` [N]; candidates are drawn from many."""
    vectors = pool.vectors
    covered = np.zeros(len(vectors), dtype=np.float32)
    for part in _chunks(pool.labelled):
        covered = np.maximum(covered, nearness(vectors[part], vectors).max(axis=0))
    candidates = at_random(pool.open, max(CANDIDATES, k), rng)
    bound = [-_gains(vectors[part], vectors, covered, weight) for part in _chunks(candidates)]
    heap = list(zip(np.concatenate(bound).tolist(), range(len(candidates)), strict=True)) if bound else []
    heapq.heapify(heap)
    taken: list[int] = []
    checked = [0] * len(candidates)  # for how many taken rows a bound is exact
    while heap and len(taken) < k:
        _, place = heapq.heappop(heap)
        row = vectors[candidates[place]][None]
        if checked[place] < len(taken):
            checked[place] = len(taken)
            heapq.heappush(heap, (-float(_gains(row, vectors, covered, weight)[0]), place))
            continue
        taken.append(int(candidates[place]))
        covered = np.maximum(covered, nearness(row, vectors)[0])
    return np.array(taken, dtype=np.int64)


def nearness(rows: Array, vectors: Array) -> Array:
    """Gaussian kernel [M, N] between vectors of length 1, from their cosines."""
    return np.exp((rows @ vectors.T - 1) * np.float32(2 / WIDTH**2))


def _gains(rows: Array, vectors: Array, covered: Array, weight: Array) -> Array:
    """Coverage that each row would add alone [M]."""
    return np.asarray(np.maximum(nearness(rows, vectors) - covered, 0) @ weight)


def _chunks(places: Array) -> list[Array]:
    """Places in parts, so that no kernel is ever held whole."""
    return [places[start : start + CHUNK] for start in range(0, len(places), CHUNK)]


plugin = Coverage()
