"""TF-IDF of words and word pairs + logistic regression (ridge for scores), as in scikit-learn's own text tutorial."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from peers import linear

KINDS = {"classes", "labels", "value"}


def fit(data: Any, clock: Any, seed: int) -> Iterator[Callable[[Sequence[Any]], list[Any]]]:
    from sklearn.feature_extraction.text import TfidfVectorizer

    vectorizer = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True)
    vectorizer.fit([row[column] for row in data.train for column in data.text])

    def features(rows: Sequence[Any]) -> Any:
        first, *second = ([row[column] for row in rows] for column in data.text)
        if not second:
            return vectorizer.transform(first)
        from scipy.sparse import csr_matrix, hstack

        a, b = vectorizer.transform(first), vectorizer.transform(second[0])
        cosine = csr_matrix(a.multiply(b).sum(axis=1))
        return hstack([cosine, a.multiply(b), abs(a - b)]).tocsr()

    for answer in linear.fit(data, features(data.train), seed):
        yield lambda rows, answer=answer: answer(features(rows))
