"""Labels that are likely wrong, from probabilities that a model gave to rows it was *not* trained on.

Confident learning (Northcutt, Jiang and Chuang 2021): a row belongs confidently to a label when its probability reaches
the mean probability of the rows that carry the label; a row that belongs confidently to another label than the one
written is suspicious. This short version has no joint estimate of noise rates: suspects are listed by how much likelier
the other label is. For multi-label rows each label is judged by itself, as present or absent. Nothing is ever changed
or removed: a person decides.

How much of the labels is wrong (`label_noise`) is a different question: a weak model doubts many labels that are right.
Where labels are wrong at random, no row can be answered surer than that, so the rows that a model is surest of are not
right more often than the labels are; where a model is weak, or rows are ambiguous, they still are. So ours takes the
lower of two estimates: what the confident joint has off its diagonal (Northcutt et al. 2021), and how often the surest
rows disagree with their labels. It speaks only where the latter stands clear of nothing.
"""

from __future__ import annotations

import math
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


SURE_SHARES = (0.1, 0.2, 0.3)
"""Parts of the rows that a model is surest of; the surest that disagree least say how many labels are wrong."""
LEAST_SURE, LEAST_NOISE, LEAST_SKILL, LEAST_LEAD = 40, 0.03, 2 / 3, 0.1
"""Rows of such a part; share of wrong labels that is worth a word; and what a model must have reached, above the share
of the commonest label, of what such labels allow, and of all rows: a weaker one is never sure (EXPERIMENTS.md)."""


@dataclass(frozen=True, slots=True)
class LabelNoise:
    """Share of labels that are wrong, with 95 % between `low` and `high`, and so the best accuracy on such labels."""

    share: float
    low: float
    high: float
    rows: int

    @property
    def cap(self) -> float:
        """The share of rows that the best of models can agree with."""
        return 1 - self.share


def label_noise(gold: Sequence[Any], probabilities: Array, *, space: LabelSpace) -> LabelNoise | None:
    """How many labels are wrong, by probabilities [N, C] out of sample; None where nothing of that can be told."""
    p, right = table("label noise", probabilities, space), truth(gold, space)
    if is_multilabel(gold) or p.shape[1] < 2:
        return None
    given, agrees = right.argmax(axis=1), right[np.arange(len(p)), p.argmax(axis=1)] > 0
    order = np.argsort(-p.max(axis=1), kind="stable")
    sure = [agrees[order[:count]] for share in SURE_SHARES if (count := round(share * len(p))) >= LEAST_SURE]
    if not sure:
        return None
    low, least, high = min((_wilson(int((~part).sum()), len(part)) for part in sure), key=lambda found: found[1])
    off = _off_diagonal(p, given)
    if min(low, off) < LEAST_NOISE:
        return None
    share, common = min(least, off), float(right.mean(axis=0).max())
    lead = float(agrees.mean()) - common
    if lead < max(LEAST_SKILL * (1 - share - common), LEAST_LEAD * (1 - common)):
        return None
    return LabelNoise(share, min(low, share), max(high, share), len(p))


def _off_diagonal(p: Array, given: Array) -> float:
    """Share of rows off the diagonal of the confident joint, each label's row scaled to the rows that carry it."""
    classes = p.shape[1]
    usual = np.array([p[given == c, c].mean() if (given == c).any() else np.inf for c in range(classes)])
    confident = np.where(p >= usual, p, -1.0)
    counted, believed = confident.max(axis=1) > 0, confident.argmax(axis=1)
    off = 0.0
    for c in range(classes):
        rows = (given == c) & counted
        if rows.any():
            off += float((given == c).sum()) * float((believed[rows] != c).mean())
    return off / len(p)


def _wilson(count: int, rows: int) -> tuple[float, float, float]:
    """A share with its 95 % interval (Wilson 1927): low, value, high."""
    z, share = 1.96, count / rows
    middle = (share + z * z / (2 * rows)) / (1 + z * z / rows)
    half = z / (1 + z * z / rows) * math.sqrt(share * (1 - share) / rows + z * z / (4 * rows * rows))
    return middle - half, share, middle + half


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
