"""How a table without labels, or with few, is read: the labels' phrases, the text column, and a person's labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from autogpt import config as settings
from autogpt import registry
from autogpt.config import Columns
from autogpt.core import Schema, Table
from autogpt.data import goal as goals
from autogpt.data.columns import describe
from autogpt.data.examples import examples, unlabelled
from autogpt.data.schema import resolve
from autogpt.data.text_columns import choose_text
from autogpt.errors import ConfigError, InputError
from autogpt.prompting import words_of

LEAST_ROWS = 20


@dataclass(frozen=True, slots=True)
class Rows:
    """Usable rows: places `ids` in the table, texts, and targets (None where no person gave one); `test` says which
    the source itself names as test."""

    schema: Schema
    ids: tuple[int, ...]
    texts: tuple[str, ...]
    targets: tuple[str | None, ...]
    test: tuple[bool, ...]
    reasons: tuple[str, ...]

    def labelled(self, *, test: bool) -> list[int]:
        """Rows that a person labelled, of the test or of the rest."""
        return [row for row, target in enumerate(self.targets) if target is not None and self.test[row] == test]


def read_labels(given: str | Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    """Label -> phrases. `a,b`, a YAML or JSON file, or a mapping; a label without a description is described by its
    own name, parted into words."""
    found: Mapping[str, Any]
    if isinstance(given, str) and Path(given).suffix in (".yaml", ".yml", ".json"):
        found = settings.read(given)
        listed = found.get("labels") if list(found) == ["labels"] else None
        found = dict.fromkeys(map(str, listed)) if isinstance(listed, list) else listed or found
    elif isinstance(given, str):
        found = dict.fromkeys(name.strip() for name in given.replace("，", ",").split(",") if name.strip())
    else:
        found = given
    if len(found) < 2:
        raise ConfigError(f"{len(found)} labels are named ({', '.join(map(str, found))}); give 2 or more")
    return {str(name): _phrases(str(name), said) for name, said in found.items()}


def named_only(phrases: Mapping[str, tuple[str, ...]]) -> bool:
    """Whether nobody described any label: all that is said of each is its name."""
    return all(said == _phrases(name, None) for name, said in phrases.items())


def _phrases(name: str, said: Any) -> tuple[str, ...]:
    listed = [said] if isinstance(said, str) else list(said or [])
    if not all(isinstance(one, str) for one in listed):
        raise ConfigError(f"the description of label {name!r} is {said!r}; give a text, or a list of texts")
    return tuple(one.strip() for one in listed if one.strip()) or (words_of(name) or name,)


def find_rows(table: Table, columns: Columns, goal: str, labels: Sequence[str]) -> Rows:
    """Read the table; a target column is the one that is told, or the one whose values are all labels."""
    target, reasons = _target(table, columns, labels)
    facts = {name: fact for name, fact in describe(table).items() if name != target}
    text = resolve(table, columns.text, "--text") if columns.text else ()
    text = text or choose_text(table, facts, goal=goals.read(goal), target=(target,), reasons=reasons)
    if len(text) != 1:
        raise ConfigError(f"{len(text)} text columns ({', '.join(text)}): --labels reads one; set --text to it")
    schema = Schema(task="text-classification", text=text, target=(target,))
    task = registry.get("tasks", schema.task)
    known, _ = examples(table, schema, task)
    for one in known:
        if one.target not in labels:
            raise InputError(f"{table.origin}: column {target!r} has {one.target!r}, which --labels does not name")
    usable = sorted([*known, *unlabelled(table, schema, task)], key=lambda one: one.id)
    if len(usable) < LEAST_ROWS:
        raise InputError(f"{table.origin}: {len(usable)} rows have text; at least {LEAST_ROWS} are needed")
    reasons.append(f"{len(usable):,} rows have text, {len(known):,} of them a label in {target!r}")
    test = tuple(bool(table.splits) and table.splits[one.id] == "test" for one in usable)
    texts = tuple(one.inputs["text"] for one in usable)
    return Rows(schema, tuple(one.id for one in usable), texts, tuple(one.target for one in usable), test,
                tuple(reasons))  # fmt: skip


def _target(table: Table, columns: Columns, labels: Sequence[str]) -> tuple[str, list[str]]:
    if columns.target:
        return resolve(table, columns.target, "--target")[0], [f"labels stand in {columns.target!r}, as told"]
    for name in table.columns:
        values = {str(row.get(name)) for row in table.rows if row.get(name) not in (None, "")}
        if values and values <= set(labels):
            return name, [f"labels stand in {name!r}: all its values are among them"]
    name = "label"
    while name in table.columns:
        name += "_"
    return name, ["no column has labels"]


def drawn(count: int, most: int, *, seed: int) -> list[int]:
    """At most `most` of `count` places, in random order."""
    return [int(place) for place in np.random.default_rng([seed, 43]).permutation(count)[:most]]
