"""The winner's curse: a score that was picked because it was high is too high, and by about how much.

Of several trials on the same validation rows the best one is partly the luckiest. Here the luck is drawn anew: all
trials are scored on the same resampled rows (so that what trials have in common cancels out), their scores are pulled
together by as much as these draws say is noise ("Stein's Estimation Rule and Its Competitors", Efron and Morris 1973),
and in worlds where those were the true scores, the best measured one is picked and compared with what it is worth
("A bias correction for the minimum error rate in cross-validation", Tibshirani and Tibshirani 2009, asks the same of
folds). Options that a method chose for itself on validation rows flatter it further; that is not counted.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from autogpt.core import LabelSpace, Metric
from autogpt.evaluation.interval import Answers, draws

if TYPE_CHECKING:
    from autogpt.core import Array

RESAMPLES = 400
FAR = 3.0
"""Standard deviations of the difference behind the best, from which on a trial had no chance to be picked."""


@dataclass(frozen=True, slots=True)
class Curse:
    """What picking the best of `trials` (those that could have been picked) flatters its score by, in the metric's
    unit. `validated`: the score as measured on `rows` validation rows, `error` its standard error there."""

    metric: str
    name: str
    validated: float
    flattery: float
    error: float
    trials: int
    rows: int
    higher_is_better: bool = True

    @property
    def expected(self) -> float:
        """The score to be expected of other rows."""
        return self.validated - self.flattery if self.higher_is_better else self.validated + self.flattery


def winners_curse(
    names: Sequence[str],
    answers: Sequence[Answers],
    gold: Sequence[Any],
    *,
    winner: int,
    metric: Metric,
    space: LabelSpace,
    seed: int = 0,
) -> Curse:
    """The curse of `answers[winner]`, picked among all `answers` (each of all rows) by the metric."""
    sign = 1.0 if metric.higher_is_better else -1.0
    measured = np.array([sign * metric(gold, one.values, one.probabilities, space) for one in answers])
    drawn = sign * np.stack(draws([metric], gold, answers, space=space, seed=seed, resamples=RESAMPLES)[metric.name])
    noise = drawn - drawn.mean(axis=1, keepdims=True)
    able = [
        place
        for place in range(len(answers))
        if place == winner or measured[winner] - measured[place] <= FAR * float((noise[winner] - noise[place]).std())
    ]
    able = [place for place in able if np.isfinite(measured[place]) and np.isfinite(drawn[place]).all()]
    flattery = _flattery(measured[able], noise[able]) if len(able) > 1 and winner in able else 0.0
    error = float(noise[winner].std())
    return Curse(
        metric.name, names[winner], float(sign * measured[winner]), flattery, error if math.isfinite(error) else 0.0,
        len(able), len(gold), metric.higher_is_better,
    )  # fmt: skip


def _flattery(measured: Array, noise: Array) -> float:
    """By how much the best measured of these trials is above its worth, on average over worlds like this one."""
    count = len(measured)
    between = [float((noise[a] - noise[b]).var()) / 2 for a in range(count) for b in range(a)]
    luck, spread = float(np.mean(between)), float(measured.var(ddof=1))
    kept = max(0.0, spread - luck) / spread if spread > 0 else 0.0
    worth = measured.mean() + kept * (measured - measured.mean())
    seen = worth[:, None] + noise
    picked = seen.argmax(axis=0)
    return max(0.0, float((seen.max(axis=0) - worth[picked]).mean()))
