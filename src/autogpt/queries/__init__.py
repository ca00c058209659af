"""Query strategies: which rows of a pool a person should label next. One file each, the file name is the name.

A strategy sees vectors, what is labelled, and what the present classifier thinks; it gives places. It never sees the
answer of a row that is not labelled. Shapes: N rows, D dimensions, L labelled rows, C labels.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

if TYPE_CHECKING:
    from autogpt.core import Array


@dataclass(frozen=True, slots=True)
class Pool:
    """What a strategy may look at.

    `vectors` [N, D] have length 1. `labelled` [L] are places of rows whose `labels` [L] (numbers below C) are known.
    `closed` [N] is true for rows that may not be asked: labelled ones and those that a person put aside.
    `probabilities` [N, C] are the present classifier's, None where there is none yet (fewer than two labels known).
    """

    vectors: Array
    labelled: Array
    labels: Array
    closed: Array
    probabilities: Array | None = None

    @property
    def open(self) -> Array:
        """Places [M] of the rows that may be asked, rising."""
        return np.flatnonzero(~self.closed)


class Query(Protocol):
    """A query strategy."""

    name: str
    summary: str

    def choose(self, pool: Pool, k: int, rng: np.random.Generator) -> Array:
        """Places of `k` different open rows, the most wanted first; all open rows where there are fewer than `k`.

        The same pool and the same state of `rng` give the same rows.
        """
