"""For sentence pairs: the cosine of frozen MiniLM vectors, untrained (Spearman needs no scale)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from peers.encoder import folder

KINDS = {"value"}


def fit(data: Any, clock: Any, seed: int) -> Iterator[Callable[[Sequence[Any]], list[Any]]]:
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(str(folder()))

    def predict(rows: Sequence[Any]) -> list[float]:
        u, v = (
            model.encode([row[c] for row in rows], normalize_embeddings=True, show_progress_bar=False)
            for c in data.text
        )
        return [float(s) for s in (u * v).sum(axis=1)]

    yield predict
