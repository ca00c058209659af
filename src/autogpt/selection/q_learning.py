"""An agent that learns when to learn what: Q-learning over buckets of rows, on a model of training that takes
milliseconds.

State: quarter of the training and whether trusted rows got likelier lately (3 values). Action: from which of six
buckets the next chunk of rows comes. Reward: what the chunk brought in log probability of trusted rows. "Learning
from delayed rewards" (Watkins 1989) with eligibility by a backward pass, Q(lambda); curricula by Q-learning over
groups of data are in "Reinforced Co-Training" (Wu et al. 2018). One table is a lottery (from +2.5 to -6.1 points),
so several are learned from their own episodes and half of them rewarded by the other fold; their standardised values
are averaged and followed softly.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from autogpt.errors import ConfigError
from autogpt.selection._course import PHASES, Course, named
from autogpt.selection._environment import Environment
from autogpt.selection._policy import State
from autogpt.selection._pool import Choice, Round

if TYPE_CHECKING:
    from autogpt.core import Array

TRENDS, FLAT = 3, 0.002
TRACE, LEAST_STEP = 0.9, 0.03
CURIOUS = (1.0, 0.1)
ROLLOUTS = 8


@dataclass(frozen=True, slots=True)
class Options:
    """Options of the agent."""

    tables: int = 6
    episodes: int = 120
    chunks: int = 30
    sharpness: float = 4.0

    def __post_init__(self) -> None:
        if min(self.tables, self.episodes) < 1 or self.chunks < PHASES:
            raise ConfigError(f"q-learning: tables and episodes must be 1 or more, chunks {PHASES} or more")


class QLearning:
    """See `_policy.Policy`."""

    name = "q-learning"
    summary = "an agent learns on a simulated training from which rows to learn when"
    options = Options

    def choose(
        self, environment: Environment, options: Any, *, seed: int, state: State | None = None
    ) -> Generator[Round, None, Choice]:
        courses = [Course(environment, fold, chunks=options.chunks) for fold in (0, 1)]
        actions = courses[0].buckets
        tables = np.zeros((options.tables, PHASES, TRENDS, actions))
        counts = np.zeros_like(tables)
        begun, total = 0, options.tables * options.episodes
        if state is not None:
            tables, counts, begun = np.array(state["tables"]), np.array(state["counts"]), state["step"]
        for step in range(begun, total):
            number, episode = divmod(step, options.episodes)
            course = courses[number % 2]
            curious = CURIOUS[0] + (CURIOUS[1] - CURIOUS[0]) * episode / max(options.episodes - 1, 1)
            walk = _walk(course, tables[number], curious, np.random.default_rng([seed, step, 73]))
            _learn(tables[number], counts[number], walk)
            told = {"tables": tables.tolist(), "counts": counts.tolist(), "step": step + 1}
            yield Round(step + 1, total, sum(one[3] for one in walk), told)
        liking = _liking(tables)
        weights = np.zeros((PHASES, len(environment.pool)))
        for fold, course in enumerate(courses):
            visits = np.zeros((PHASES, actions))
            for number in range(ROLLOUTS):
                rng = np.random.default_rng([seed, fold, number, 79])
                for place in _followed(course, liking, options.sharpness, rng):
                    visits[place] += 1
            weights += course.spread(visits) / len(courses)
        worth = {named(action): round(float(liking[:, :, action].mean()), 3) for action in range(actions)}
        return Choice(weights, worth)


Walk = list[tuple[int, int, int, float]]


def _walk(course: Course, table: Array, curious: float, rng: np.random.Generator) -> Walk:
    """One episode: (phase, trend, action, reward) of every chunk."""
    head, trend, found = course.begin(), 1, Walk()
    value = course.value(head)
    for chunk in range(course.chunks):
        phase = course.phase(chunk)
        explores = rng.random() < curious
        action = int(rng.integers(course.buckets)) if explores else int(table[phase, trend].argmax())
        head = course.learn(head, course.draw(action, rng), chunk)
        after = course.value(head)
        found.append((phase, trend, action, after - value))
        trend, value = _trend(after - value), after
    return found


def _trend(change: float) -> int:
    """0 falling, 1 flat, 2 rising."""
    return 1 + (change > FLAT) - (change < -FLAT)


def _learn(table: Array, counts: Array, walk: Walk) -> None:
    """Q(lambda) from the end of an episode to its begin; what comes later is worth what it brought and what is
    believed."""
    ahead, believed = 0.0, 0.0
    for phase, trend, action, reward in reversed(walk):
        ahead = reward + TRACE * ahead + (1 - TRACE) * believed
        counts[phase, trend, action] += 1
        rate = max(LEAST_STEP, counts[phase, trend, action] ** -0.8)
        table[phase, trend, action] += rate * (ahead - table[phase, trend, action])
        believed = float(table[phase, trend].max())


def _liking(tables: Array) -> Array:
    """Standardised values [PHASES, TRENDS, actions], averaged over tables."""
    centred = tables - tables.mean(-1, keepdims=True)
    found: Array = (centred / np.maximum(centred.std(-1, keepdims=True), 1e-9)).mean(0)
    return found


def _followed(course: Course, liking: Array, sharpness: float, rng: np.random.Generator) -> list[tuple[int, int]]:
    """(phase, action) of every chunk of a training that follows the values softly."""
    head, trend, found = course.begin(), 1, []
    value = course.value(head)
    for chunk in range(course.chunks):
        phase = course.phase(chunk)
        odds = np.exp(sharpness * liking[phase, trend])
        action = int(rng.choice(course.buckets, p=odds / odds.sum()))
        head = course.learn(head, course.draw(action, rng), chunk)
        after = course.value(head)
        found.append((phase, action))
        trend, value = _trend(after - value), after
    return found


plugin = QLearning()
