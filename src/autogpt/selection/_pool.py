"""What a policy may look at: vectors of the pool's rows with their labels, and a few rows that are trusted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from autogpt.core import Array

WIDTH = 96
"""Principal components that are kept: the quick learner's equations are this wide."""


@dataclass(frozen=True, slots=True)
class Pool:
    """N rows that may be learned from, and V trusted rows, drawn as the rows that the model will be used on.

    `vectors` [N, D], `labels` int64 [N], `trusted` [V, D], `trusted_labels` int64 [V]; `sources` int64 [N] says where a
    row came from, where that is known.
    """

    vectors: Array
    labels: Array
    trusted: Array
    trusted_labels: Array
    classes: int
    sources: Array | None = None

    def __len__(self) -> int:
        return len(self.labels)

    def reduced(self, width: int = WIDTH) -> Pool:
        """The same rows in their first principal components, scaled to a mean length of 1.

        Directions come from the pool and the trusted rows together; labels are not looked at.
        """
        whole = np.concatenate([self.vectors, self.trusted]).astype(np.float64)
        centre = whole.mean(0)
        width = min(width, *whole.shape)
        if len(whole) > 4 * width:
            covariance = (whole - centre).T @ (whole - centre)
            directions = np.linalg.eigh(covariance)[1][:, ::-1][:, :width]
        else:
            directions = np.linalg.svd(whole - centre, full_matrices=False)[2][:width].T
        flat = (whole - centre) @ directions
        flat /= np.linalg.norm(flat, axis=1).mean() or 1.0
        cut = len(self.vectors)
        return replace(self, vectors=flat[:cut].astype(np.float32), trusted=flat[cut:].astype(np.float32))

    def part(self, places: Array) -> Pool:
        """Some of the pool's rows, with all trusted ones."""
        sources = None if self.sources is None else self.sources[places]
        return replace(self, vectors=self.vectors[places], labels=self.labels[places], sources=sources)


@dataclass(frozen=True, slots=True)
class Round:
    """What a policy tells while it works: `state` (JSON) is all it needs to go on from here."""

    step: int
    total: int
    reward: float
    state: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Choice:
    """What to train on: `weights` [P, N], at least 0, for P equal phases of training (P is 1 where time plays no part).

    `weighing` says what each feature came to weigh (or what an action came to be worth), for people.
    """

    weights: Array
    weighing: Mapping[str, float] = field(default_factory=dict)
    notes: Sequence[str] = ()

    @property
    def weight(self) -> Array:
        """One weight per row [N]: the mean of the phases."""
        found: Array = self.weights.mean(0)
        return found


def dealt(labels: Array, parts: int, rng: np.random.Generator) -> Array:
    """Number of the part of each row [N]: every class is dealt out evenly, in random order."""
    part = np.zeros(len(labels), dtype=np.int64)
    start = int(rng.integers(parts))
    for label in np.unique(labels):
        rows = rng.permutation(np.flatnonzero(labels == label))
        part[rows] = (start + np.arange(len(rows))) % parts
        start += len(rows)
    return part
