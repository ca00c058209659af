"""The data of the accuracy benchmark: real sets, fixed splits, seeded few-shot samples.

Sets with an official test split use it; the others get one fixed 80/20 split. Whatever text stands in the training rows
is taken out of the test rows (counted in `removed`). `size` is rows per class (per label, per entity type, per rounded
score) or `full`. The sample depends on the seed; the test rows are the same for every system, size, limit and seed.
"""

from __future__ import annotations

import gzip
import json
import random
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

DATA = Path(__file__).parents[1].parent / "shared" / "data"
Row = dict[str, Any]


@dataclass(frozen=True)
class Source:
    """Where a set lies and how it is read. `held_out` are nlupp folds that serve as test rows."""

    kind: str
    train: str
    test: str | None = None
    text: tuple[str, ...] = ("text",)
    target: str = "label"
    held_out: tuple[int, ...] = ()


SOURCES = {
    "banking77": Source("classes", "banking77/train", "banking77/test"),
    "mr": Source("classes", "mr/all"),
    "cr": Source("classes", "cr/all"),
    "subj": Source("classes", "subj/all"),
    "pros_cons": Source("classes", "pros_cons/all"),
    "dbpedia14": Source("classes", "dbpedia14/test"),
    "nlupp": Source("labels", "nlupp/banking", target="labels", held_out=(16, 17, 18, 19)),
    "wnut17": Source("tokens", "wnut17/train", "wnut17/test", text=("tokens",), target="tags"),
    "stsb": Source("value", "stsb/en_train", "stsb/en_test", text=("sentence1", "sentence2"), target="score"),
}
METRICS = {"classes": "accuracy", "labels": "micro F1", "tokens": "entity F1", "value": "Spearman"}


@dataclass(frozen=True)
class Data:
    """What a system gets. Rows have the columns of `text` and `target` only."""

    name: str
    kind: str
    text: tuple[str, ...]
    target: str
    train: list[Row]
    test: list[Row]
    removed: int

    def questions(self) -> list[Row]:
        """The test rows without their answers: all that a system may see of them."""
        return [{column: row[column] for column in self.text} for row in self.test]


def load(name: str, size: str, seed: int, *, test_rows: int = 1000, folder: Path = DATA) -> Data:
    """One set at one size. `size` is `full` or a number of rows per class."""
    source = SOURCES[name]
    train, test = _split(name, source, folder)
    known = {_key(row, source) for row in train}
    clean = [row for row in test if _key(row, source) not in known]
    removed = len(test) - len(clean)
    if len(clean) > test_rows:
        clean = random.Random(f"{name} test").sample(clean, test_rows)
    if size != "full":
        train = few(train, source, int(size), random.Random(f"{name} {size} {seed}"))
    keep = (*source.text, source.target)
    return Data(
        name=name,
        kind=source.kind,
        text=source.text,
        target=source.target,
        train=[{column: row[column] for column in keep} for row in train],
        test=[{column: row[column] for column in keep} for row in clean],
        removed=removed,
    )


def few(rows: Sequence[Row], source: Source, n: int, rng: random.Random) -> list[Row]:
    """`n` rows of every class (fewer where a class has fewer), in random order."""
    order = list(range(len(rows)))
    rng.shuffle(order)
    wanted: dict[str, list[int]] = defaultdict(list)
    for i in order:
        for group in _groups(rows[i][source.target], source.kind):
            if len(wanted[group]) < n:
                wanted[group].append(i)
    chosen = sorted({i for group in wanted.values() for i in group})
    rng.shuffle(chosen)
    return [rows[i] for i in chosen]


def _groups(target: Any, kind: str) -> tuple[str, ...]:
    if kind == "classes":
        return (target,)
    if kind == "labels":
        return tuple(target) or ("",)
    if kind == "tokens":
        return tuple(sorted({tag.split("-", 1)[1] for tag in target if tag != "O"})) or ("",)
    return (str(round(target)),)


def _split(name: str, source: Source, folder: Path) -> tuple[list[Row], list[Row]]:
    rows = _read(folder / f"{source.train}.jsonl.gz")
    if source.test:
        return rows, _read(folder / f"{source.test}.jsonl.gz")
    if source.held_out:
        return [r for r in rows if r["fold"] not in source.held_out], [r for r in rows if r["fold"] in source.held_out]
    order = list(range(len(rows)))
    random.Random(f"{name} split").shuffle(order)
    cut = len(rows) * 4 // 5
    return [rows[i] for i in order[:cut]], [rows[i] for i in order[cut:]]


def _key(row: Row, source: Source) -> str:
    """The text as a reader sees it: case and spacing do not make a row new."""
    parts = (" ".join(row[c]) if isinstance(row[c], list) else row[c] for c in source.text)
    return "\t".join(" ".join(part.casefold().split()) for part in parts)


def _read(path: Path) -> list[Row]:
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]
