"""Labels as counts: what the classification metrics and the bootstrap share. Not a metric itself (leading underscore).

Gold and predicted values are one label each (`str`) or, for multi-label data, a tuple, list or set of labels. Labels
are those that occur in gold or in the predictions, sorted: a label that the training never saw is simply never
predicted right, and a label that is in neither does not dilute an average.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from scipy import sparse

from autogpt.core import LabelSpace

if TYPE_CHECKING:
    from autogpt.core import Array, Scores


_SETS = {tuple, list, set, frozenset}

Rows = Any
"""Statistics per row, [N, K]: a numpy array or a scipy CSR matrix."""


class ByRow(Protocol):
    """A metric that is a function of statistics per row."""

    def rows(
        self, gold: Sequence[Any], predicted: Sequence[Any], probabilities: Scores | None, space: LabelSpace
    ) -> Rows: ...

    def score(self, rows: Rows, weights: Array) -> Array: ...


def whole(
    metric: ByRow, gold: Sequence[Any], predicted: Sequence[Any], probabilities: Scores | None, space: LabelSpace
) -> float:
    """The metric of all rows, each counted once; NaN without rows."""
    if not len(gold):
        return float("nan")
    rows = metric.rows(gold, predicted, probabilities, space)
    return float(metric.score(rows, np.ones((1, len(gold))))[0])


def is_multilabel(values: Sequence[Any]) -> bool:
    """Whether each value is a set of labels rather than one label."""
    return not {type(value) for value in values}.isdisjoint(_SETS)


def members(value: Any) -> tuple[Any, ...]:
    """The labels of one value, each once: `"a"` -> ("a",), `("a", "b", "a")` -> ("a", "b")."""
    if isinstance(value, str):
        return (value,)
    if isinstance(value, (tuple, list, set, frozenset)):
        return tuple(dict.fromkeys(value))
    return (value,)


def label_set(*columns: Sequence[Any]) -> list[Any]:
    """Every label that occurs, sorted."""
    found: set[Any] = set()
    for column in columns:
        if is_multilabel(column):
            found.update(label for value in column for label in members(value))
        else:
            found.update(column)
    return sorted(found, key=str)


def indicator(values: Sequence[Any], labels: Sequence[Any]) -> sparse.csr_matrix:
    """[N, L], 1 where a row has a label. Labels outside `labels` are left out."""
    place = {label: i for i, label in enumerate(labels)}
    if not is_multilabel(values):
        found = np.array([place.get(value, -1) for value in values], dtype=np.int64)
        rows = np.flatnonzero(found >= 0)
        return sparse.csr_matrix((np.ones(len(rows)), (rows, found[rows])), shape=(len(values), len(labels)))
    columns = [[place[label] for label in members(value) if label in place] for value in values]
    starts = np.cumsum([0, *map(len, columns)])
    flat = np.fromiter((c for row in columns for c in row), dtype=np.int64, count=int(starts[-1]))
    return sparse.csr_matrix((np.ones(len(flat)), flat, starts), shape=(len(values), len(labels)))


def encoded(gold: Sequence[Any], predicted: Sequence[Any]) -> tuple[Any, Any, list[int]]:
    """Both columns and the label numbers, as scikit-learn wants them: numbers [N], or indicators for multi-label data.

    Indicators have two empty columns more than labels: scikit-learn takes a single column for something else.
    """
    labels = label_set(gold, predicted)
    places = list(range(len(labels)))
    if is_multilabel(gold) or is_multilabel(predicted):
        truth, answer = (indicator(column, [*labels, None, None]) for column in (gold, predicted))
        return truth.astype(np.int64), answer.astype(np.int64), places
    place = dict(zip(labels, places, strict=True))
    return np.array([place[g] for g in gold]), np.array([place[p] for p in predicted]), places


def f1_score(gold: Sequence[Any], predicted: Sequence[Any], average: str, *, without: str | None = None) -> float:
    """scikit-learn's F1 over the labels that occur (but for `without`); NaN without rows, 0 without labels."""
    from sklearn import metrics

    if not len(gold):
        return float("nan")
    truth, answer, places = encoded(gold, predicted)
    kept = [i for i, label in zip(places, label_set(gold, predicted), strict=True) if label != without]
    return float(metrics.f1_score(truth, answer, labels=kept, average=average, zero_division=0)) if kept else 0.0


def count_rows(gold: Sequence[Any], predicted: Sequence[Any]) -> sparse.csr_matrix:
    """Per row and label: right, predicted, gold. [N, 3 L] in three blocks; column sums give every F1 and the MCC."""
    labels = label_set(gold, predicted)
    truth, answer = indicator(gold, labels), indicator(predicted, labels)
    return sparse.hstack([truth.multiply(answer), answer, truth], format="csr")


def summed(rows: Rows, weights: Array) -> Array:
    """Sum of the statistics under each resample: rows [N, K], weights [R, N] -> [R, K]."""
    return np.asarray((rows.T @ weights.T).T if sparse.issparse(rows) else weights @ rows)


def blocks(rows: Rows, weights: Array) -> tuple[Array, Array, Array]:
    """`count_rows` summed under each resample: right, predicted, gold, each [R, L]."""
    sums = summed(rows, weights)
    right, predicted, gold = np.split(sums, 3, axis=1)
    return right, predicted, gold


def f1(right: Array, predicted: Array, gold: Array) -> Array:
    """2 right / (predicted + gold), 0 where nothing was predicted and nothing is gold (as scikit-learn)."""
    total = predicted + gold
    return np.asarray(np.divide(2 * right, total, out=np.zeros_like(total, dtype=float), where=total > 0))


def ratio(above: Array, below: Array) -> Array:
    """above / below, 0 where below is 0."""
    return np.asarray(np.divide(above, below, out=np.zeros_like(above, dtype=float), where=below > 0))


class F1Metric:
    """F1 averaged over labels as scikit-learn's `average` says."""

    higher_is_better = True
    decimals = 3

    def __init__(self, average: str) -> None:
        self.name, self.average = f"{average}-f1", average

    def __call__(
        self, gold: Sequence[Any], predicted: Sequence[Any], probabilities: Scores | None, space: LabelSpace
    ) -> float:
        return f1_score(gold, predicted, self.average)

    def rows(
        self, gold: Sequence[Any], predicted: Sequence[Any], probabilities: Scores | None, space: LabelSpace
    ) -> Rows:
        return count_rows(gold, predicted)
