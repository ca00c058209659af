"""What an unlabelled pool adds to noisy labels: prototypes of its confident rows, and labels spread between neighbours.

A step takes scores [N, C] of the pool's rows and gives better ones, or a linear head on frozen vectors. All of it is
numpy on vectors that were read once. Shapes: N rows, D numbers of a vector, C classes, K neighbours.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from autogpt.probe import Head, centred, softmax
from autogpt.vectors import unit

if TYPE_CHECKING:
    from autogpt.core import Array

NEIGHBOURS = 10
CONFIDENT, LEAST = 0.2, 10
"""The share of a class's rows that a prototype is the mean of, and how many they are at least."""
SPREADING, PASSES = 0.8, 30
TAUGHT = 0.8
"""The share of a class's rows that a student learns from."""


def balanced(scores: Array, *, passes: int = 20) -> Array:
    """Scores shifted by a number per class, so that the classes' shares come half way to equal ones.

    Sinkhorn's scaling ("Sinkhorn Distances", Cuturi 2013) of the columns alone. Shares that are read off noisy scores
    are too unequal; equal shares would be a claim about the world. The target is the geometric mean of both.
    """
    shares = softmax(scores).mean(axis=0)
    target = np.sqrt(np.maximum(shares, 1e-6))
    target /= target.sum()
    shift = np.zeros(scores.shape[1])
    for _ in range(passes):
        shift += np.log(target / np.maximum(softmax(scores + shift).mean(axis=0), 1e-9))
    return np.asarray(scores + shift)


def prototypes(vectors: Array, scores: Array) -> Head:
    """A head of the mean vectors of each class's most confident rows (a class with few rows takes the nearest)."""
    answers = scores.argmax(axis=1)
    centres = []
    for label in range(scores.shape[1]):
        own = np.flatnonzero(answers == label)
        count = max(LEAST, round(CONFIDENT * len(own)))
        own = own if len(own) >= LEAST else np.arange(len(scores))
        best = own[np.argsort(-scores[own, label], kind="stable")[:count]]
        centres.append(vectors[best].mean(axis=0))
    return centred(vectors, unit(np.stack(centres)))


def spread(vectors: Array, near: Array, scores: Array) -> Array:
    """Scores after labels were spread over the graph of neighbours ("Learning with Local and Global Consistency", Zhou
    et al. 2004): a row takes `SPREADING` of its neighbours' labels and the rest of its own. Ours starts from
    probabilities of all rows, with no labelled ones, and balances the classes afterwards.
    """
    from scipy import sparse

    table, count = unit(vectors), near.shape[1]
    row = np.repeat(np.arange(len(near)), count)
    alike = np.maximum(np.einsum("nd,nkd->nk", table, table[near]).ravel(), 0.0) ** 3
    graph = sparse.csr_matrix((alike, (row, near.ravel())), shape=(len(near), len(near)))
    graph = graph.maximum(graph.T)
    degree = sparse.diags(1.0 / np.sqrt(np.maximum(np.asarray(graph.sum(axis=1)).ravel(), 1e-9)))
    graph = degree @ graph @ degree
    start = softmax(scores) - 1.0 / scores.shape[1]
    labels = start
    for _ in range(PASSES):
        labels = SPREADING * (graph @ labels) + (1 - SPREADING) * start
    return balanced(labels / max(float(labels.std()), 1e-9))


def trusted(scores: Array, near: Array, *, share: float = TAUGHT) -> Array:
    """Places of rows to learn from: of every class the most confident `share` of those whose neighbours mostly agree
    (as in HAST, "Self-Training for Sample-Efficient Active Learning", Schröder & Heyer 2024)."""
    answers, sure = scores.argmax(axis=1), softmax(scores).max(axis=1)
    agrees = agreement(answers, near, scores.shape[1])
    found = []
    for label in range(scores.shape[1]):
        own = np.flatnonzero((answers == label) & agrees)
        found.append(own[np.argsort(-sure[own], kind="stable")[: max(1, round(share * len(own)))]])
    return np.sort(np.concatenate(found))


def agreement(answers: Array, near: Array, classes: int) -> Array:
    """Whether a row's answer [N] is the commonest one among its neighbours."""
    votes = np.zeros((len(answers), classes), dtype=np.int64)
    for column in near.T:
        votes[np.arange(len(answers)), answers[column]] += 1
    return np.asarray(votes.argmax(axis=1) == answers)
