"""A part of the rows that stands for all of them: facility location within each class, weighted by who is stood for.

"Submodularity in data subset selection and active learning" (Wei et al. 2015), by stochastic greedy ("Lazier than lazy
greedy", Mirzasoleiman et al. 2015). For clean data: as good as all rows in a fraction of the steps. It does not mind
noise.
"""

from __future__ import annotations

import math
from collections.abc import Generator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from autogpt.errors import ConfigError
from autogpt.selection._environment import Environment
from autogpt.selection._policy import State
from autogpt.selection._pool import Choice, Round
from autogpt.vectors import unit

if TYPE_CHECKING:
    from autogpt.core import Array

MISS = 0.1
"""The greedy choice looks at so many rows that the best tenth is missed with this probability."""
MOST = 4000
"""Rows of a class that are compared with each other; more are dealt into blocks."""


@dataclass(frozen=True, slots=True)
class Options:
    """`share` of the rows is kept."""

    share: float = 0.3

    def __post_init__(self) -> None:
        if not 0 < self.share <= 1:
            raise ConfigError(f"coreset: share is {self.share}; it must be above 0 and at most 1")


class Coreset:
    """See `_policy.Policy`."""

    name = "coreset"
    summary = "a part of the rows that stands for all of them"
    options = Options

    def choose(
        self, environment: Environment, options: Any, *, seed: int, state: State | None = None
    ) -> Generator[Round, None, Choice]:
        pool = environment.pool
        x = unit(pool.vectors)
        weights = np.zeros(len(pool)) if state is None else np.array(state["weights"])
        for label in range(0 if state is None else state["step"], pool.classes):
            rows = np.random.default_rng([seed, label, 97]).permutation(np.flatnonzero(pool.labels == label))
            for block in np.array_split(rows, max(1, math.ceil(len(rows) / MOST))):
                weights[block] = represented(x[block], math.ceil(options.share * len(block)), seed=seed)
            yield Round(label + 1, pool.classes, float("nan"), {"weights": weights.tolist(), "step": label + 1})
        return Choice(weights[None])


def represented(x: Array, count: int, *, seed: int) -> Array:
    """How many rows each row stands for [n]: `count` of them are chosen, all others stand with the nearest of these."""
    similar = x @ x.T
    rng, chosen = np.random.default_rng([seed, 101]), list[int]()
    nearest = np.full(len(x), -1.0)
    look = math.ceil(len(x) / max(count, 1) * math.log(1 / MISS))
    for _ in range(min(count, len(x))):
        free = np.setdiff1d(np.arange(len(x)), chosen, assume_unique=True)
        tried = free[rng.permutation(len(free))[:look]]
        gain = np.maximum(similar[tried], nearest).sum(1)
        chosen.append(int(tried[gain.argmax()]))
        nearest = np.maximum(nearest, similar[chosen[-1]])
    weights = np.zeros(len(x))
    if chosen:
        stands = np.array(chosen)[similar[:, chosen].argmax(1)]
        weights += np.bincount(stands, minlength=len(x))
    return weights


plugin = Coreset()
