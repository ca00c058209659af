"""Whether a further trial is worth its seconds: what it may bring beyond what is known, and when a curve is hopeless.

A trial of other options differs from the first trial of its method by little, and validation rows tell little
differences badly. So what counts is not the highest score that may be measured, but by how much the *choice* would
improve ("The Knowledge-Gradient Policy for Correlated Normal Beliefs", Frazier et al. 2009): with true differences of
spread t and a measurement of noise s, a measured difference is believed by the share t^2 / (t^2 + s^2), and only what
is believed can be gained. With 26 rows that is next to nothing, and the search does not begin; with 1,000 it is most.
Ours adds what the run itself shows: its own differences correct the prior, so that a flat landscape ends the search.

A trial that is trained is judged while it trains: by what curves usually still rise from there ("Freeze-Thaw Bayesian
Optimization", Swersky et al. 2014; ours is a table of rises instead of a Gaussian process). What cannot reach the best
any more is stopped where it stands and can be gone on with. Figures: EXPERIMENTS.md.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import NormalDist

import numpy as np

SHIFT, SPREAD = -0.015, 0.02
"""Mean and deviation of the true score of other options minus that of the first trial of their method."""
PRIOR_TRIALS = 4.0
"""So many trials of a run weigh as much as what is known from other data sets."""
FLOOR = 0.002
"""Nothing is searched for less, in units of a score between 0 and 1: another seed changes more."""
FLOOR_OF_NOISE = 0.1
"""Nor for a smaller part of what chance alone makes of the difference between two trials."""
HOPELESS = 1.64
"""A curve is given up where its end lies so many deviations below the best (5 of 100 would have reached it)."""
LEAST_SHARE = 0.25
"""Of the steps have to be made before a curve is judged."""
RISE, RISE_SPREAD = 0.05, 0.07
"""What a curve still rises, and its deviation, by share of the steps that are left; both fall with its square root."""

_NORMAL = NormalDist()


@dataclass(frozen=True, slots=True)
class Outlook:
    """What is believed of a trial not made yet: its true score minus that of the best (`mean`, `spread`), the noise of
    measuring that on the validation rows, the seconds that it takes, and by how much more can be measured at all."""

    mean: float
    spread: float
    noise: float
    seconds: float = 1.0
    ceiling: float = math.inf

    @property
    def believed(self) -> float:
        """Deviation of what is believed of it once it is measured."""
        return self.spread**2 / math.hypot(self.spread, self.noise) if self.spread else 0.0

    @property
    def gain(self) -> float:
        """By how much the chosen trial is expected to be better after this one."""
        if not self.believed:
            return max(0.0, self.mean)
        place = self.mean / self.believed
        return self.believed * (_NORMAL.pdf(place) + place * _NORMAL.cdf(place))

    @property
    def rate(self) -> float:
        """Expected gain per second."""
        return self.gain / max(self.seconds, 1e-3)

    def bound(self, trials: int) -> float:
        """What so many such trials together can be expected to gain at most: the highest of k normal numbers is below
        their mean and sqrt(2 ln k) deviations."""
        highest = self.mean + self.believed * math.sqrt(2 * math.log(trials)) if trials > 1 else 0.0
        return min(max(self.gain if trials else 0.0, highest), self.ceiling)

    def is_worth(self, trials: int) -> bool:
        """Whether so many such trials can gain enough to be looked for."""
        return self.bound(trials) >= max(FLOOR, FLOOR_OF_NOISE * self.noise)


def learned(prior: Outlook, differences: Sequence[float]) -> Outlook:
    """The prior after trials of this run that were measured to differ so much from the first of their method."""
    count = len(differences)
    if not count:
        return prior
    found = np.asarray(differences, dtype=float)
    weight = PRIOR_TRIALS + count
    mean = (PRIOR_TRIALS * prior.mean + float(found.sum())) / weight
    seen = float(((found - mean) ** 2).sum()) - count * prior.noise**2  # noise of measuring is no spread
    variance = (PRIOR_TRIALS * prior.spread**2 + seen) / weight
    return replace(prior, mean=mean, spread=math.sqrt(max(variance, (prior.spread / 3) ** 2)))


@dataclass(slots=True)
class Curve:
    """The validation scores of one training, by the share of its steps that were made."""

    share: float = 0.0
    best: float | None = None

    def add(self, step: int, total: int, score: float, *, higher_is_better: bool) -> None:
        """A validation at `step` of `total`. What is kept in the end is the best of a training, so that counts."""
        if math.isnan(score):
            return
        better = max if higher_is_better else min
        self.share = step / max(total, 1)
        self.best = score if self.best is None else better(self.best, score)

    def ahead(self) -> tuple[float, float]:
        """By how much it is expected to rise yet, and the deviation of that, in units of a score between 0 and 1."""
        left = math.sqrt(max(0.0, 1.0 - self.share))
        return RISE * left, RISE_SPREAD * left

    def is_hopeless(self, goal: float, *, noise: float, higher_is_better: bool) -> bool:
        """Whether its end will not be as good as `goal`. `noise`: deviation of a measured difference.

        Scores without a scale of 0 to 1 are looked at in units of the goal.
        """
        if self.best is None or not LEAST_SHARE <= self.share < 1:
            return False
        behind = distance(goal, self.best, higher_is_better=higher_is_better)
        rise, spread = self.ahead()
        return behind > rise + HOPELESS * math.hypot(spread, noise)


def distance(first: float, second: float, *, higher_is_better: bool) -> float:
    """By how much the first score is better: the difference of scores between 0 and 1; of errors and losses, which have
    no scale, by what share of the larger the second lies above the first."""
    if higher_is_better:
        return first - second
    return (second - first) / max(abs(first), abs(second), 1e-12)
