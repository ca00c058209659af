"""As many choices tried as an agent tries, drawn at random around its first one; the best rewarded is kept.

The control that tells whether learning from rewards is worth more than asking for them.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import Any

import numpy as np

from autogpt.errors import ConfigError
from autogpt.selection._environment import Environment
from autogpt.selection._policy import State, chosen, kept_probability, start
from autogpt.selection._pool import Choice, Round


@dataclass(frozen=True, slots=True)
class Options:
    """Options of random search."""

    trials: int = 240
    spread: float = 1.0

    def __post_init__(self) -> None:
        if self.trials < 1 or self.spread <= 0:
            raise ConfigError("random-search: trials must be 1 or more and spread above 0")


class RandomSearch:
    """See `_policy.Policy`."""

    name = "random-search"
    summary = "the best rewarded of many random policies"
    options = Options

    def choose(
        self, environment: Environment, options: Any, *, seed: int, state: State | None = None
    ) -> Generator[Round, None, Choice]:
        best, best_reward, begun = start(environment), -np.inf, 0
        if state is not None:
            best, best_reward, begun = np.array(state["best"]), state["reward"], state["step"]
        for step in range(begun, options.trials):
            rng = np.random.default_rng([seed, step, 53])
            theta = start(environment) + (options.spread * rng.standard_normal(len(best)) if step else 0.0)
            rewards = []
            for fold, features in enumerate(environment.features):
                rewards.append(environment.reward(kept_probability(features[environment.practice], theta), fold))
            if np.mean(rewards) > best_reward:
                best, best_reward = theta, float(np.mean(rewards))
            told = {"best": best.tolist(), "reward": best_reward, "step": step + 1}
            yield Round(step + 1, options.trials, float(np.mean(rewards)), told)
        return chosen(environment, best)


plugin = RandomSearch()
