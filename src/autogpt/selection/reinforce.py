"""An agent that learns from rewards which rows to keep: policy gradient over cross-fitted features.

"Simple statistical gradient-following algorithms for connectionist reinforcement learning" (Williams 1992), with the
leave-one-out baseline of "Buy 4 REINFORCE samples, get a baseline for free!" (Kool et al. 2019). "Data Valuation using
Reinforcement Learning" (Yoon et al. 2020) lets a network look at raw rows and rewards it by the rows it looked at; ours
has seven coefficients over features that the rewarding rows had no part in, begins at a sensible filter, is pulled
back to it, and averages several agents and the later half of each one's life: a hundred trusted rows are enough.

    p_i = clip(sigmoid(theta . f_i + b))       a_i ~ Bernoulli(p_i), 8 actions a round and fold
    theta += rate * Adam( mean_j advantage_j * sum_i (a_ij - p_i) [f_i, 1] / sqrt(N)  -  pull * (theta - theta_0) )
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from autogpt.errors import ConfigError
from autogpt.selection._environment import Environment
from autogpt.selection._policy import State, chosen, kept_probability, start
from autogpt.selection._pool import Choice, Round

if TYPE_CHECKING:
    from autogpt.core import Array

RATE, PULL = 0.2, 0.08
MOMENTS = (0.9, 0.999)


@dataclass(frozen=True, slots=True)
class Options:
    """Options of the agent."""

    agents: int = 3
    rounds: int = 30
    actions: int = 8
    prior: bool = True
    """Whether it begins as a sensible filter; without, all that it comes to it has learned from rewards."""

    def __post_init__(self) -> None:
        if min(self.agents, self.rounds) < 1 or self.actions < 2:
            raise ConfigError("reinforce: agents and rounds must be 1 or more, actions 2 or more")


class Reinforce:
    """See `_policy.Policy`."""

    name = "reinforce"
    summary = "an agent rewarded by held-out log-likelihood learns which rows to keep"
    options = Options

    def choose(
        self, environment: Environment, options: Any, *, seed: int, state: State | None = None
    ) -> Generator[Round, None, Choice]:
        total = options.agents * options.rounds
        agent = _Agent(start(environment, prior=options.prior)) if state is None else _Agent.of(state["agent"])
        done: list[list[float]] = [] if state is None else [list(theta) for theta in state["done"]]
        for step in range(0 if state is None else state["step"], total):
            place = step % options.rounds
            if place == 0:
                agent = _Agent(start(environment, prior=options.prior))
            reward = agent.live(environment, options, place, np.random.default_rng([seed, step, 59]))
            if place == options.rounds - 1:
                done.append(agent.mean.tolist())
            yield Round(step + 1, total, reward, {"agent": agent.state(), "done": list(done), "step": step + 1})
        return chosen(environment, np.mean(done, axis=0))


class _Agent:
    """Coefficients with Adam's averages, and the mean of the later half of their life."""

    def __init__(self, theta: Array) -> None:
        self.first, self.theta = theta, theta.copy()
        self.mean, self.averaged = np.zeros_like(theta), 0
        self.moment, self.square = np.zeros_like(theta), np.zeros_like(theta)

    def live(self, environment: Environment, options: Options, place: int, rng: np.random.Generator) -> float:
        """One round: actions, rewards, a step. The mean reward."""
        gradient, told = np.zeros_like(self.theta), []
        for fold, features in enumerate(environment.features):
            rows = features[environment.practice]
            probability = kept_probability(rows, self.theta)
            actions = rng.random((options.actions, len(rows))) < probability
            rewards = np.array([environment.reward(action.astype(np.float64), fold) for action in actions])
            told.append(rewards.mean())
            deviation = rewards.std()
            if deviation < 1e-12:
                continue
            advantage = (rewards - rewards.mean()) * options.actions / (options.actions - 1) / deviation
            push = (advantage[:, None] * (actions - probability)).mean(0)
            wide = np.concatenate([rows, np.ones((len(rows), 1))], axis=1)
            gradient += push @ wide / np.sqrt(len(rows))
        self._step(gradient - PULL * (self.theta - self.first), place, options.rounds)
        return float(np.mean(told))

    def _step(self, gradient: Array, place: int, rounds: int) -> None:
        one, two = MOMENTS
        self.moment = one * self.moment + (1 - one) * gradient
        self.square = two * self.square + (1 - two) * gradient**2
        direction = (self.moment / (1 - one ** (place + 1))) / (np.sqrt(self.square / (1 - two ** (place + 1))) + 1e-8)
        self.theta = self.theta + RATE * (1 - 0.7 * place / rounds) * direction
        if place >= rounds // 2:
            self.averaged += 1
            self.mean = self.mean + (self.theta - self.mean) / self.averaged

    def state(self) -> dict[str, Any]:
        """JSON."""
        names = ("first", "theta", "mean", "moment", "square")
        return {"averaged": self.averaged, **{name: getattr(self, name).tolist() for name in names}}

    @classmethod
    def of(cls, state: State) -> _Agent:
        """What `state` told."""
        found = cls(np.array(state["first"]))
        for name in ("theta", "mean", "moment", "square"):
            setattr(found, name, np.array(state[name]))
        found.averaged = int(state["averaged"])
        return found


plugin = Reinforce()
