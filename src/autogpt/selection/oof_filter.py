"""Rows whose label a model of other rows agrees with; nothing is balanced."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import numpy as np

from autogpt.selection._environment import Environment
from autogpt.selection._features import out_of_fold
from autogpt.selection._policy import Nothing, State
from autogpt.selection._pool import Choice, Round


class OofFilter:
    """See `_policy.Policy`."""

    name = "oof-filter"
    summary = "rows that models of other rows agree with"
    options = Nothing

    def choose(
        self, environment: Environment, options: Any, *, seed: int, state: State | None = None
    ) -> Generator[Round, None, Choice]:
        pool = environment.pool
        everything = np.ones(len(environment.fold), dtype=bool)
        kept = np.ones(len(pool))
        for _ in range(2):
            answers = out_of_fold(pool, everything, kept, seed=environment.seed, balanced=False).argmax(1)
            kept = (answers == pool.labels).astype(np.float64)
        yield Round(1, 1, float("nan"), {})
        return Choice(kept[None] if kept.any() else np.ones((1, len(pool))))


plugin = OofFilter()
