"""Rows that are not learned yet but can be: "Prioritized training on points that are learnable, worth learning, and
not yet learnt" (Mindermann et al. 2022, RHO-LOSS).

Of a large draw the rows with the highest reducible loss are learned from: what they lose now minus what they lose under
models of the other half of the rows. The paper chooses in the real training with a second network; ours does so in
the quick one and tells how often a row was chosen in each quarter, so that any training can follow.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from autogpt.errors import ConfigError
from autogpt.selection._course import PHASES, Course
from autogpt.selection._environment import Environment
from autogpt.selection._policy import State
from autogpt.selection._pool import Choice, Round

if TYPE_CHECKING:
    from autogpt.core import Array

SMOOTH = 0.1
"""Every row keeps this share of the usual weight: a row that was never drawn is not known to be useless."""


@dataclass(frozen=True, slots=True)
class Options:
    """`draw` times as many rows are looked at as are learned from."""

    chunks: int = 120
    draw: int = 10

    def __post_init__(self) -> None:
        if self.chunks < PHASES or self.draw < 1:
            raise ConfigError(f"rho-loss: chunks must be {PHASES} or more, draw 1 or more")


class RhoLoss:
    """See `_policy.Policy`."""

    name = "rho-loss"
    summary = "rows that are not learned yet but can be"
    options = Options

    def choose(
        self, environment: Environment, options: Any, *, seed: int, state: State | None = None
    ) -> Generator[Round, None, Choice]:
        pool, course = environment.pool, Course(environment, 0, chunks=options.chunks)
        hopeless = _irreducible(course, seed)
        head, visits, begun = course.begin(), np.zeros((PHASES, len(pool))), 0
        if state is not None:
            head, visits, begun = np.array(state["head"]), np.array(state["visits"]), state["step"]
        for chunk in range(begun, options.chunks):
            rng = np.random.default_rng([seed, chunk, 103])
            drawn = rng.permutation(len(pool))[: options.draw * course.rows]
            reducible = course.losses(head, drawn) - hopeless[drawn]
            rows = drawn[np.argsort(-reducible, kind="stable")[: course.rows]]
            head = course.learn(head, rows, chunk)
            visits[course.phase(chunk), rows] += 1
            told = {"head": head.tolist(), "visits": visits.tolist(), "step": chunk + 1}
            yield Round(chunk + 1, options.chunks, course.value(head), told)
        share = visits / np.maximum(visits.mean(1, keepdims=True), 1e-9)
        return Choice(SMOOTH + (1 - SMOOTH) * share)


def _irreducible(course: Course, seed: int) -> Array:
    """What each row [N] loses under a head that learned from the other half of the pool, as long as the course
    lasts."""
    half = np.random.default_rng([seed, 107]).permutation(len(course.labels)) % 2
    found = np.zeros(len(half))
    for side in (0, 1):
        head, rows = course.begin(), np.flatnonzero(half != side)
        for chunk in range(course.chunks):
            rng = np.random.default_rng([seed, side, chunk, 109])
            head = course.learn(head, rows[rng.integers(len(rows), size=course.rows)], chunk)
        found[half == side] = course.losses(head, np.flatnonzero(half == side))
    return found


plugin = RhoLoss()
