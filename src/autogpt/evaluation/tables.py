"""Precision, recall, F1 and support per label, tag or entity type, closed by averages as in scikit-learn's report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from autogpt.metrics._labels import count_rows, is_multilabel, label_set, members
from autogpt.metrics._spans import check_lengths, entity_counts

if TYPE_CHECKING:
    from autogpt.core import Array


@dataclass(frozen=True, slots=True)
class ClassRow:
    """One line of a table. `support` counts gold; `predicted` counts answers."""

    label: str
    precision: float
    recall: float
    f1: float
    support: int
    predicted: int


@dataclass(frozen=True, slots=True)
class ClassTable:
    """Lines per label and the averages. `accuracy` is absent where it has no meaning (labels, entities)."""

    name: str
    rows: tuple[ClassRow, ...]
    averages: tuple[ClassRow, ...]
    accuracy: float | None = None

    def __str__(self) -> str:
        """As fixed-width text."""
        width = max([len(row.label) for row in (*self.rows, *self.averages)], default=0) + 2
        lines = [f"{'':{width}}{'precision':>10}{'recall':>10}{'f1':>10}{'support':>10}"]
        for row in (*self.rows, *self.averages):
            lines.append(
                f"{row.label:{width}}{row.precision:>10.3f}{row.recall:>10.3f}{row.f1:>10.3f}{row.support:>10,}"
            )
        if self.accuracy is not None:
            total = sum(row.support for row in self.rows)
            lines.insert(len(self.rows) + 1, f"{'accuracy':{width}}{'':>20}{self.accuracy:>10.3f}{total:>10,}")
        return "\n".join(lines)


def label_table(gold: Sequence[Any], predicted: Sequence[Any], *, name: str = "labels") -> ClassTable:
    """Per label; rows have one label or a set of labels."""
    labels = [str(label) for label in label_set(gold, predicted)]
    counts = np.asarray(count_rows(gold, predicted).sum(axis=0)).ravel()
    accuracy = None
    if not is_multilabel(gold) and len(gold):
        accuracy = float(np.mean([members(g) == members(p) for g, p in zip(gold, predicted, strict=True)]))
    return _table(name, labels, counts, accuracy)


def tag_table(gold: Sequence[Any], predicted: Sequence[Any]) -> ClassTable:
    """Per tag over all tokens, `O` included: what scikit-learn's report on the flattened tags shows."""
    check_lengths(gold, predicted)
    return label_table([t for row in gold for t in row], [t or "O" for row in predicted for t in row], name="tokens")


def entity_table(gold: Sequence[Any], predicted: Sequence[Any]) -> ClassTable:
    """Per entity type, whole entities (see the metric `entity-f1`)."""
    labels, counts = entity_counts(gold, predicted)
    return _table("entities", labels, counts.sum(axis=0), None)


def _table(name: str, labels: Sequence[str], counts: Array, accuracy: float | None) -> ClassTable:
    right, predicted, gold = np.split(counts, 3)
    rows = [_row(*line) for line in zip(labels, right, predicted, gold, strict=True)]
    averages = []
    if accuracy is None and rows:
        averages.append(_row("micro avg", right.sum(), predicted.sum(), gold.sum()))
    if rows:
        averages.append(_average("macro avg", rows, np.ones(len(rows))))
        averages.append(_average("weighted avg", rows, gold))
    return ClassTable(name, tuple(rows), tuple(averages), accuracy)


def _row(label: str, right: float, predicted: float, gold: float) -> ClassRow:
    precision = right / predicted if predicted else 0.0
    recall = right / gold if gold else 0.0
    f1 = 2 * right / (predicted + gold) if predicted + gold else 0.0
    return ClassRow(label, float(precision), float(recall), float(f1), int(gold), int(predicted))


def _average(label: str, rows: Sequence[ClassRow], weights: Array) -> ClassRow:
    weights = weights if weights.sum() else np.ones(len(rows))

    def mean(values: list[float]) -> float:
        return float(np.average(values, weights=weights))

    return ClassRow(
        label,
        mean([r.precision for r in rows]),
        mean([r.recall for r in rows]),
        mean([r.f1 for r in rows]),
        sum(r.support for r in rows),
        sum(r.predicted for r in rows),
    )
