"""The world that policies act in: fit the quick learner with chosen weights, be rewarded by rows it never saw.

Trusted rows are dealt into two folds. Features are made from one, rewards are given by the other, and both ways count:
a choice that flatters the rows which made its features gains nothing. "Data Valuation using Reinforcement Learning"
(Yoon et al. 2020) has the same rows for both and acts on raw texts; here the state is six features.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from autogpt.selection import _proxy
from autogpt.selection._features import NAMES, agreement, balance, by_trusted, features, shares
from autogpt.selection._pool import Pool, dealt

if TYPE_CHECKING:
    from autogpt.core import Array

MOST_ROWS = 4000
"""Rows of the pool that an agent learns on; what it has learned is then asked of all of them."""


class Environment:
    """A pool with its folds. `given` is the pool as it came, `pool` the same in its principal components."""

    def __init__(self, pool: Pool, *, seed: int) -> None:
        self.seed = seed
        self.given, self.pool = pool, pool.reduced()
        self.fold = dealt(pool.trusted_labels, 2, np.random.default_rng([seed, 37]))

    @property
    def names(self) -> Sequence[str]:
        """What the columns of `features` are."""
        return NAMES

    @cached_property
    def features(self) -> tuple[Array, Array]:
        """Features [N, F] by each fold; rewards for choices made by them come from the other."""
        return self._features(0), self._features(1)

    @cached_property
    def whole(self) -> Array:
        """Features [N, F] by all trusted rows: for the last choice, when no reward is asked for any more."""
        return features(self.pool, np.ones(len(self.fold), dtype=bool), self._near, seed=self.seed)

    @cached_property
    def practice(self) -> Array:
        """Places of the rows that an agent learns on."""
        rng = np.random.default_rng([self.seed, 43])
        return np.sort(rng.permutation(len(self.pool))[:MOST_ROWS])

    @cached_property
    def wanted(self) -> Array:
        """Shares of the classes among the trusted rows [C]."""
        return shares(self.pool.trusted_labels, self.pool.classes)

    def balanced(self, weights: Array) -> Array:
        """Weights [N] times what brings the classes half of the way to the trusted rows' shares (see `_toward`)."""
        return self._toward(weights, self.pool.labels)

    def reward(self, weights: Array, fold: int) -> float:
        """Mean log probability of the other fold's trusted rows, learned from rows that weigh `weights` [practice].

        The fold's own trusted rows are learned from as well.
        """
        rows, gold = self._judges[fold]
        log_p = _proxy.log_probabilities(rows @ self._solved(weights, fold), self._sharpness[fold])
        return float(log_p[np.arange(len(gold)), gold].mean())

    @cached_property
    def noise(self) -> float:
        """Which share of what labels could tell is lost in the pool, judged by trusted rows (about 0 where none is).

        Not the share of wrong labels: of two classes, 40 % wrong labels leave a fifth of the signal, which is 0.8 here.
        1 - (agreement - chance) / (accuracy - chance): how often a model of the trusted rows gives a row its own label,
        classes weighing the same, against how often it is right on trusted rows that it did not see.
        """
        gold, chance, labels = self.pool.trusted_labels, 1 / self.pool.classes, self.pool.labels
        part = dealt(gold, 5, np.random.default_rng([self.seed, 47]))
        right, agreement = np.zeros(len(gold), dtype=bool), []
        for number in range(5):  # the same models answer both: with fewer rows each is less right, and agrees less
            out = part == number
            right[out] = by_trusted(self.pool, ~out, self.pool.trusted[out]).argmax(1) == gold[out]
            agreement.append(_per_class(by_trusted(self.pool, ~out, self.pool.vectors).argmax(1) == labels, labels))
        accuracy = _per_class(right, gold)
        if accuracy - chance < 0.1:
            return float("nan")
        return float(1 - (np.mean(agreement) - chance) / (accuracy - chance))

    @cached_property
    def _near(self) -> Array:
        return agreement(self.pool)

    def _features(self, fold: int) -> Array:
        return features(self.pool, self.fold == fold, self._near, seed=self.seed)

    def _solved(self, weights: Array, fold: int) -> Array:
        x, labels, held, gold = self._learned[fold]
        own = self._toward(weights, labels)
        return _proxy.fit(
            np.concatenate([x, held]),
            np.concatenate([labels, gold]),
            np.concatenate([own, np.ones(len(gold))]),
            self.pool.classes,
        )

    def _toward(self, weights: Array, labels: Array) -> Array:
        """Half of the way only: of a class that is rare in a spoiled pool, most rows are errors of the others."""
        if len(self.pool.trusted_labels) < 2 * self.pool.classes:
            return weights  # shares of so few rows are chance
        found: Array = weights * np.sqrt(balance(labels, weights, self.wanted)[labels])
        return found

    @cached_property
    def _learned(self) -> list[tuple[Array, Array, Array, Array]]:
        pool, rows = self.pool, self.practice
        x = _proxy.widened(pool.vectors[rows])
        return [
            (x, pool.labels[rows], _proxy.widened(pool.trusted[own]), pool.trusted_labels[own])
            for own in (self.fold == 0, self.fold == 1)
        ]

    @cached_property
    def _judges(self) -> list[tuple[Array, Array]]:
        pool = self.pool
        return [
            (_proxy.widened(pool.trusted[other]), pool.trusted_labels[other])
            for other in (self.fold == 1, self.fold == 0)
        ]

    @cached_property
    def _sharpness(self) -> list[float]:
        """Chosen once, with all rows: rewards of different choices are then comparable."""
        every = np.ones(len(self.practice))
        return [
            _proxy.sharpness_of(rows @ self._solved(every, fold), gold)
            for fold, (rows, gold) in enumerate(self._judges)
        ]


def _per_class(right: Array, labels: Array) -> float:
    """Mean of the classes' shares of rows that are right."""
    return float(np.mean([right[labels == label].mean() for label in np.unique(labels)]))
