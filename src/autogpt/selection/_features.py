"""What is known of a pool's rows, made from the pool and one fold of the trusted rows.

    oof      margin of the row's label in a model that was fitted without the row, twice: the second time without the
             rows that lost the first (class weights undo a different balance of classes)
    trusted  the same margin in a model that was fitted on the trusted rows alone
    near     share of the row's nearest neighbours in the pool that have its label (a sixth of a class's usual size)
    worth    exact KNN-Shapley value for the trusted rows (Jia et al. 2019, "Efficient task-specific data valuation for
             nearest neighbor algorithms")
    domain   mean cosine to the 5 nearest trusted rows
    rare     minus the log of the number of rows with its label

Columns are standardised by median and deviation, clipped at 2.5 and comparable between folds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from autogpt.selection import _proxy
from autogpt.selection._pool import Pool, dealt
from autogpt.vectors import neighbours, unit

if TYPE_CHECKING:
    from autogpt.core import Array

NAMES = ("oof", "trusted", "near", "worth", "domain", "rare")
PARTS, VOTERS, CLOSEST = 5, 10, 5
NEIGHBOURS = (8, 100)
STIFF = 400.0
"""Ridge strength of the models that judge labels: they must not follow wrong ones (20 found them worse)."""
CLIP = 2.5


def features(pool: Pool, fold: Array, near: Array, *, seed: int) -> Array:
    """Standardised features [N, len(NAMES)] made from trusted rows where `fold` [V] is true; `near` is `agreement`."""
    x, held, labels = unit(pool.vectors), unit(pool.trusted[fold]), pool.trusted_labels[fold]
    columns = [
        out_of_fold_margins(pool, fold, seed=seed),
        trusted_margins(pool, fold),
        near,
        knn_shapley(x, pool.labels, held, labels),
        closeness(x, held),
        -np.log(np.bincount(pool.labels, minlength=pool.classes)[pool.labels].astype(np.float64)),
    ]
    return np.stack([standardised(column) for column in columns], axis=1)


def standardised(column: Array) -> Array:
    """Median 0, deviation 1, clipped."""
    deviation = float(column.std())
    if deviation < 1e-9:
        return np.zeros_like(column)
    found: Array = np.clip((column - np.median(column)) / deviation, -CLIP, CLIP)
    return found


def balance(labels: Array, weights: Array, wanted: Array) -> Array:
    """Factors [C] that give every class its wanted share of the weights; bounded, so that few rows stay few."""
    mass = np.bincount(labels, weights=weights, minlength=len(wanted))
    found: Array = np.clip(wanted / np.maximum(mass / max(mass.sum(), 1e-9), 1e-9), 0.1, 10.0)
    return found


def shares(labels: Array, classes: int) -> Array:
    """Share of each class [C], smoothed by half a row."""
    count = np.bincount(labels, minlength=classes) + 0.5
    found: Array = count / count.sum()
    return found


def out_of_fold_margins(pool: Pool, fold: Array, *, seed: int) -> Array:
    """Margins [N] by models that saw neither the row nor, the second time, rows whose margin was negative."""
    log_p = out_of_fold(pool, fold, np.ones(len(pool)), seed=seed)
    kept = _proxy.margins(log_p, pool.labels) > 0
    if kept.sum() < 2 * pool.classes:  # nearly all would be left out: nothing is known
        return _proxy.margins(log_p, pool.labels)
    return _proxy.margins(out_of_fold(pool, fold, kept.astype(np.float64), seed=seed), pool.labels)


def out_of_fold(pool: Pool, fold: Array, weights: Array, *, seed: int, balanced: bool = True) -> Array:
    """Log probabilities [N, C] by models of other parts of the pool; trusted rows of the fold are in all of them."""
    x, held = _proxy.widened(pool.vectors), _proxy.widened(pool.trusted[fold])
    labels, gold = pool.labels, pool.trusted_labels[fold]
    wanted = shares(gold, pool.classes) if len(gold) >= pool.classes else np.full(pool.classes, 1 / pool.classes)
    part = dealt(labels, PARTS, np.random.default_rng([seed, 41]))
    scores = np.zeros((len(pool), pool.classes))
    for number in range(PARTS):
        inside, outside = part != number, part == number
        own = weights[inside]
        if balanced:
            own = own * balance(labels[inside], own, wanted)[labels[inside]]
        solved = _proxy.fit(
            np.concatenate([x[inside], held]),
            np.concatenate([labels[inside], gold]),
            np.concatenate([own, np.ones(len(gold))]),
            pool.classes,
            ridge=STIFF,
        )
        scores[outside] = x[outside] @ solved
    used = weights > 0
    return _proxy.log_probabilities(scores, _proxy.sharpness_of(scores[used], labels[used]))


def trusted_margins(pool: Pool, fold: Array) -> Array:
    """Margins [N] by a model of the trusted rows alone."""
    log_p = by_trusted(pool, fold, pool.vectors)
    return _proxy.margins(log_p, pool.labels)


def by_trusted(pool: Pool, fold: Array, vectors: Array) -> Array:
    """Log probabilities of any vectors by a model of the fold's trusted rows."""
    held, gold = _proxy.widened(pool.trusted[fold]), pool.trusted_labels[fold]
    solved = _proxy.fit(held, gold, np.ones(len(gold)), pool.classes, ridge=STIFF)
    return _proxy.log_probabilities(_proxy.widened(vectors) @ solved, 8.0)


def agreement(pool: Pool) -> Array:
    """Share of each row's nearest neighbours in the pool that have its label [N]; trusted rows have no part in it."""
    count = round(np.clip(len(pool) / (6 * pool.classes), *NEIGHBOURS))
    found: Array = (pool.labels[neighbours(pool.vectors, count)] == pool.labels[:, None]).mean(1)
    return found


def closeness(vectors: Array, held: Array) -> Array:
    """Mean cosine of each row [N] to the nearest trusted rows; both at length 1."""
    nearest = min(CLOSEST, len(held))
    found: Array = np.sort(vectors @ held.T, axis=1)[:, -nearest:].mean(1)
    return found


def knn_shapley(vectors: Array, labels: Array, held: Array, held_labels: Array, *, voters: int = VOTERS) -> Array:
    """Shapley value [N] of each row for the accuracy of a K-nearest-neighbour vote over the held-out rows.

    Exact, by the recursion from the farthest row to the nearest (theorem 1 of the paper): O(N log N) per held-out row.
    """
    total = np.zeros(len(labels))
    order = np.argsort(-(held @ vectors.T), axis=1, kind="stable")
    place = np.arange(1, len(labels))  # of all but the farthest, from 1
    share = np.minimum(voters, place) / (voters * place)
    for ranked, gold in zip(order, held_labels, strict=True):
        right = (labels[ranked] == gold).astype(np.float64)
        steps = (right[:-1] - right[1:]) * share
        last = right[-1] / len(labels)
        values = np.concatenate([steps[::-1].cumsum()[::-1] + last, [last]])
        total[ranked] += values
    return total / max(len(held_labels), 1)
