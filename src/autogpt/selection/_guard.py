"""Whether a choice of rows may be used: it has to win on trusted rows that neither made its features nor rewarded it.

Trusted rows are dealt into three slices. Three agents learn from two of them each and are judged on the third, so every
trusted row judges once and every agent's weights count in the end. Choosing the best of several choices on a hundred
rows would be chance (it cost 2.6 points on 77 classes); so there is one question only: is this better than all rows?
Where labels lost much of their signal it is enough that trusted rows gain; elsewhere the gain has to be beyond chance.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from autogpt.selection import _proxy
from autogpt.selection._environment import Environment
from autogpt.selection._features import NAMES
from autogpt.selection._policy import Policy, followed
from autogpt.selection._pool import Choice, Pool, Round, dealt

if TYPE_CHECKING:
    from autogpt.core import Array

SLICES, DRAWS = 3, 2000
DOUBTFUL, NOISY = 0.1, 0.25
"""From which shares of lost signal on rows may be chosen: if the gain is beyond chance, and if there is a gain at all.

On clean rows every filter costs fine-tuning about 2 points, because quick learners undervalue hard rows. Clean pools
came to 0.22 or less in 15 of 17 measured cases (and once to 0.38), spoiled ones to 0.1 or more in 85 of 88."""
LEAST_TRUSTED = 24


@dataclass(frozen=True, slots=True)
class Verdict:
    """A choice and what was measured of it, per trusted row that had no part in it: log probability and accuracy
    gained.

    `low` and `high` bound the gain of log probability (95 %, paired bootstrap). `proposal` is what the policy chose,
    `choice` what may be used: the proposal, or all rows.
    """

    proposal: Choice
    choice: Choice
    accepted: bool
    reason: str
    noise: float
    gain: float = 0.0
    low: float = 0.0
    high: float = 0.0
    accuracy: float = 0.0

    def told(self) -> dict[str, Any]:
        """For the journal and JSON."""
        numbers = {name: round(float(getattr(self, name)), 4) for name in ("noise", "gain", "low", "high", "accuracy")}
        return {"accepted": self.accepted, "reason": self.reason, **numbers, "weighing": dict(self.proposal.weighing)}


def guarded(
    world: Environment, policy: Policy, options: Any, *, tell: Callable[[Round], None] = lambda one: None
) -> Verdict:
    """The policy's choice if it wins; all rows otherwise. `world` has all trusted rows; agents get worlds of a part."""
    pool, seed = world.given, world.seed
    everything = Choice(np.ones((1, len(pool))))
    if len(pool.trusted_labels) < LEAST_TRUSTED:
        few = f"{len(pool.trusted_labels)} trusted rows are too few to judge by ({LEAST_TRUSTED} are needed)"
        return Verdict(everything, everything, False, few, float("nan"))
    noise = world.noise
    slices = dealt(pool.trusted_labels, SLICES, np.random.default_rng([seed, 61]))
    choices, gains, rights = [], np.zeros(len(slices)), np.zeros(len(slices))
    for number in range(SLICES):
        own = replace(
            pool, trusted=pool.trusted[slices != number], trusted_labels=pool.trusted_labels[slices != number]
        )
        part = Environment(own, seed=seed + number)
        choice = followed(policy.choose(part, options, seed=part.seed), tell)
        choices.append(choice)
        judge = slices == number
        gains[judge], rights[judge] = _gained(world.pool, judge, choice)
    choice = _together(choices)
    low, high = _interval(gains, seed)
    numbers = {"noise": noise, "gain": gains.mean(), "low": low, "high": high, "accuracy": rights.mean()}
    if (noise >= NOISY and gains.mean() > 0) or (noise >= DOUBTFUL and low > 0):
        return Verdict(choice, choice, True, "trusted rows that had no part in the choice gain by it", **numbers)
    return Verdict(choice, everything, False, "no gain on trusted rows that had no part in the choice", **numbers)


def _gained(pool: Pool, judge: Array, choice: Choice) -> tuple[Array, Array]:
    """Per judging row: log probability and right answers gained over all rows weighing the same."""
    x = np.concatenate([_proxy.widened(pool.vectors), _proxy.widened(pool.trusted[~judge])])
    labels, gold = np.concatenate([pool.labels, pool.trusted_labels[~judge]]), pool.trusted_labels[judge]
    rows, place = _proxy.widened(pool.trusted[judge]), np.arange(int(judge.sum()))
    found = []
    for weights in (choice.weight, np.ones(len(pool))):
        scores = rows @ _proxy.fit(x, labels, np.concatenate([weights, np.ones(int((~judge).sum()))]), pool.classes)
        log_p = _proxy.log_probabilities(scores, _proxy.sharpness_of(scores, gold))
        found.append((log_p[place, gold], scores.argmax(1) == gold))
    (chosen, chosen_right), (every, every_right) = found
    return chosen - every, chosen_right.astype(float) - every_right


def _together(choices: list[Choice]) -> Choice:
    """The mean of the agents' weights and coefficients."""
    weighing: Mapping[str, float] = {
        name: round(float(np.mean([choice.weighing[name] for choice in choices])), 4)
        for name in (*NAMES, "bias")
        if all(name in choice.weighing for choice in choices)
    }
    return Choice(np.mean([choice.weights for choice in choices], axis=0), weighing)


def _interval(gains: Array, seed: int) -> tuple[float, float]:
    rng = np.random.default_rng([seed, 67])
    means = gains[rng.integers(len(gains), size=(DRAWS, len(gains)))].mean(1)
    low, high = np.quantile(means, [0.025, 0.975])
    return float(low), float(high)
