"""A bandit over buckets of rows, within one training: "The nonstochastic multiarmed bandit problem" (Auer et al. 2002).

Rewards are a chunk's gain of held-out log probability, scaled to [0, 1] by those seen so far. It sees each moment
once and has no state, which is why it is a baseline here (+0.5 points, worst -4.7).
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import Any

import numpy as np

from autogpt.errors import ConfigError
from autogpt.selection._course import PHASES, Course, named
from autogpt.selection._environment import Environment
from autogpt.selection._policy import State
from autogpt.selection._pool import Choice, Round


@dataclass(frozen=True, slots=True)
class Options:
    """Options of the bandit."""

    chunks: int = 30
    explore: float = 0.2

    def __post_init__(self) -> None:
        if self.chunks < PHASES or not 0 < self.explore <= 1:
            raise ConfigError(f"exp3: chunks must be {PHASES} or more, explore above 0 and at most 1")


class Exp3:
    """See `_policy.Policy`."""

    name = "exp3"
    summary = "a bandit over buckets of rows, within one training"
    options = Options

    def choose(
        self, environment: Environment, options: Any, *, seed: int, state: State | None = None
    ) -> Generator[Round, None, Choice]:
        course = Course(environment, 0, chunks=options.chunks)
        count = course.buckets
        logits, head, seen, odds = np.zeros(count), course.begin(), list[float](), np.zeros((options.chunks, count))
        begun = 0
        if state is not None:
            logits, head, odds = (np.array(state[name]) for name in ("logits", "head", "odds"))
            seen, begun = list(state["seen"]), state["step"]
        for chunk in range(begun, options.chunks):
            rng = np.random.default_rng([seed, chunk, 89])
            soft = np.exp(logits - logits.max())
            odds[chunk] = (1 - options.explore) * soft / soft.sum() + options.explore / count
            action = int(rng.choice(count, p=odds[chunk]))
            before = course.value(head)
            head = course.learn(head, course.draw(action, rng), chunk)
            seen.append(course.value(head) - before)
            low, high = min(seen), max(seen)
            gain = (seen[-1] - low) / (high - low) if high > low else 0.5
            logits[action] += options.explore * gain / odds[chunk, action] / count
            told = {"logits": logits.tolist(), "head": head.tolist(), "odds": odds.tolist(), "seen": list(seen)}
            yield Round(chunk + 1, options.chunks, seen[-1], {**told, "step": chunk + 1})
        visits = np.zeros((PHASES, count))
        for chunk, row in enumerate(odds):
            visits[course.phase(chunk)] += row
        return Choice(course.spread(visits), {named(one): round(float(odds[:, one].mean()), 3) for one in range(count)})


plugin = Exp3()
