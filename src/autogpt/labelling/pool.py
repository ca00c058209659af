"""What can be labelled: the different texts of a table, each with the rows it stands in and the label it came with."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from autogpt import cells
from autogpt.config import Columns
from autogpt.core import Table
from autogpt.data import goal as goals
from autogpt.data.columns import describe
from autogpt.data.schema import Ask, resolve
from autogpt.data.text_columns import choose_text
from autogpt.data.words import fold, is_missing
from autogpt.errors import AmbiguityError, SchemaError

TARGET = "label"
MOST_ITEMS = 5_000
"""Texts among which is chosen; of more, so many are drawn at random. Strategies compare each with each."""


@dataclass(frozen=True, slots=True)
class Item:
    """A text with all places in the table where it stands. `given` is the label that the table has for it."""

    id: str
    text: str
    rows: tuple[int, ...]
    given: str | None = None


@dataclass(frozen=True, slots=True)
class Pool:
    """Items by id, in the order of the table; how the table was read, and what was left aside.

    `torn` counts texts that the table labels in several ways: they are asked again. `empty` counts rows without text.
    """

    items: dict[str, Item]
    text: tuple[str, ...]
    target: str
    torn: int = 0
    empty: int = 0
    left: int = 0


def identity(text: str) -> str:
    """What a text is known by in files of labels: equal for texts that differ in case and white space only."""
    return hashlib.sha256(fold(text).encode("utf-8")).hexdigest()[:16]


def text_of(table: Table, row: int, columns: Sequence[str]) -> str:
    """The text of a row; several columns one below the other. ValueError when there is none."""
    return cells.joined(table.rows[row], columns)


def read_pool(table: Table, *, columns: Columns, ask: Ask | None = None, seed: int = 0) -> Pool:
    """The texts of a table. The text column is inferred where it is not told; the label stands in `label`, if anywhere.

    SchemaError and AmbiguityError as in `data.schema.infer`.
    """
    target = resolve(table, columns.target, "--target")[0] if columns.target in table.columns else columns.target
    target = target or TARGET
    text = resolve(table, columns.text, "--text") if columns.text else _text_columns(table, target, ask)
    rows: dict[str, list[int]] = {}
    texts: dict[str, str] = {}
    empty = 0
    for place in range(len(table)):
        try:
            found = text_of(table, place, text)
        except ValueError:
            empty += 1
            continue
        rows.setdefault(key := identity(found), []).append(place)
        texts.setdefault(key, found)
    if not rows:
        raise SchemaError(f"{table.origin}: no row has text in {', '.join(map(repr, text))}; name another with --text")
    given = {key: _labels(table, places, target) for key, places in rows.items()}
    kept = _drawn(rows, {key for key, labels in given.items() if labels}, seed)
    items = {
        key: Item(key, texts[key], tuple(rows[key]), next(iter(given[key])) if len(given[key]) == 1 else None)
        for key in kept
    }
    torn = sum(len(labels) > 1 for labels in given.values())
    return Pool(items, text, target, torn=torn, empty=empty, left=len(rows) - len(items))


def _labels(table: Table, places: Sequence[int], target: str) -> set[str]:
    """The different labels that the table has for one text."""
    values = (table.rows[place].get(target) for place in places)
    return {str(value).strip() for value in values if not is_missing(value)}


def _drawn(rows: dict[str, list[int]], labelled: set[str], seed: int) -> list[str]:
    """All keys, or where there are too many the labelled ones and others at random; in the order of the table."""
    if len(rows) <= MOST_ITEMS:
        return list(rows)
    order = np.random.default_rng([seed, 3]).permutation(len(rows))
    keys = list(rows)
    first = sorted((int(place) for place in order), key=lambda place: keys[place] not in labelled)[:MOST_ITEMS]
    return [keys[place] for place in sorted(first)]


def _text_columns(table: Table, target: str, ask: Ask | None) -> tuple[str, ...]:
    facts = {name: fact for name, fact in describe(table).items() if name != target}
    try:
        return choose_text(table, facts, goal=goals.read(""), target=(), reasons=[])
    except AmbiguityError as error:
        if ask is None:
            raise
        return resolve(table, ask(error), "--text")
