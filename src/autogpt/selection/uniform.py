"""Every row weighs the same: what all other policies are compared with."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import numpy as np

from autogpt.selection._environment import Environment
from autogpt.selection._policy import Nothing, State
from autogpt.selection._pool import Choice, Round


class Uniform:
    """See `_policy.Policy`."""

    name = "uniform"
    summary = "all rows, the same weight"
    options = Nothing

    def choose(
        self, environment: Environment, options: Any, *, seed: int, state: State | None = None
    ) -> Generator[Round, None, Choice]:
        yield Round(1, 1, float("nan"), {})
        return Choice(np.ones((1, len(environment.pool))))


plugin = Uniform()
