"""A training with a gate after every step: what was learned is kept while held-out performance rises.

A chunk of rows of one bucket is learned from. Where trusted rows get likelier, the step stays and the next chunk comes
from the same bucket; where they do not, the step is undone and rows are taken from another bucket. Several trainings,
half of them judged by each fold, tell how often rows of a bucket were worth a step in each quarter of a training.

The plainest form of an agent that is rewarded by what its data did: greedy, with no memory but the bucket that it is
at. `q-learning` is compared with it.
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


@dataclass(frozen=True, slots=True)
class Options:
    """Options of the gate."""

    trainings: int = 16
    chunks: int = 30

    def __post_init__(self) -> None:
        if self.trainings < 1 or self.chunks < PHASES:
            raise ConfigError(f"step-gate: trainings must be 1 or more, chunks {PHASES} or more")


class StepGate:
    """See `_policy.Policy`."""

    name = "step-gate"
    summary = "steps that help trusted rows are kept, others undone and made on other rows"
    options = Options

    def choose(
        self, environment: Environment, options: Any, *, seed: int, state: State | None = None
    ) -> Generator[Round, None, Choice]:
        courses = [Course(environment, fold, chunks=options.chunks) for fold in (0, 1)]
        visits = np.zeros((2, PHASES, courses[0].buckets)) if state is None else np.array(state["visits"])
        for step in range(0 if state is None else state["step"], options.trainings):
            fold = step % 2
            kept, value = _trained(courses[fold], np.random.default_rng([seed, step, 97]))
            visits[fold] += kept
            yield Round(step + 1, options.trainings, value, {"visits": visits.tolist(), "step": step + 1})
        seen = [fold for fold in (0, 1) if visits[fold].any()]
        if not seen:  # no step ever helped: nothing is known of any row
            return Choice(np.ones((1, len(environment.pool))))
        weights = np.mean([courses[fold].spread(visits[fold] + 1e-6) for fold in seen], axis=0)
        share = visits.sum((0, 1)) / visits.sum()
        return Choice(weights, {named(one): round(float(part), 3) for one, part in enumerate(share)})


def _trained(course: Course, rng: np.random.Generator) -> tuple[Array, float]:
    """How many steps on each bucket were kept in each phase [PHASES, buckets], and what the training came to."""
    kept, head = np.zeros((PHASES, course.buckets)), course.begin()
    value, bucket = course.value(head), int(rng.integers(course.buckets))
    for chunk in range(course.chunks):
        for other in (bucket, *rng.permutation([one for one in range(course.buckets) if one != bucket])):
            after = course.learn(head, course.draw(int(other), rng), chunk)
            reached = course.value(after)
            if reached > value:
                head, value, bucket = after, reached, int(other)
                kept[course.phase(chunk), bucket] += 1
                break
    return kept, value


plugin = StepGate()
