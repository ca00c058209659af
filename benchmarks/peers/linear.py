"""What TF-IDF and frozen features share: a linear model on a feature matrix, in scikit-learn's default strength first,
then in the strength (1, 10, 100) that does best on a fifth of the rows held out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

STRENGTHS = (1.0, 10.0, 100.0)
Answer = Callable[[Any], list[Any]]


def fit(data: Any, features: Any, seed: int) -> Iterator[Answer]:
    """Yields functions from a feature matrix to answers."""
    targets = [row[data.target] for row in data.train[: features.shape[0]]]
    if data.kind == "value":
        from sklearn.linear_model import RidgeCV

        model = RidgeCV(alphas=np.logspace(-2, 3, 11)).fit(features, targets)
        yield lambda matrix: [float(v) for v in model.predict(matrix)]
        return
    yield _classifier(data.kind, features, targets, 1.0)
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(targets))
    cut = len(targets) * 4 // 5
    inner, held = order[:cut], order[cut:]
    scores = {}
    for strength in STRENGTHS:
        answer = _classifier(data.kind, features[inner], [targets[i] for i in inner], strength)
        scores[strength] = _agreement(answer(features[held]), [targets[i] for i in held])
    yield _classifier(data.kind, features, targets, max(scores, key=lambda s: scores[s]))


def _classifier(kind: str, features: Any, targets: list[Any], strength: float) -> Answer:
    from sklearn.linear_model import LogisticRegression

    if kind == "classes":
        if len(set(targets)) == 1:
            return lambda matrix: [targets[0]] * matrix.shape[0]
        model = LogisticRegression(C=strength, max_iter=1000).fit(features, targets)
        return lambda matrix: [str(label) for label in model.predict(matrix)]

    from sklearn.multiclass import OneVsRestClassifier
    from sklearn.preprocessing import MultiLabelBinarizer

    columns = MultiLabelBinarizer()
    many = OneVsRestClassifier(LogisticRegression(C=strength, max_iter=1000))
    many.fit(features, columns.fit_transform(targets))
    return lambda matrix: [list(labels) for labels in columns.inverse_transform(many.predict(matrix))]


def _agreement(answers: list[Any], targets: list[Any]) -> float:
    """Mean overlap of answer and target (for one class: accuracy)."""
    shares = []
    for answer, target in zip(answers, targets, strict=True):
        a, t = (set(v) if isinstance(v, list) else {v} for v in (answer, target))
        shares.append(len(a & t) / max(1, len(a | t)) if a | t else 1.0)
    return float(np.mean(shares))
