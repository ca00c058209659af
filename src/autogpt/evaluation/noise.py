"""Labels that are likely wrong, from probabilities that a model gave to rows it was *not* trained on.

Confident learning (Northcutt, Jiang and Chuang 2021): a row belongs confidently to a label when its probability reaches
the mean probability of the rows that carry the label; a row that belongs confidently to another label than the one
written is suspicious. This short version has no joint estimate of noise rates: suspects are listed by how much likelier
the other label is. For multi-label rows each label is judged by itself, as present or absent. Nothing is ever changed
or removed: a person decides.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from autogpt.core import LabelSpace
from autogpt.metrics._labels import is_multilabel
from autogpt.metrics._probability import table, truth

if TYPE_CHECKING:
    from autogpt.core import Array


@dataclass(frozen=True, slots=True)
class Suspect:
    """A row whose label is likely wrong. `confidence` is the probability of the suggested label, 0 to 1."""

    row: int
    text: str
    given: str
    suggested: str
    confidence: float


def suspects(
    gold: Sequence[Any],
    probabilities: Array,
    *,
    space: LabelSpace,
    ids: Sequence[int],
    texts: Sequence[str],
    limit: int | None = None,
) -> list[Suspect]:
    """Suspicious rows, most suspicious first. `probabilities` [N, C] must be out of sample."""
    p, right = table("suspects", probabilities, space), truth(gold, space)
    found = _present_or_absent(p, right, space) if is_multilabel(gold) else _other_label(p, right, space)
    found.sort(key=lambda suspect: (-suspect[0], suspect[1]))
    return [
        Suspect(ids[row], texts[row], _words(gold[row]), suggested, sure)
        for _, row, suggested, sure in (found if limit is None else found[:limit])
    ]


def _words(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, (tuple, list, set, frozenset)) else str(value)


def _other_label(p: Array, right: Array, space: LabelSpace) -> list[tuple[float, int, str, float]]:
    """(margin, row, suggested label, its probability) of rows that confidently belong elsewhere."""
    count = right.sum(axis=0)
    usual = np.divide((p * right).sum(axis=0), count, out=np.full(p.shape[1], np.inf), where=count > 0)
    confident = np.where(p >= usual, p, -1.0)
    best = confident.argmax(axis=1)
    found = []
    for row in np.flatnonzero((confident.max(axis=1) > 0) & (right.sum(axis=1) > 0)):
        given = int(right[row].argmax())
        if best[row] != given:
            sure = float(p[row, best[row]])
            found.append((sure - float(p[row, given]), int(row), space.labels[best[row]], sure))
    return found


def _present_or_absent(p: Array, right: Array, space: LabelSpace) -> list[tuple[float, int, str, float]]:
    """The same per label, with `+label` (missing) or `-label` (too many); one suggestion per row, the surest."""
    best: dict[int, tuple[float, int, str, float]] = {}
    for column, label in enumerate(space.labels):
        has = right[:, column] > 0
        if not has.any() or has.all():
            continue
        q = p[:, column]
        missing = ~has & (q >= q[has].mean()) & (q > 0.5)
        extra = has & (1 - q >= (1 - q[~has]).mean()) & (q < 0.5)
        for row in np.flatnonzero(missing | extra):
            sure = float(q[row] if missing[row] else 1 - q[row])
            sign = "+" if missing[row] else "-"
            candidate = (2 * sure - 1, int(row), f"{sign}{label}", sure)
            best[int(row)] = max(best.get(int(row), candidate), candidate)
    return list(best.values())
