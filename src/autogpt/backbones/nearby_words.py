"""GoldAnswers found by words alone: rare words that stand near the question's words but are none of them.

The sliding window of "MCTest" (Richardson et al. 2013), with inverse document frequencies as weights: a text's words
are worth what question words around them weigh, nearer ones more, and the answer is the stretch that is worth most.
Ours answers in stretches of one length, the median of the training answers, and gives none where the worth is below
what divides training questions with and without an answer best.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from autogpt import cells
from autogpt.core import GoldAnswers, Inputs
from autogpt.runtime import Runtime

if TYPE_CHECKING:
    from autogpt.core import Array, Scores

_REACH = 12
"""Question words count up to so many words away."""


@dataclass(frozen=True, slots=True)
class NearbyWords:
    """See `core.Scorer`, for questions about a text. `unknown` is the weight of a word that no training text has."""

    weights: dict[str, float]
    unknown: float
    length: int
    floor: float
    family = "nearby-words"

    @classmethod
    def open(cls, inputs: Sequence[Inputs], targets: Sequence[GoldAnswers]) -> Self:
        """Learn weights, length and floor from training rows."""
        texts = {tuple(row["tokens"]) for row in inputs}
        found = Counter(word for text in texts for word in {word.lower() for word in text})
        weights = {word: float(np.log((1 + len(texts)) / (1 + count))) for word, count in sorted(found.items())}
        lengths = [span.end - span.start for target in targets for span in target.spans[:1]]
        length = int(np.median(lengths)) if lengths else 1
        start = cls(weights, float(np.log(1 + len(texts))), max(1, length), 0.0)
        worth = [start._best(row)[1] for row in inputs]
        return cls(start.weights, start.unknown, start.length, _floor(worth, [bool(t.spans) for t in targets]))

    def score(self, inputs: Sequence[Inputs], *, batch_rows: int = 256) -> Scores:
        tables = []
        for row in inputs:
            table = np.zeros((len(row["tokens"]) + 1, 2))
            if row["tokens"]:
                begin, worth = self._best(row)
                table[begin, 0] = table[min(begin + self.length, len(table) - 1) - 1, 1] = 1.0 + worth
            table[-1] = 1.0 + self.floor
            tables.append(table)
        return tables

    def save(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "nearby_words.json").write_text(json.dumps(asdict(self), ensure_ascii=False), "utf-8")

    @classmethod
    def load(cls, folder: Path, *, runtime: Runtime | None = None) -> Self:
        found: dict[str, Any] = json.loads((folder / "nearby_words.json").read_text("utf-8"))
        return cls(**found)

    def _best(self, row: Inputs) -> tuple[int, float]:
        """The first word of the stretch that is worth most, and its worth per word."""
        words = [word.lower() for word in row["tokens"]]
        asked = {word.lower() for word in cells.words(row["question"])[0]}
        weight = np.array([self.weights.get(word, self.unknown) if word[:1].isalnum() else 0.0 for word in words])
        hit = np.array([word in asked for word in words])
        distance = np.arange(-_REACH, _REACH + 1)
        near = np.convolve(weight * hit, 1 - np.abs(distance) / (_REACH + 1))[_REACH : len(words) + _REACH]
        worth: Array = near * weight * ~hit
        length = min(self.length, len(words))
        sums = np.convolve(worth, np.ones(length), mode="valid")
        begin = int(sums.argmax())
        return begin, float(sums[begin]) / length


def _floor(worth: Sequence[float], answered: Sequence[bool]) -> float:
    """The worth from which answers are given: where most training rows are on the right side of it."""
    if all(answered):
        return 0.0
    order = np.argsort(worth)
    told = np.asarray(answered)[order]
    right = np.append(0, np.cumsum(~told)) + told.sum() - np.append(0, np.cumsum(told))
    edges = np.asarray(worth)[order]
    best = int(right.argmax())
    return float(edges[best] if best < len(edges) else edges[-1] + 1.0) - 1e-9


plugin = NearbyWords
