"""Frozen MiniLM sentence vectors + logistic regression (ridge on |u-v|, u*v and the cosine for pairs).

When the limit does not allow all rows to be encoded, those that were encoded are fitted.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from clock import TimeUpError
from peers import linear
from peers.encoder import folder

KINDS = {"classes", "labels", "value"}
CHUNK = 128


def fit(data: Any, clock: Any, seed: int) -> Iterator[Callable[[Sequence[Any]], list[Any]]]:
    import numpy as np
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(str(folder()))

    def features(rows: Sequence[Any]) -> Any:
        vectors = [
            model.encode([row[c] for row in rows], normalize_embeddings=True, show_progress_bar=False)
            for c in data.text
        ]
        if len(vectors) == 1:
            return vectors[0]
        u, v = vectors
        return np.hstack([(u * v).sum(axis=1, keepdims=True), u * v, abs(u - v)])

    rows = list(data.train)
    random.Random(seed).shuffle(rows)
    parts: list[Any] = []
    complete = True
    for start in range(0, len(rows), CHUNK):
        before = clock.left()
        parts.append(features(rows[start : start + CHUNK]))
        # A third of the limit is kept for the linear model
        if clock.left() - (before - clock.left()) < clock.limit / 3 and start + CHUNK < len(rows):
            complete = False
            break
    matrix = np.concatenate(parts)
    view = _View(data, rows[: len(matrix)])
    for answer in linear.fit(view, matrix, seed):
        yield lambda rows, answer=answer: answer(features(rows))
    if not complete:
        raise TimeUpError


class _View:
    """The data with other training rows."""

    def __init__(self, data: Any, train: list[Any]) -> None:
        self.kind, self.target, self.train = data.kind, data.target, train
