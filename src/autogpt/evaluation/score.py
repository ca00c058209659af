"""All scores of one set of answers, each with its interval and the number of rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from autogpt.core import LabelSpace, Metric, Prediction
from autogpt.errors import InputError
from autogpt.evaluation.interval import RESAMPLES, Answers, Interval, intervals

if TYPE_CHECKING:
    from autogpt.core import Scores


@dataclass(frozen=True, slots=True)
class Score:
    """One metric's value with its 95 % interval and the rows (sentences, for token tasks) that it was computed on."""

    metric: str
    value: float
    low: float
    high: float
    n: int
    higher_is_better: bool = True
    decimals: int = 3

    def __str__(self) -> str:
        d = self.decimals
        if self.low != self.low:
            return f"{self.value:.{d}f}, n = {self.n:,}"
        return f"{self.value:.{d}f} [{self.low:.{d}f}, {self.high:.{d}f}], n = {self.n:,}"


@dataclass(frozen=True, slots=True)
class Scorecard:
    """Scores in the order of the metrics; `card["accuracy"]` finds one by name."""

    scores: tuple[Score, ...]

    def __getitem__(self, metric: str) -> Score:
        for score in self.scores:
            if score.metric == metric:
                return score
        raise KeyError(metric)

    def __contains__(self, metric: object) -> bool:
        return any(score.metric == metric for score in self.scores)

    def values(self) -> dict[str, float]:
        """Metric name -> value."""
        return {score.metric: score.value for score in self.scores}


def point_scores(
    gold: Sequence[Any],
    predictions: Sequence[Prediction],
    probabilities: Scores | None,
    *,
    metrics: Sequence[Metric],
    space: LabelSpace,
) -> dict[str, float]:
    """Every metric without its interval: for validation passes, where speed matters."""
    values = [p.value for p in predictions]
    return {metric.name: metric(gold, values, probabilities, space) for metric in metrics}


def evaluate(
    gold: Sequence[Any],
    predictions: Sequence[Prediction],
    probabilities: Scores | None,
    *,
    metrics: Sequence[Metric],
    space: LabelSpace,
    seed: int = 0,
    resamples: int = RESAMPLES,
) -> Scorecard:
    """Every metric with its interval. Answers on which a model abstains are scored like all others."""
    if not len(gold):
        raise InputError("no rows to evaluate on; give a test split with at least 1 row")
    if len(gold) != len(predictions):
        raise InputError(f"{len(predictions)} predictions for {len(gold)} rows; give one prediction per row")
    answers = Answers([p.value for p in predictions], probabilities)
    found = intervals(metrics, gold, answers, space=space, seed=seed, resamples=resamples)
    return Scorecard(tuple(_score(metric, found[metric.name], len(gold)) for metric in metrics))


def bare_score(metric: Metric, value: float, n: int) -> Score:
    """A score without an interval."""
    return _score(metric, Interval(value, float("nan"), float("nan")), n)


def _score(metric: Metric, found: Interval, n: int) -> Score:
    return Score(metric.name, found.value, found.low, found.high, n, metric.higher_is_better, metric.decimals)
