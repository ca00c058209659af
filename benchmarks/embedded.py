"""Frozen vectors of the classification sets, read once and kept beside the benchmarks (`.cache/`, ignored by git).

Rows are those of `sets.load(name, "full")`, at most MOST of train and of test, drawn with a fixed seed.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import sets

CACHE = Path(__file__).parent / ".cache"
MOST = 12_000
CLASSIFICATION = ("banking77", "mr", "cr", "subj", "pros_cons", "dbpedia14")


@dataclass(frozen=True)
class Embedded:
    """Vectors [N, D] of length 1, label numbers [N], label names, and the texts."""

    name: str
    labels: tuple[str, ...]
    train: Any
    train_y: Any
    test: Any
    test_y: Any
    train_texts: tuple[str, ...]
    test_texts: tuple[str, ...]


def load(name: str, *, most: int = MOST, test_rows: int = 3000) -> Embedded:
    """A set as vectors; read at the first call."""
    data = sets.load(name, "full", 0, test_rows=test_rows)
    draw = random.Random(f"{name} embedded")
    train = data.train if len(data.train) <= most else draw.sample(data.train, most)
    kept = name if (most, test_rows) == (MOST, 3000) else f"{name}-{most}-{test_rows}"
    labels = tuple(sorted({row[data.target] for row in train}))
    test = [row for row in data.test if row[data.target] in labels]
    texts, held = (tuple(row[data.text[0]] for row in rows) for rows in (train, test))
    place = {label: number for number, label in enumerate(labels)}
    numbers = [np.array([place[row[data.target]] for row in rows]) for rows in (train, test)]
    return Embedded(
        name,
        labels,
        vectors(f"{kept}-train", texts),
        numbers[0],
        vectors(f"{kept}-test", held),
        numbers[1],
        texts,
        held,
    )


def vectors(name: str, texts: Sequence[str]) -> Any:
    """Vectors of texts, kept under a name."""
    path = CACHE / f"{name}.npy"
    if path.is_file():
        found = np.load(path, allow_pickle=False)
        if len(found) == len(texts):
            return found
    found = _read(texts)
    CACHE.mkdir(exist_ok=True)
    np.save(path, found)
    return found


def _read(texts: Sequence[str]) -> Any:
    from autogpt import registry
    from autogpt.runtime import detect

    encoder = registry.get("backbones", "encoder").open(
        None, output="classes", size=2, labels=(), like={"text": "a"}, runtime=detect(), offline=True
    )
    found = np.asarray(encoder.features([{"text": text} for text in texts]), dtype=np.float32)
    return found / np.maximum(np.linalg.norm(found, axis=1, keepdims=True), 1e-9)
