"""Training seen as an episode: a linear head learns from chunks of rows, and after every chunk trusted rows tell
what it brought.

The rewards of an episode add up to the log probability of the trusted rows that it ends with, so an agent that wants
rewards wants a good model, not a good moment. An episode takes milliseconds; what was learned in many of them is
then used on the model that is meant.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from autogpt.selection import _proxy
from autogpt.selection._environment import Environment

if TYPE_CHECKING:
    from autogpt.core import Array

PHASES = 4
MARGINS = 3
"""Terciles of the out-of-fold margin; with near and far from the trusted rows they make the buckets."""
RATES = (2.0, 4.0, 8.0, 16.0, 32.0)


class Course:
    """Buckets of a pool's rows by one fold's features, and episodes that the other fold rewards."""

    def __init__(self, environment: Environment, fold: int, *, chunks: int = 30, rows: int = 32) -> None:
        self.environment, self.fold, self.chunks, self.rows = environment, fold, chunks, rows
        pool = environment.pool
        self.x, self.labels, self.classes = _proxy.widened(pool.vectors), pool.labels, pool.classes
        judges = environment.fold != fold
        self.held, self.gold = _proxy.widened(pool.trusted[judges]), pool.trusted_labels[judges]
        self.bucket = buckets(environment.features[fold], environment.names)
        self.buckets = int(self.bucket.max()) + 1
        self.members = [np.flatnonzero(self.bucket == one) for one in range(self.buckets)]

    @property
    def proportions(self) -> Array:
        """Share of the pool's rows in each bucket."""
        found: Array = np.bincount(self.bucket, minlength=self.buckets) / len(self.bucket)
        return found

    @cached_property
    def rate(self) -> float:
        """The learning rate with which rows drawn from the whole pool teach most."""
        return max(RATES, key=self._taught)

    def begin(self) -> Array:
        """A head [D + 1, C] that knows nothing."""
        return np.zeros((self.x.shape[1], self.classes))

    def draw(self, bucket: int, rng: np.random.Generator) -> Array:
        """Places of a chunk of rows of a bucket; of an empty one, of the whole pool."""
        members = self.members[bucket] if len(self.members[bucket]) else np.arange(len(self.bucket))
        return members[rng.integers(len(members), size=self.rows)]

    def learn(self, head: Array, rows: Array, chunk: int, *, rate: float | None = None) -> Array:
        """The head after one step of gradient descent on a chunk; the rate falls to zero over the episode."""
        x = self.x[rows]
        error = np.exp(_proxy.log_probabilities(x @ head, 1.0))
        error[np.arange(len(rows)), self.labels[rows]] -= 1.0
        step = (self.rate if rate is None else rate) * (1 - chunk / self.chunks)
        found: Array = head - step * (x.T @ error) / len(rows)
        return found

    def value(self, head: Array) -> float:
        """Mean log probability of the trusted rows that reward."""
        log_p = _proxy.log_probabilities(self.held @ head, 1.0)
        return float(log_p[np.arange(len(self.gold)), self.gold].mean())

    def losses(self, head: Array, rows: Array) -> Array:
        """What rows of the pool lose under a head [len(rows)]."""
        log_p = _proxy.log_probabilities(self.x[rows] @ head, 1.0)
        found: Array = -log_p[np.arange(len(rows)), self.labels[rows]]
        return found

    def phase(self, chunk: int) -> int:
        """Which quarter of the episode a chunk is in."""
        return chunk * PHASES // self.chunks

    def spread(self, visits: Array) -> Array:
        """Weights [PHASES, N] of rows, by how often their buckets were visited in each phase [PHASES, buckets]."""
        share = visits / np.maximum(visits.sum(1, keepdims=True), 1e-9)
        found: Array = (share / np.maximum(self.proportions, 1e-9))[:, self.bucket]
        return found

    def _taught(self, rate: float) -> float:
        rng, head = np.random.default_rng([self.environment.seed, 71]), self.begin()
        for chunk in range(self.chunks):
            head = self.learn(head, rng.integers(len(self.bucket), size=self.rows), chunk, rate=rate)
        return self.value(head)


def buckets(features: Array, names: Sequence[str]) -> Array:
    """Number of the bucket of each row [N]: tercile of its margin (0 is the lowest), twice, plus 1 where it is near."""
    margin, domain = features[:, list(names).index("oof")], features[:, list(names).index("domain")]
    edges = np.quantile(margin, np.arange(1, MARGINS) / MARGINS)
    found: Array = np.searchsorted(edges, margin, side="right") * 2 + (domain > np.median(domain))
    return found


def named(bucket: int) -> str:
    """A bucket in words."""
    return f"{('low', 'middle', 'high')[bucket // 2]} margin, {('far', 'near')[bucket % 2]}"
