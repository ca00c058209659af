"""The portfolio: configurations that did well on other data sets, those first that did well on the ones most alike.

`portfolio.json` is made by `benchmarks/portfolio.py`. It holds configurations, and for each of a number of pools of
rows what describes it (rows, labels, length of texts, kind of output, reading speed, device) and what every
configuration was worth on it; no names and no texts. The order for a new data set is the greedy one of "Practical
Automated Machine Learning for the AutoML Challenge 2018" (Feurer et al. 2018): each time the configuration that
improves the best of those before it most, on the mean. Ours weighs pools by likeness, and begins with what the run has
tried already.
"""

from __future__ import annotations

import json
import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from autogpt.autopilot.scheduler import SHIFT

Array = np.ndarray[Any, np.dtype[np.float64]]
TABLE = Path(__file__).with_name("portfolio.json")
PRIOR_POOLS = 2.0
"""So many pools alike weigh as much as what is known of other options in general (`scheduler.SHIFT`)."""
OTHER_OUTPUT, OTHER_DEVICE, READING = 3.0, 1.0, 0.25
"""How far data sets of another kind of output, or on another device, are; what a factor of two in reading speed counts.
Factors of two in rows, labels, rows per label and length count 1."""


@dataclass(frozen=True, slots=True)
class Features:
    """What describes a data set: training rows, labels (1 where rows have none), characters of a text on the mean, kind
    of output, rows read per second (0: unknown), device."""

    rows: int
    labels: int
    length: float
    output: str
    reading: float = 0.0
    device: str = "cpu"

    def distance(self, other: Features) -> float:
        """How much another data set differs: 0 for one that is the same."""
        factors = [
            (self.rows, other.rows),
            (self.labels, other.labels),
            (self.rows / self.labels, other.rows / other.labels),
            (self.length, other.length),
        ]
        squares = [math.log2(max(a, 1e-9) / max(b, 1e-9)) ** 2 for a, b in factors]
        if self.reading and other.reading:
            squares.append((READING * math.log2(self.reading / other.reading)) ** 2)
        squares.append(OTHER_OUTPUT**2 * len(squares) * (self.output != other.output))
        squares.append(OTHER_DEVICE**2 * (self.device != other.device))
        return math.sqrt(sum(squares) / 4)


@dataclass(frozen=True, slots=True)
class Entry:
    """A configuration, and by how much it is expected to be better than its method's first trial."""

    method: str
    options: Mapping[str, Any]
    mean: float


@dataclass(frozen=True, slots=True)
class Portfolio:
    """The table: `scores` and `seconds` [P, K] of K configurations on P pools. A configuration without options is what
    its method does by default, and others of the method are seen relative to it."""

    configurations: Sequence[tuple[str, Mapping[str, Any]]]
    pools: Sequence[Features]
    scores: Array
    seconds: Array

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> Portfolio:
        """The table in a JSON document."""
        return cls(
            [(one["method"], one["options"]) for one in document["configurations"]],
            [Features(**pool["features"]) for pool in document["pools"]],
            np.array([pool["scores"] for pool in document["pools"]], dtype=float),
            np.array([pool["seconds"] for pool in document["pools"]], dtype=float),
        )

    def weights(self, features: Features) -> Array:
        """How much each pool counts [P], by likeness; 1 for one that is the same."""
        found: Array = np.exp(-np.array([features.distance(pool) for pool in self.pools], dtype=float))
        return found

    def ranked(
        self, features: Features, *, methods: Collection[str], tried: Collection[int] = (), defaults: bool = False
    ) -> list[Entry]:
        """Configurations of these methods in greedy order, without those `tried` (their places in the table).

        `defaults`: with what methods do by default; otherwise a run has tried that already, of all `methods`.
        """
        weights = self.weights(features)
        if not len(weights):
            return []
        left = [
            place
            for place, (method, options) in enumerate(self.configurations)
            if method in methods and place not in tried and (options or defaults)
        ]
        known = [*tried, *([] if defaults else self._defaults(methods).values())]
        best = self.scores[:, known].max(axis=1) if known else np.zeros(len(weights))
        found = []
        while left:
            gains = weights @ np.maximum(self.scores[:, left] - best[:, None], 0.0)
            place = left.pop(int(np.argmax(gains)))
            best = np.maximum(best, self.scores[:, place])
            method, options = self.configurations[place]
            found.append(Entry(method, options, self._mean(place, weights)))
        return found

    def _defaults(self, methods: Collection[str]) -> dict[str, int]:
        places = enumerate(self.configurations)
        return {method: place for place, (method, options) in places if method in methods and not options}

    def _mean(self, place: int, weights: Array) -> float:
        """Expected difference to the method's default; drawn to what is usual, the more the fewer pools are alike."""
        method, _ = self.configurations[place]
        reference = self._defaults([method]).get(method)
        if reference is None:
            return SHIFT
        differences = self.scores[:, place] - self.scores[:, reference]
        return float((weights @ differences + PRIOR_POOLS * SHIFT) / (weights.sum() + PRIOR_POOLS))


@cache
def shipped() -> Portfolio:
    """The table of this version."""
    return Portfolio.of(json.loads(TABLE.read_text("utf-8")))
