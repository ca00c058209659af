"""How good the classifier is by now, what more labels would bring, and when to stop.

The curve: heads on random parts of the labelled rows, tested on the labelled rows they did not see and on the rows that
were drawn at random; a power law through these points (`evaluation.learning_curve`) says what the next labels bring.
Rows that a strategy chose are harder than most, so that the level of this curve is not the accuracy; its slope is what
is used. The accuracy itself is taken on drawn rows alone.

Stopping: not before the last `PLATEAU` steps have each changed few answers on the pool ("A Method for Stopping Active
Learning Based on Stabilizing Predictions", Bloodgood and Vijay-Shanker 2009), brought no new label, and the curve
promises little (EXPERIMENTS.md says when that comes, and what is lost by it).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from autogpt import registry
from autogpt.evaluation.learning_curve import Point, fit_curve
from autogpt.labelling.head import Head, fit

if TYPE_CHECKING:
    from autogpt.core import Array

STEP = 20
"""Labels that a forecast looks ahead."""
PLATEAU = 3
LITTLE = 0.005
"""Gain in accuracy by `STEP` labels that is not worth them."""
SAME = 0.97
"""Share of equal answers of two heads that are a step apart, from which on nothing moves any more."""
ENOUGH_DRAWN = 10
LEAST = 32
"""Labels from which on a curve can be drawn: of fewer, the quarter is too small to tell."""
_REPEATS = 6


@dataclass(frozen=True, slots=True)
class Outlook:
    """`accuracy` with its 95 % interval, on `tested` rows; `drawn` says whether these were drawn at random, else each
    labelled row was left out once. `gain` is what `STEP` more labels bring by the curve, at most about `gain_high`;
    None where the curve cannot tell. `stop`: nothing has moved for `PLATEAU` steps and nothing is promised."""

    accuracy: float
    low: float
    high: float
    tested: int
    drawn: bool
    gain: float | None = None
    gain_high: float | None = None
    stop: bool = False


@dataclass(frozen=True, slots=True)
class Labelled:
    """Vectors [L, D] of labelled rows in the order of their answers, and their label numbers [L] below `count`."""

    vectors: Array
    labels: Array
    count: int

    def part(self, places: Array | slice) -> Labelled:
        return Labelled(self.vectors[places], self.labels[places], self.count)

    @property
    def can_be_learned(self) -> bool:
        return len(np.unique(self.labels)) > 1

    def head(self) -> Head:
        return fit(self.vectors, self.labels, self.count)


def outlook(learned: Labelled, drawn: Labelled, pool: Array, *, seed: int) -> Outlook | None:
    """Where a session stands; None while there is no classifier. `pool` [N, D] are the rows it answers."""
    if not learned.can_be_learned:
        return None
    head = learned.head()
    right_drawn = _right(head, drawn)
    right_own = head.left_out == learned.labels
    by_draw = len(drawn.labels) >= ENOUGH_DRAWN
    right = right_drawn if by_draw else right_own
    low, high = _interval(int(right.sum()), len(right))
    gain, most = _gain(learned, drawn, np.concatenate([right_own, right_drawn]), seed=seed)
    stop = most is not None and most < LITTLE and has_settled(learned, pool)
    return Outlook(float(right.mean()), low, high, len(right), by_draw, gain, most, stop)


def _gain(learned: Labelled, drawn: Labelled, right: Array, *, seed: int) -> tuple[float | None, float | None]:
    """Gain by `STEP` labels and its upper end, read off the curve; None, None where there is none yet."""
    count = len(learned.labels)
    if count < LEAST:
        return None, None
    rng = np.random.default_rng([seed, 29, count])
    points = [Point(count, float(right.mean()), len(right))] * 2
    for size in (count // 4, count // 2):
        for _ in range(_REPEATS):
            order = rng.permutation(count)
            part, rest = learned.part(order[:size]), learned.part(order[size:])
            if part.can_be_learned:
                head = part.head()
                tested = np.concatenate([_right(head, rest), _right(head, drawn)])
                points.append(Point(size, float(tested.mean()), len(tested)))
    curve = fit_curve(points, metric=registry.get("metrics", "accuracy"), seed=seed)
    if not curve.known:
        return None, None
    error = 1 - (curve.score - curve.gain)
    return _ahead(error, curve.gain, count), _ahead(error, curve.gain_high, count)


def _ahead(error: float, doubled: float, count: int) -> float:
    """What `STEP` labels bring where twice `count` bring `doubled`: error falls as rows^-c, and never rises."""
    c = -np.log2(np.clip(1 - doubled / max(error, 1e-6), 1e-6, 1.0))
    return float(error * (1 - ((count + STEP) / count) ** -c))


def has_settled(learned: Labelled, pool: Array) -> bool:
    """Whether the last `PLATEAU` steps brought no new label and left nearly all answers on the pool as they were."""
    count = len(learned.labels)
    first = count - PLATEAU * STEP
    if first < STEP or len(np.unique(learned.labels[:first])) < len(np.unique(learned.labels)):
        return False
    answers = [learned.part(slice(size)).head().scores(pool).argmax(axis=1) for size in range(first, count + 1, STEP)]
    return all(float((a == b).mean()) >= SAME for a, b in pairwise(answers))


def _interval(right: int, count: int) -> tuple[float, float]:
    """95 % interval of a share ("Probable Inference", Wilson 1927)."""
    from scipy.stats import binomtest

    low, high = binomtest(right, count).proportion_ci(method="wilson")
    return float(low), float(high)


def _right(head: Head, rows: Labelled) -> Array:
    return np.asarray(head.scores(rows.vectors).argmax(axis=1) == rows.labels)
