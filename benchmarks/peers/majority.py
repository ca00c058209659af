"""The commonest answer: most frequent class, labels that at least half of the rows have, mean score, no entity."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any

KINDS = {"classes", "labels", "tokens", "value"}


def predictor(data: Any) -> Callable[[Sequence[Any]], list[Any]]:
    targets = [row[data.target] for row in data.train]
    if data.kind == "tokens":
        return lambda rows: [["O"] * len(row["tokens"]) for row in rows]
    if data.kind == "classes":
        answer: Any = Counter(targets).most_common(1)[0][0]
    elif data.kind == "labels":
        seen = Counter(label for labels in targets for label in labels)
        answer = [label for label, n in seen.items() if 2 * n >= len(targets)]
    else:
        answer = sum(targets) / len(targets)
    return lambda rows: [answer] * len(rows)


def fit(data: Any, clock: Any, seed: int) -> Iterator[Callable[[Sequence[Any]], list[Any]]]:
    yield predictor(data)
