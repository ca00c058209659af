"""How far a score could be off: percentile bootstrap over test rows (Efron 1979), and paired differences.

Rows are drawn with replacement 1,000 times. A metric that offers `rows` and `score` (all of ours do) is computed from
statistics per row under a table of weights, which is exactly what resampling rows and calling the metric again would
give (a test compares them) at a hundredth of the time; any other metric is called on the resampled rows. Token tasks
draw whole sentences.

A percentile interval has no width when all rows are right; there the exact binomial bound of Clopper and Pearson takes
over, so that 20 of 20 right reads as 0.83 to 1, not as certainty.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np

from autogpt.core import LabelSpace, Metric

if TYPE_CHECKING:
    from autogpt.core import Array, Scores

RESAMPLES = 1000
LEVEL = 0.95
_CELLS = 2_000_000  # weights held at once


@runtime_checkable
class Resampled(Protocol):
    """A metric that can be computed under weights. `rows`: statistics [N, K]; `score`: weights [R, N] -> [R]."""

    def rows(
        self, gold: Sequence[Any], predicted: Sequence[Any], probabilities: Scores | None, space: LabelSpace
    ) -> Any: ...

    def score(self, rows: Any, weights: Array) -> Array: ...


@dataclass(frozen=True, slots=True)
class Answers:
    """What one system said about the test rows: predicted values, and probabilities where it has them."""

    values: Sequence[Any]
    probabilities: Scores | None = None


@dataclass(frozen=True, slots=True)
class Interval:
    """A score and its 95 % interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Difference:
    """How much better the first system is than the second on the same rows; positive is better for every metric.

    `p` is the two-sided bootstrap p-value of "there is no difference".
    """

    metric: str
    delta: float
    low: float
    high: float
    p: float

    @property
    def clear(self) -> bool:
        """Whether the interval leaves out 0."""
        return self.low > 0 or self.high < 0


def intervals(
    metrics: Sequence[Metric],
    gold: Sequence[Any],
    answers: Answers,
    *,
    space: LabelSpace,
    seed: int = 0,
    resamples: int = RESAMPLES,
) -> dict[str, Interval]:
    """The interval of each metric, from the same resamples. Same seed, same numbers."""
    values = {m.name: m(gold, answers.values, answers.probabilities, space) for m in metrics}
    drawn = draws(metrics, gold, [answers], space=space, seed=seed, resamples=resamples)
    return {m.name: _interval(m, values[m.name], drawn[m.name][0], len(gold)) for m in metrics}


def paired_difference(
    metric: Metric,
    gold: Sequence[Any],
    first: Answers,
    second: Answers,
    *,
    space: LabelSpace,
    seed: int = 0,
    resamples: int = RESAMPLES,
) -> Difference:
    """Is `first` better than `second`? Both are scored on the same resampled rows, so that hard rows cancel out."""
    sign = 1.0 if metric.higher_is_better else -1.0
    one, other = (metric(gold, a.values, a.probabilities, space) for a in (first, second))
    drawn = draws([metric], gold, [first, second], space=space, seed=seed, resamples=resamples)[metric.name]
    deltas = sign * (drawn[0] - drawn[1])
    if np.isnan(deltas).any():
        return Difference(metric.name, sign * (one - other), float("nan"), float("nan"), float("nan"))
    low, high = np.quantile(deltas, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    tail = min((deltas <= 0).sum(), (deltas >= 0).sum())
    p = min(1.0, 2 * (float(tail) + 1) / (len(deltas) + 1))
    return Difference(metric.name, sign * (one - other), float(low), float(high), p)


def mean_interval(values: Array, *, seed: int = 0, resamples: int = RESAMPLES) -> Interval:
    """The mean of values [N] of one row each (of differences between two systems on the same rows, too)."""
    n = len(values)
    rng, mean = np.random.default_rng(seed), float(np.mean(values))
    at_once = max(1, _CELLS // n)
    parts = [min(at_once, resamples - at) for at in range(0, resamples, at_once)]
    drawn = np.concatenate([np.asarray(values)[rng.integers(0, n, size=(part, n))].mean(axis=1) for part in parts])
    low, high = (float(q) for q in np.quantile(drawn, [(1 - LEVEL) / 2, (1 + LEVEL) / 2]))
    return Interval(mean, low, high)


def _interval(metric: Metric, value: float, drawn: Array, n: int) -> Interval:
    if np.isnan(drawn).any() or np.isnan(value):
        return Interval(value, float("nan"), float("nan"))
    low, high = (float(q) for q in np.quantile(drawn, [(1 - LEVEL) / 2, (1 + LEVEL) / 2]))
    if low == high == value == 1.0 and metric.higher_is_better:
        low = float(((1 - LEVEL) / 2) ** (1 / n))  # Clopper-Pearson for n of n
    return Interval(value, low, high)


def draws(
    metrics: Sequence[Metric],
    gold: Sequence[Any],
    systems: Sequence[Answers],
    *,
    space: LabelSpace,
    seed: int,
    resamples: int,
) -> Mapping[str, list[Array]]:
    """Metric -> one array [resamples] per system; all see the same resampled rows."""
    n = len(gold)
    rng = np.random.default_rng(seed)
    fast = {
        m.name: [m.rows(gold, s.values, s.probabilities, space) for s in systems]
        for m in metrics
        if isinstance(m, Resampled)
    }
    found: dict[str, list[list[Array]]] = {m.name: [[] for _ in systems] for m in metrics}
    at_once = max(1, _CELLS // max(1, n))
    for start in range(0, resamples, at_once):
        count = min(at_once, resamples - start)
        picks = rng.integers(0, n, size=(count, n))
        offsets = np.arange(count)[:, None] * n
        weights = np.bincount((picks + offsets).ravel(), minlength=count * n).reshape(count, n).astype(float)
        for metric in metrics:
            for place, system in enumerate(systems):
                if isinstance(metric, Resampled):
                    scores = metric.score(fast[metric.name][place], weights)
                else:
                    scores = np.array([_on_rows(metric, gold, system, row, space) for row in picks])
                found[metric.name][place].append(scores)
    return {name: [np.concatenate(parts) for parts in columns] for name, columns in found.items()}


def _on_rows(metric: Metric, gold: Sequence[Any], answers: Answers, rows: Array, space: LabelSpace) -> float:
    """The metric on some rows, by calling it."""
    table = answers.probabilities
    picked = [table[i] for i in rows] if isinstance(table, list) else None if table is None else table[rows]
    return metric([gold[i] for i in rows], [answers.values[i] for i in rows], picked, space)
