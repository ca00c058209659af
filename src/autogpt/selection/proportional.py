"""All rows, classes brought to the shares that they have among the trusted rows; nothing is left out."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import numpy as np

from autogpt.selection._environment import Environment
from autogpt.selection._policy import Nothing, State
from autogpt.selection._pool import Choice, Round


class Proportional:
    """See `_policy.Policy`."""

    name = "proportional"
    summary = "all rows, classes in the trusted rows' proportions"
    options = Nothing

    def choose(
        self, environment: Environment, options: Any, *, seed: int, state: State | None = None
    ) -> Generator[Round, None, Choice]:
        yield Round(1, 1, float("nan"), {})
        return Choice(environment.balanced(np.ones(len(environment.pool)))[None])


plugin = Proportional()
