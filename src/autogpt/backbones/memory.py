"""A translation memory: to a source, the text that was written to the known source most like it.

Likeness is the cosine of TF-IDF vectors of character n-grams (1 to 4, so that Chinese and short texts have some). It is
what translators used before translation was learned, and what anything that is learned has to beat.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from autogpt.core import Inputs
from autogpt.runtime import Runtime
from autogpt.written import source_of, table

if TYPE_CHECKING:
    from autogpt.core import Scores

_AT_ONCE = 256
_LEAST = 1e-6


class Memory:
    """See `core.Scorer`. `sources` and `targets` are the known rows."""

    family = "memory"

    def __init__(self, sources: Sequence[str], targets: Sequence[str]) -> None:
        from sklearn.feature_extraction.text import TfidfVectorizer

        self.sources, self.targets = list(sources), list(targets)
        self._vectorizer = TfidfVectorizer(analyzer="char", ngram_range=(1, 4), sublinear_tf=True, max_features=200_000)
        self._known: Any = self._vectorizer.fit_transform(self.sources).T.tocsc()

    @classmethod
    def open(cls, inputs: Sequence[Inputs], targets: Sequence[str]) -> Self:
        """Of training rows."""
        return cls([source_of(row) for row in inputs], targets)

    def score(self, inputs: Sequence[Inputs], *, batch_rows: int = 256) -> Scores:
        """The confidence of an answer is the likeness of its source."""
        found = []
        for start in range(0, len(inputs), _AT_ONCE):
            texts = [source_of(row) for row in inputs[start : start + _AT_ONCE]]
            alike = (self._vectorizer.transform(texts) @ self._known).toarray()
            best = alike.argmax(axis=1)
            found += [
                table(self.targets[place], float(np.log(max(likeness, _LEAST))))
                for place, likeness in zip(best, alike.max(axis=1), strict=True)
            ]
        return found

    def save(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        document = {"sources": self.sources, "targets": self.targets}
        (folder / "memory.json").write_text(json.dumps(document, ensure_ascii=False), "utf-8")

    @classmethod
    def load(cls, folder: Path, *, runtime: Runtime | None = None) -> Self:
        return cls(**json.loads((folder / "memory.json").read_text("utf-8")))


plugin = Memory
