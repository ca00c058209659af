"""How unsure a classifier is about rows, and the rows it is least sure of."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from autogpt.core import Array


def margins(probabilities: Array) -> Array:
    """Lead of the likeliest label over the second [N]; small where the classifier is torn."""
    if probabilities.shape[1] < 2:
        return np.ones(len(probabilities))
    first_two = np.partition(probabilities, -2, axis=1)[:, -2:]
    return np.asarray(first_two[:, 1] - first_two[:, 0])


def entropies(probabilities: Array) -> Array:
    """Entropy of each row's probabilities [N], in nats."""
    p = np.clip(probabilities, 1e-12, 1.0)
    return np.asarray(-(p * np.log(p)).sum(axis=1))


def lowest(places: Array, value: Array, k: int, rng: np.random.Generator) -> Array:
    """The `k` places with the lowest value, lowest first; equals in random order."""
    order = np.lexsort((rng.random(len(places)), value))
    return np.asarray(places[order[:k]])


def at_random(places: Array, k: int, rng: np.random.Generator) -> Array:
    """`k` places drawn without putting back (all of them where there are fewer), in random order."""
    return np.asarray(rng.permutation(places)[:k])
