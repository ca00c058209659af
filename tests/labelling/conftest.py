"""Sessions over texts of three plain topics, whose vectors are counts of words: no encoder is needed."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from autogpt.config import Columns, Labelling
from autogpt.core import Table
from autogpt.labelling.pool import read_pool
from autogpt.labelling.session import Session

TOPICS = {
    "card": "card lost stolen swallowed machine bank plastic pin",
    "travel": "train ticket seat journey station late platform fare",
    "food": "soup bread dinner taste sweet plate cook kitchen",
}


def topic_rows(count: int = 90) -> list[dict[str, Any]]:
    """Texts of four words of one topic with a number of their own; `gold` is the topic."""
    rng = random.Random(5)
    found = []
    for number in range(count):
        topic = list(TOPICS)[number % 3]
        words = rng.sample(TOPICS[topic].split(), 4)
        found.append({"text": " ".join([*words, f"case{number}"]), "gold": topic})
    return found


@pytest.fixture
def gold() -> dict[str, str]:
    return {row["text"]: row["gold"] for row in topic_rows()}


@pytest.fixture
def table() -> Table:
    rows = [{"number": place, "text": row["text"]} for place, row in enumerate(topic_rows())]
    return Table(rows, ("number", "text"), "topics")


@pytest.fixture
def begin(tmp_path: Path) -> Callable[..., Session]:
    """`begin(table)` starts a session, and goes on with it when called again."""

    def opened(table: Table, *, name: str = "labels.jsonl", seed: int = 0, **options: Any) -> Session:
        pool = read_pool(table, columns=Columns(text="text"), seed=seed)
        found = word_counts(tuple(item.text for item in pool.items.values()))
        return Session.begin(table, pool, found, tmp_path / name, Labelling(**options), seed=seed)

    return opened


def word_counts(texts: tuple[str, ...]) -> Any:
    """Which of the topics' words a text has, as a vector of length 1."""
    known = [word for words in TOPICS.values() for word in words.split()]
    counts = np.array([[float(word in text.split()) for word in known] for text in texts], dtype=np.float32) + 1e-3
    return counts / np.linalg.norm(counts, axis=1, keepdims=True)
