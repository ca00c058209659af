"""Rows whose label a model of other rows agrees with, classes brought to the trusted rows' shares: no reward is needed.

Confident learning (Northcutt et al. 2021) without its matrix of errors: two passes, the second without the rows that
lost the first. It is the strongest choice that learns nothing, and what an agent has to beat.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import numpy as np

from autogpt.selection._environment import Environment
from autogpt.selection._features import out_of_fold_margins
from autogpt.selection._policy import Nothing, State
from autogpt.selection._pool import Choice, Round

LEAST_PER_CLASS = 2


def agreed(environment: Environment) -> Any:
    """Which rows [N] a model of other rows gives their own label; of a class at least its best few."""
    everything = np.ones(len(environment.fold), dtype=bool)
    margins = out_of_fold_margins(environment.pool, everything, seed=environment.seed)
    kept = margins > 0
    for label in range(environment.pool.classes):
        rows = np.flatnonzero(environment.pool.labels == label)
        kept[rows[np.argsort(-margins[rows])[:LEAST_PER_CLASS]]] = True
    return kept


class BalancedFilter:
    """See `_policy.Policy`."""

    name = "balanced-filter"
    summary = "rows that models of other rows agree with, classes balanced as the trusted rows are"
    options = Nothing

    def choose(
        self, environment: Environment, options: Any, *, seed: int, state: State | None = None
    ) -> Generator[Round, None, Choice]:
        kept = agreed(environment).astype(np.float64)
        yield Round(1, 1, float("nan"), {})
        return Choice(environment.balanced(kept)[None])


plugin = BalancedFilter()
