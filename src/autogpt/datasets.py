"""Bundled data sets, and files that have a train and a test split.

train, test = autogpt.datasets.load("banking77")
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from autogpt.core import Table
from autogpt.errors import ConfigError, SourceError
from autogpt.sources.bundled import FOLDER, bundled_names


def names() -> list[str]:
    """The bundled data sets, sorted."""
    return bundled_names()


def describe(name: str) -> dict[str, Any]:
    """Rows, licence, attribution, languages and source of a bundled data set."""
    if name not in names():
        raise SourceError(f"no data set {name!r} is bundled; there are: {', '.join(names())}")
    card: dict[str, Any] = json.loads((FOLDER / name / "card.json").read_text(encoding="utf-8"))
    return card


def load(source: Any) -> tuple[Table, Table]:
    """(train, test) of a bundled name, or of a path or folder whose rows have splits.

    Validation rows stay in the first table, where `splits` tells them from the training rows.
    """
    from autogpt.data.read import read

    table = read(source)
    tested = [split == "test" for split in table.splits]
    if not any(tested) or all(tested):
        raise SourceError(
            f"{table.origin}: its rows do not name a train and a test split; give a folder with train.* and test.*, a "
            "file with a column 'split', or pass the file to train(), which splits it"
        )
    return _part(table, [not test for test in tested]), _part(table, tested)


def load_bert_dataset(*, labels: int = 8, rows: int = 24) -> tuple[Table, Table]:
    """(train, test) of bundled texts, small enough for a minute: the first `rows` of each of `labels` labels.

    The test has up to `rows` of each as well, from the official test split. For trying an encoder out, not for scores.
    """
    if labels < 2 or rows < 1:
        raise ConfigError(f"labels is {labels} and rows is {rows}; at least 2 labels and 1 row of each are needed")
    train, test = load("banking77")
    names = sorted({row["label"] for row in train.rows})[:labels]
    return _first(train, names, rows), _first(test, names, rows)


def _first(table: Table, labels: Sequence[str], rows: int) -> Table:
    taken: Counter[str] = Counter()
    chosen = []
    for row in table.rows:
        wanted = row["label"] in labels and taken[row["label"]] < rows
        taken[row["label"]] += wanted
        chosen.append(wanted)
    return _part(table, chosen)


def _part(table: Table, chosen: Sequence[bool]) -> Table:
    places = [place for place, wanted in enumerate(chosen) if wanted]
    return replace(
        table,
        rows=[table.rows[place] for place in places],
        lines=[table.lines[place] for place in places],
        splits=[table.splits[place] for place in places],
    )
