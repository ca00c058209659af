"""The gate of self-training: it sees labels before and after a step, and says with numbers whether the step may count.

Without labelled rows nothing tells a good step from a bad one for certain; what can be seen is how far a step goes from
the votes that it began with, and whether classes die out. Naive self-training fails exactly there ("USB: A Unified
Semi-supervised Learning Benchmark", Wang et al. 2022: pseudo-labels worse than none).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from autogpt.core import Array

AGREEMENT = 0.35
"""Least adjusted Rand index of a step with the votes; see EXPERIMENTS.md for what it was set on."""
LEAST_SHARE, LOST = 0.1, 0.1
"""A class is lost when less than this part of its rows is left; a step may lose so many of the classes."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What the gate found of one step.

    `agreement` is the adjusted Rand index with the votes, `moved` the share of rows whose label changed, `lost` how
    many of the `classes` (almost) died out.
    """

    step: str
    allowed: bool
    agreement: float
    moved: float
    lost: int
    classes: int
    reason: str

    def __str__(self) -> str:
        return (
            f"{self.step}: {self.reason} (agreement with the votes {self.agreement:.2f}, {self.moved:.0%} of the rows "
            f"changed, {self.lost} of {self.classes} classes lost)"
        )


def judge(step: str, votes: Array, labels: Array, *, classes: int, least: float = AGREEMENT) -> Finding:
    """Compare labels [N] after a step with the votes [N] that all began with."""
    alike, moved = rand_index(votes, labels, classes), float((votes != labels).mean())
    before, after = (np.bincount(one, minlength=classes) for one in (votes, labels))
    lost = int(((before > 0) & (after < np.maximum(1, LEAST_SHARE * before))).sum())
    if lost > LOST * classes:
        return Finding(step, False, alike, moved, lost, classes, "left out, classes die out")
    if alike < least:
        return Finding(step, False, alike, moved, lost, classes, f"left out, {least:.2f} is the least agreement")
    return Finding(step, True, alike, moved, lost, classes, "kept")


def rand_index(one: Array, other: Array, classes: int) -> float:
    """Adjusted Rand index ("Comparing Partitions", Hubert & Arabie 1985): 1 for the same groups, about 0 by chance."""
    table = np.zeros((classes, classes))
    np.add.at(table, (one, other), 1.0)
    both, rows, columns, total = (_pairs(part).sum() for part in (table, table.sum(1), table.sum(0), table.sum()))
    expected = rows * columns / max(total, 1.0)
    most = (rows + columns) / 2
    return float((both - expected) / (most - expected)) if most > expected else 1.0


def _pairs(counts: Array) -> Array:
    return np.asarray(counts * (counts - 1) / 2)
