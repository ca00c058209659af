"""Rows whose label is probably wrong, by what models fitted on the other rows say.

Two models that need no tuning and a fraction of a second score every row out of fold: cosine to the class centroid,
and complement naive Bayes (Rennie et al. 2003), both on TF-IDF words. A row is listed when both prefer one other label
and that label scores as high as on rows that carry it (the threshold of confident learning, Northcutt et al. 2021;
ours compares sums of standardised scores instead of probabilities). The list is for a person to review; no row is
changed. How many of it are wrong hangs on how well words tell the labels, and cannot be told from the table: of 10 %
planted ones 10 % (100 short reviews) to 94 % (3,000 abstracts) of the list were right (EXPERIMENTS.md).
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from autogpt.core import ONE_LABEL, Example
from autogpt.data.columns import sample_rows
from autogpt.data.words import inputs_text, words

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]

_MOST_ROWS, _MOST_CLASSES, _FEATURES, _FOLDS = 30_000, 1000, 20_000, 5
_FEWEST_ROWS = 50


@dataclass(frozen=True)
class Suspicion:
    """A row (`Example.id`), the label it has, the label that others like it have, and by how much (0 to 1)."""

    id: int
    given: str
    suggested: str
    strength: float


def suspicious(examples: Sequence[Example], *, output: str, limit: int = 200, seed: int = 0) -> list[Suspicion]:
    """Likely mislabelled rows of a classification table, most suspicious first, at most `limit`."""
    rows = [examples[place] for place in sample_rows(len(examples), _MOST_ROWS)]
    labels = sorted({str(example.target) for example in rows}) if output in ONE_LABEL else []
    if len(rows) < _FEWEST_ROWS or not 2 <= len(labels) <= min(_MOST_CLASSES, len(rows) // 3):
        return []
    place = {label: number for number, label in enumerate(labels)}
    given = np.array([place[str(example.target)] for example in rows], dtype=np.int64)
    table = _features([inputs_text(example.inputs)[:1000] for example in rows])
    if table is None:
        return []
    return [
        Suspicion(rows[row].id, labels[given[row]], labels[other], round(strength, 3))
        for row, other, strength in _ranked(table, given, len(labels), seed)[:limit]
    ]


def _features(texts: Sequence[str]) -> Any:
    """TF-IDF of words [N, V] with rows of length 1; None when no word occurs twice."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    vectorizer = TfidfVectorizer(
        tokenizer=words, token_pattern=None, min_df=2, sublinear_tf=True, max_features=_FEATURES, dtype=np.float32
    )
    try:
        return vectorizer.fit_transform(texts)
    except ValueError:
        return None


def _ranked(table: Any, given: Ints, classes: int, seed: int) -> list[tuple[int, int, float]]:
    """(row, other label, strength) of suspicious rows, strongest first."""
    near = np.zeros((len(given), classes))
    likely = np.zeros((len(given), classes))
    folds = _folds(given, seed)
    for fold in range(_FOLDS):
        inside, outside = np.flatnonzero(folds != fold), np.flatnonzero(folds == fold)
        if len(outside):
            near[outside], likely[outside] = _scores(table[inside], given[inside], classes, table[outside])
    both = _standard(near) + _standard(likely)
    place = np.arange(len(given))
    of_given = both[place, given]
    usual = np.bincount(given, weights=of_given, minlength=classes) / np.maximum(
        1, np.bincount(given, minlength=classes)
    )
    both[place, given] = -np.inf
    other = both.argmax(axis=1)
    excess = both[place, other] - of_given
    agreed = (near.argmax(axis=1) == other) & (likely.argmax(axis=1) == other)
    flagged = np.flatnonzero(agreed & (excess > 0) & (both[place, other] >= usual[other]))
    order = flagged[np.argsort(-excess[flagged], kind="stable")]
    return [(int(row), int(other[row]), float(1 - np.exp(-excess[row] / 2))) for row in order]


def _folds(given: Ints, seed: int) -> Ints:
    """Fold of each row: every class dealt out evenly, in an order drawn from the seed."""
    rng = random.Random(seed)
    folds = np.zeros(len(given), dtype=np.int64)
    by_label: dict[int, list[int]] = defaultdict(list)
    for row, label in enumerate(given.tolist()):
        by_label[label].append(row)
    start = 0
    for label in sorted(by_label):
        rows = by_label[label]
        rng.shuffle(rows)
        for number, row in enumerate(rows):
            folds[row] = (start + number) % _FOLDS
        start += len(rows)
    return folds


def _scores(train: Any, labels: Ints, classes: int, test: Any) -> tuple[Floats, Floats]:
    """Cosine to each class's centroid [n, C], and the complement-naive-Bayes score [n, C]."""
    from scipy.sparse import csr_matrix

    member = csr_matrix(
        (np.ones(len(labels), dtype=np.float32), (labels, np.arange(len(labels)))), shape=(classes, len(labels))
    )
    sums = np.asarray((member @ train).todense())
    norms = np.linalg.norm(sums, axis=1, keepdims=True)
    cosine = test @ (sums / np.maximum(norms, 1e-9)).T
    rest = sums.sum(axis=0, keepdims=True) - sums + 0.3
    logs = np.log(rest / rest.sum(axis=1, keepdims=True))
    return np.asarray(cosine), np.asarray(test @ (logs / logs.sum(axis=1, keepdims=True)).T)


def _standard(scores: Floats) -> Floats:
    """Scores with row means 0 and deviation 1 over all."""
    centred: Floats = scores - scores.mean(axis=1, keepdims=True)
    return centred / max(float(centred.std()), 1e-9)
