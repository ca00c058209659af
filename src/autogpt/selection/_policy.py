"""What every policy is, and the pieces that several share."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from autogpt.selection._environment import Environment
from autogpt.selection._pool import Choice, Round

if TYPE_CHECKING:
    from autogpt.core import Array

State = Mapping[str, Any]
LEAST, MOST = 0.02, 0.98
"""Bounds of the probability to keep a row: no row is beyond being looked at again."""
START = {"oof": 2.5, "trusted": 1.0, "near": 1.0, "worth": 0.5, "domain": 0.0, "rare": 0.0}
BIAS = 0.3
"""Where a policy begins: it mostly believes models that did not see the row."""


@dataclass(frozen=True, slots=True)
class Nothing:
    """Options of a policy that has nothing to choose."""


class Policy(Protocol):
    """A way to choose rows. `choose` is a generator: it tells rounds, and returns its choice.

    Given the state of a round it goes on from there, with the same result bit for bit.
    """

    name: str
    summary: str
    options: type

    def choose(
        self, environment: Environment, options: Any, *, seed: int, state: State | None = None
    ) -> Generator[Round, None, Choice]: ...


def kept_probability(features: Array, theta: Array) -> Array:
    """Probability [N] to keep each row: a logistic function of features [N, F] with coefficients [F + 1]."""
    found: Array = np.clip(1 / (1 + np.exp(-(features @ theta[:-1] + theta[-1]))), LEAST, MOST)
    return found


def start(environment: Environment, *, prior: bool = True) -> Array:
    """Coefficients [F + 1] before anything was learned: a sensible filter, or no opinion at all."""
    return np.array([*(START[name] if prior else 0.0 for name in environment.names), BIAS])


def weighing(environment: Environment, theta: Array) -> dict[str, float]:
    """Coefficients by name."""
    return {name: round(float(value), 4) for name, value in zip((*environment.names, "bias"), theta, strict=True)}


def chosen(environment: Environment, theta: Array) -> Choice:
    """The choice that coefficients make, by features of all trusted rows: soft weights, balanced as the trusted
    rows."""
    weights = environment.balanced(kept_probability(environment.whole, theta))
    return Choice(weights[None], weighing(environment, theta))


def followed(rounds: Iterator[Round], tell: Callable[[Round], None] = lambda one: None) -> Choice:
    """Run a policy to its end, telling every round."""
    while True:
        try:
            tell(next(rounds))
        except StopIteration as end:
            found: Choice = end.value
            return found
