"""Typical rows of clusters that hold no label yet, shared by `typiclust` and `auto`."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import numpy as np

from autogpt.queries import Pool

if TYPE_CHECKING:
    from autogpt.core import Array

NEIGHBOURS = 20
MOST_CLUSTERS = 500
ITERATIONS = 10


def typical(pool: Pool, k: int, rng: np.random.Generator) -> Array:
    """The typical rows of the `k` largest clusters without a label (`typiclust.py` says how)."""
    count = min(len(pool.labelled) + k, MOST_CLUSTERS, len(pool.vectors))
    cluster = clusters(pool.vectors, count, rng)
    known = np.bincount(cluster[pool.labelled], minlength=count)
    size = np.bincount(cluster, minlength=count)
    room = np.bincount(cluster[pool.open], minlength=count)
    closed = pool.closed.copy()
    taken: list[int] = []
    while len(taken) < min(k, len(pool.open)):
        # Fewest labels first, the largest of these next; a cluster whose rows are all asked has nothing to give.
        wanted = np.lexsort((-size, known, room == 0))[0]
        members = np.flatnonzero(cluster == wanted)
        place = _most_typical(pool.vectors, members, members[~closed[members]])
        taken.append(place)
        closed[place] = True
        known[wanted] += 1
        room[wanted] -= 1
    return np.array(taken, dtype=np.int64)


def clusters(vectors: Array, count: int, rng: np.random.Generator) -> Array:
    """The cluster [N] of each row by k-means."""
    from sklearn.cluster import KMeans
    from sklearn.exceptions import ConvergenceWarning

    seed = int(rng.integers(2**31))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # fewer different rows than clusters: some stay empty
        return np.asarray(KMeans(count, n_init=1, max_iter=ITERATIONS, random_state=seed).fit_predict(vectors))


def _most_typical(vectors: Array, members: Array, candidates: Array) -> int:
    """The candidate with the highest mean cosine to its nearest neighbours within the cluster."""
    cosine = vectors[candidates] @ vectors[members].T
    near = min(NEIGHBOURS + 1, len(members))
    closest = np.partition(cosine, -near, axis=1)[:, -near:]  # itself among them, the same for all
    return int(candidates[closest.sum(axis=1).argmax()])
