"""Soft targets: what a teacher says of a row, as what the row teaches.

"Distilling the Knowledge in a Neural Network" (Hinton et al. 2015). A `SoftTarget` stands where the label of an
`Example` stands, and is a row of `Output.probabilities`: how likely each label is, the value, or a table with a row per
token or candidate. So nothing between data and loss is new: `Output.encode` gives shares in place of places, and the
losses of all kinds that models can be averaged for (`experts.Averaging`) take them.

Hinton adds two losses, of the teacher's answer and of the label. Ours are linear in the target (that of a value up to a
constant), so the mixed loss is the loss of the mixed target, and one table travels. His student divides its own scores
by the temperature too, which is the same student but for the size of its scores; ours is calibrated after its training.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from autogpt.core import Example, Inputs

if TYPE_CHECKING:
    from autogpt.core import Array, Scores

LEAST_SHARE = 0.01
"""Labels with a smaller share are no rows of their own for a learner that takes labels alone."""


@dataclass(frozen=True, slots=True)
class SoftTarget:
    """What a teacher says of a row: `likely`, a row of `Output.probabilities` ([C], [1], [T, C] or [K, 1]); the row's
    own `label`, where it has one, takes the share `trust` of it (1: the label alone)."""

    likely: Array
    label: Any = None
    trust: float = 0.0


def lessons(inputs: Sequence[Inputs], likely: Scores, *, weight: float = 1.0) -> list[Example]:
    """Rows without a label as examples of what a teacher says of them; ids of -1: they are no rows of the table."""
    return [Example(-1, row, SoftTarget(np.asarray(one)), weight) for row, one in zip(inputs, likely, strict=True)]


def any_soft(targets: Sequence[Any]) -> bool:
    """Whether some of the targets are a teacher's."""
    return any(isinstance(one, SoftTarget) for one in targets)


def mixed(targets: Sequence[Any], table_of: Callable[[Any], Array]) -> list[Array]:
    """Targets as tables of shares (of a value: numbers), float32; `table_of` makes that of a label."""
    found = []
    for one in targets:
        if not isinstance(one, SoftTarget):
            table = table_of(one)
        elif one.trust > 0:
            table = one.trust * table_of(one.label) + (1 - one.trust) * np.asarray(one.likely)
        else:
            table = np.asarray(one.likely)
        found.append(np.asarray(table, dtype=np.float32))
    return found


def one_hot(places: Array, size: int) -> Array:
    """Shares [..., C] of labels at these places [...]; none of a place below 0."""
    return np.asarray(np.asarray(places)[..., None] == np.arange(size), dtype=np.float32)


def has_target(encoded: Array) -> Array:
    """Which of encoded labels, places [N] or shares [N, C], say anything: bool [N]."""
    return np.asarray(encoded >= 0 if encoded.ndim == 1 else encoded.sum(axis=1) > 0)


def as_labels(encoded: Array) -> tuple[Array, Array, Array]:
    """Encoded labels for a learner that takes one per row: (places of rows, label places, weights), each [M].

    A row stands there once for each label with a share worth mentioning, weighing that share: by any loss that is a sum
    over rows the same as its soft target.
    """
    if encoded.ndim == 1:
        rows = np.flatnonzero(encoded >= 0)
        return rows, encoded[rows], np.ones(len(rows))
    rows, labels = np.nonzero(encoded >= LEAST_SHARE)
    return rows, labels, np.asarray(encoded[rows, labels], dtype=np.float64)
