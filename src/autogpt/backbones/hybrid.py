"""Shared words and vectors together: a weighted sum of BM25's scores and those of an encoder."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from autogpt import registry
from autogpt.core import Inputs, Scorer
from autogpt.runtime import Runtime

if TYPE_CHECKING:
    from autogpt.core import Scores

WORDS, VECTORS = "words", "vectors"


class Hybrid:
    """See `core.Scorer`. Scores [N, P] are `weight` times those of `words` plus those of `vectors`.

    On disk: a folder for each of the two; the one of `vectors` is an encoder's, for other libraries too.
    """

    family = "hybrid"

    def __init__(self, words: Scorer, vectors: Scorer, *, weight: float) -> None:
        self.words, self.vectors, self.weight = words, vectors, weight

    @property
    def source(self) -> Any:
        """Where the encoder's weights came from."""
        return getattr(self.vectors, "source", None)

    def score(self, inputs: Sequence[Inputs], *, batch_rows: int = 256) -> Scores:
        vectors, words = (one.score(inputs, batch_rows=batch_rows) for one in (self.vectors, self.words))
        return np.asarray(self.weight * np.asarray(words) + np.asarray(vectors))

    def save(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.words.save(folder / WORDS)
        self.vectors.save(folder / VECTORS)
        (folder / "hybrid.json").write_text(json.dumps({"weight": self.weight}), "utf-8")

    @classmethod
    def load(cls, folder: Path, *, runtime: Runtime | None = None) -> Self:
        words = registry.get("backbones", "bm25").load(folder / WORDS, runtime=runtime)
        vectors = registry.get("backbones", "encoder").load(folder / VECTORS, runtime=runtime)
        described: dict[str, float] = json.loads((folder / "hybrid.json").read_text("utf-8"))
        return cls(words, vectors, weight=described["weight"])


plugin = Hybrid
