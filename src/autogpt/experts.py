"""Several models that answer as one: by a mean of their answers (`Averaging`), or by a product of experts.

The product is for few labels, of a head on the shots and of heads that learned without them:
log p(y|x) = a * log p_shots + b * log p_names + ... ("Training Products of Experts", Hinton 2002). All experts are
linear on the same vectors, so their product is one linear head. Weights are chosen on the shots, every shot scored by a
head that did not learn from it, as a mean over a grid, each point counting as much as it makes the shots likely (few
shots leave much of the grid standing). An expert that makes the shots less likely is left out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Protocol, runtime_checkable

import numpy as np

from autogpt import registry
from autogpt.core import LabelSpace
from autogpt.probe import Head, Rows, softmax, solve

if TYPE_CHECKING:
    from autogpt.core import Array, Scores

FOLDS = 10
OWN = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0)
OTHER = (0.0, 0.125, 0.25, 0.5, 1.0, 2.0)
"""Weights that are tried: of the product so far, and of an expert that may join it."""
LEAST = 1 / 32  # what a weight of nothing counts as in a mean of logarithms


@runtime_checkable
class Averaging(Protocol):
    """An output kind whose answers have a mean, so that several models can answer together."""

    def average(self, tables: Sequence[Scores], weights: Sequence[float]) -> Scores:
        """Scores of the weighted mean of what score tables of the same rows say (of probabilities, or of values)."""


@dataclass(frozen=True, slots=True)
class Joined:
    """A product of experts: its head, its scores [n, C] of the shots (each by a head that did not learn from it), and
    what was decided, in words with numbers."""

    head: Head
    held_out: Array
    said: tuple[str, ...]


def folds(targets: Array, *, seed: int) -> Array:
    """The fold [n] of each shot: classes are dealt out evenly."""
    rng = np.random.default_rng([seed, 41])
    fold = np.empty(len(targets), dtype=np.int64)
    for label in np.unique(targets):
        own = rng.permutation(np.flatnonzero(targets == label))
        fold[own] = np.arange(len(own)) % FOLDS
    return fold


def cross_fitted(
    vectors: Array, targets: Array, fold: Array, fit: Callable[[Array, Array], Head], *, classes: int
) -> Array:
    """Scores [n, C] of each shot by the head that was fitted without its fold."""
    scores = np.zeros((len(targets), classes))
    for part in np.unique(fold):
        held = fold == part
        scores[held] = fit(vectors[~held], targets[~held])(vectors[held])
    return scores


def shots_head(vectors: Array, targets: Array, *, classes: int) -> Head:
    """The head on labelled rows alone; a class without any is as likely as its score of 0 says."""
    return student(vectors, targets, np.ones(len(targets)), classes=classes)


def join(
    vectors: Array, targets: Array, others: Mapping[str, tuple[Head, Array]], *, classes: int, seed: int
) -> Joined:
    """The product of the shots' head and of those `others` that win on the shots: name -> (head, scores [n, C] of the
    shots, each by a head that did not learn from it), in the order in which they may join."""
    fold = folds(targets, seed=seed)

    def fit(rows: Array, answers: Array) -> Head:
        return shots_head(rows, answers, classes=classes)

    said: list[str] = []
    scores = cross_fitted(vectors, targets, fold, fit, classes=classes)
    (a, _), _ = _weighed(scores, None, targets)
    head, scores = scaled(fit(vectors, targets), a), a * scores
    for name, (other, table) in others.items():
        (a, b), gain = _weighed(scores, table, targets)
        error = float(gain.std() / np.sqrt(len(gain)))
        numbers = f"log-likelihood {gain.mean():+.3f} +- {error:.3f} per labelled row"
        if gain.mean() > 0:
            said.append(f"{name} joins with weight {b:.2f} beside {a:.2f}: {numbers}")
            head, scores = added(scaled(head, a), scaled(other, b)), a * scores + b * table
        else:
            said.append(f"{name} is left out, it does not win on the labelled rows: {numbers}")
    return Joined(head, scores, tuple(said))


def student(vectors: Array, answers: Array, weight: Array, *, classes: int, c: float = 10.0) -> Head:
    """A linear head [C, D] on frozen vectors, fitted to answers [N] under weights [N]."""
    output = registry.get("outputs", "classes")
    space = LabelSpace(labels=tuple(map(str, range(classes))))
    rows = Rows(vectors.astype(np.float32), answers.astype(np.int64), weight.astype(np.float32))
    return solve(rows, output, space, c=c, judge=None)


def scaled(head: Head, factor: float) -> Head:
    """A head whose scores are multiplied by a number."""
    return Head(weight=factor * head.weight, bias=factor * head.bias, c=head.c)


def added(one: Head, other: Head) -> Head:
    """The head whose scores are the sum of two heads' scores."""
    return Head(weight=one.weight + other.weight, bias=one.bias + other.bias, c=one.c)


def log_likelihood(scores: Array, targets: Array) -> Array:
    """Log probability [n] of the right answers."""
    return np.asarray(np.log(np.maximum(softmax(scores)[np.arange(len(targets)), targets], 1e-12)))


def _weighed(scores: Array, other: Array | None, targets: Array) -> tuple[tuple[float, float], Array]:
    """Weights of two score tables, and by how much each row [n] is likelier than with the first alone.

    Every pair of the grid counts as much as it makes the shots likely: few shots leave much of the grid standing, and
    the mean of it is a milder choice than its best point.
    """
    alone = log_likelihood(_mean_weights(scores, None, targets)[0] * scores, targets)
    a, b = _mean_weights(scores, other, targets)
    together = a * scores + (b * other if other is not None else 0.0)
    return (a, b), log_likelihood(together, targets) - alone


def _mean_weights(scores: Array, other: Array | None, targets: Array) -> tuple[float, float]:
    grid = np.array(list(product(OWN, OTHER if other is not None else (0.0,))))
    table = other if other is not None else np.zeros_like(scores)
    likely = np.array([log_likelihood(a * scores + b * table, targets).sum() for a, b in grid])
    share = np.exp(likely - likely.max())
    a, b = np.exp(np.log(np.maximum(grid, LEAST)).T @ share / share.sum())
    return float(a), float(b)
