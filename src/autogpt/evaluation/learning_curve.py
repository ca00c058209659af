"""What would twice the data bring? A power law through (rows, score), answered with an interval or not at all.

The error of a model falls about as b * rows^-c over the range that matters here (Cortes et al. 1993; Hestness et al.
2017). We fit that line in logarithms, redraw every point from its own uncertainty and from the fit's residuals (also
without the smallest sizes, in case the curve bends), and read the gain at twice the rows off the redrawn fits. There is
no term for an error that never goes away, because a handful of points cannot tell it; so the forecast stops at twice
the data, and fewer than three sizes, or sizes that span less than a factor of four, give no forecast.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from autogpt.core import Metric

if TYPE_CHECKING:
    from autogpt.core import Array

LEAST_SIZES, LEAST_SPAN = 3, 4.0
FEWER_ERRORS = 0.1
"""What more labels are asked for: so much less error."""
_DRAWS = 1000
_LEAST_ERROR = 1e-4


@dataclass(frozen=True, slots=True)
class Point:
    """A score after training on `rows` rows, measured on `n` rows. Repeats of a size are welcome."""

    rows: int
    score: float
    n: int


@dataclass(frozen=True, slots=True)
class LearningCurve:
    """The points and, when there are enough, the fit: error = b * rows^-c, and the score expected at `rows`.

    `low` and `high` hold the score at `rows` with 95 %, `gain_low` and `gain_high` what is gained over the fit at the
    rows there are (positive is better for every metric). `why_not` says why there is no forecast. `line` has (rows,
    score, low, high) for drawing. `labels` is how many more rows would take away a tenth of the error, with 95 %
    between `labels_low` and `labels_high` (infinite where the error does not fall).
    """

    metric: str
    points: tuple[Point, ...]
    rows: int = 0
    score: float = math.nan
    low: float = math.nan
    high: float = math.nan
    gain: float = math.nan
    gain_low: float = math.nan
    gain_high: float = math.nan
    c: float = math.nan
    line: tuple[tuple[float, float, float, float], ...] = ()
    why_not: str = ""
    labels: float = math.nan
    labels_low: float = math.nan
    labels_high: float = math.nan

    @property
    def known(self) -> bool:
        return not self.why_not

    @property
    def worth_it(self) -> bool:
        """Whether more data would bring a gain that stands clear of 0."""
        return self.known and self.gain_low > 0

    @property
    def more_labels(self) -> bool:
        """Whether a number of labels that is no more than there are would take away a tenth of the error."""
        return self.worth_it and self.labels <= self.rows / 2


def fit_curve(points: Sequence[Point], *, metric: Metric, seed: int = 0) -> LearningCurve:
    """The learning curve of one method on growing parts of the training rows."""
    ordered = tuple(sorted(points, key=lambda p: (p.rows, p.score)))
    sizes = sorted({p.rows for p in ordered})
    if len(sizes) < LEAST_SIZES:
        return LearningCurve(metric.name, ordered, why_not="few")
    if sizes[-1] < LEAST_SPAN * sizes[0]:
        return LearningCurve(metric.name, ordered, why_not="narrow")
    if sizes[0] < 1 or not all(math.isfinite(p.score) for p in ordered):
        return LearningCurve(metric.name, ordered, why_not="broken")

    x = np.log([p.rows for p in ordered])
    errors = np.array([_error(p.score, metric) for p in ordered])
    slope, intercept = _line(x, np.log(errors))
    lines = _redrawn(ordered, x, errors, sizes, np.random.default_rng(seed))

    def read(at: Array) -> tuple[Array, Array]:
        """The fit, and every redrawn fit, as scores [A] and [A, D]."""
        drawn = at[:, None] * lines[:, 0] + lines[:, 1]
        return _score(np.exp(slope * at + intercept), metric), _score(np.exp(drawn), metric)

    sign = 1.0 if metric.higher_is_better else -1.0
    (now, twice), drawn = read(np.log([sizes[-1], 2 * sizes[-1]]))
    low, high = np.quantile(sign * (drawn[1] - drawn[0]), [0.025, 0.975])
    at = np.linspace(x.min(), math.log(2 * sizes[-1]), 25)
    middle, fan = read(at)
    lows, highs = np.quantile(fan, [0.025, 0.975], axis=1)
    labels, least, most = _labels(sizes[-1], float(slope), lines[:, 0])
    return LearningCurve(
        metric=metric.name,
        points=ordered,
        rows=2 * sizes[-1],
        score=float(twice),
        low=float(lows[-1]),
        high=float(highs[-1]),
        gain=float(sign * (twice - now)),
        gain_low=float(low),
        gain_high=float(high),
        c=-float(slope),
        line=tuple(
            (math.exp(a), float(m), float(lo), float(hi)) for a, m, lo, hi in zip(at, middle, lows, highs, strict=True)
        ),
        labels=labels,
        labels_low=least,
        labels_high=most,
    )


def _labels(rows: int, slope: float, slopes: Array) -> tuple[float, float, float]:
    """Further rows for a tenth less error, their least and most: (rows + more) / rows is 0.9 ** (1 / slope)."""

    def more(by: float) -> float:
        power = math.log(1 - FEWER_ERRORS) / by if by < 0 else math.inf
        return rows * math.expm1(power) if power < 20 else math.inf

    low, high = np.quantile(slopes, [0.025, 0.975])
    return more(slope), more(float(low)), more(float(high))


def _redrawn(points: Sequence[Point], x: Array, errors: Array, sizes: Sequence[int], rng: np.random.Generator) -> Array:
    """Fits [D, 2] of redrawn points. Each draw also leaves out some of the smallest sizes: does the curve bend?"""
    slope, intercept = _line(x, np.log(errors))
    residual = np.log(errors) - (slope * x + intercept)
    rest = float((residual**2).sum()) / max(1, len(x) - 2)
    own = np.array([_spread(e, p.n) / e for e, p in zip(errors, points, strict=True)])
    spread = np.sqrt(np.clip(own, 0, 1) ** 2 + rest)
    drawn = np.log(errors) + rng.normal(size=(_DRAWS, len(x))) * spread
    first = rng.integers(0, len(sizes) - LEAST_SIZES + 1, size=_DRAWS)
    lines = np.empty((_DRAWS, 2))
    for place in range(len(sizes) - LEAST_SIZES + 1):
        kept = x >= math.log(sizes[place]) - 1e-9
        lines[first == place] = np.stack(_line(x[kept], drawn[first == place][:, kept]), axis=-1)
    return lines


def _error(score: float, metric: Metric) -> float:
    """Distance to the best possible: 1 for scores, 0 for losses; never 0, whose logarithm is no number."""
    return max(_LEAST_ERROR, 1 - score if metric.higher_is_better else score)


def _score(error: Array, metric: Metric) -> Array:
    return np.asarray(1 - error if metric.higher_is_better else error, dtype=float)


def _spread(error: float, n: int) -> float:
    """Standard error of a score on n rows: binomial for scores between 0 and 1, a share of the value for others."""
    return math.sqrt(error * (1 - error) / max(1, n)) if error < 1 else error / math.sqrt(max(1, n))


def _line(x: Array, y: Array) -> tuple[Array, Array]:
    """Least squares: slope and intercept of y [..., N] over x [N]."""
    centred = x - x.mean()
    slope = (centred * y).sum(axis=-1) / (centred**2).sum()
    return slope, y.mean(axis=-1) - slope * x.mean()
