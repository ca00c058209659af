"""The way of the data on one screen: table -> profile -> schema -> examples -> split. The test split is sealed here.

What comes after (trials, choice, the one evaluation, the model) stands in `autopilot.run`, in the same order.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from autogpt import registry
from autogpt.config import NO_FORMAT, Columns
from autogpt.core import ONE_LABEL, Example, LabelSpace, Metric, Output, Rejection, Searching, Table, Task
from autogpt.data import dates
from autogpt.data.examples import examples, expanded, row_count, unlabelled
from autogpt.data.profile import Profile, profile
from autogpt.data.split import Split, given_splits, make_split
from autogpt.data.words import inputs_text
from autogpt.errors import AmbiguityError, ConfigError, InputError
from autogpt.written import source_of

Ask = Callable[[AmbiguityError], str]

DEEP_ROWS = 20_000
"""Above this many rows near duplicates and suspicious labels are left to `autogpt profile`."""


NO_SPACE = LabelSpace()
_WRITTEN = {"messages", "source"}
USUAL_SHARE = 0.1  # of the rows is validation, at least


class SealedTest:
    """Test rows that can be taken out once, for the final evaluation; their number is no secret."""

    def __init__(self, rows: Sequence[Example]) -> None:
        self._rows: Sequence[Example] | None = rows
        self.count = len(rows)

    def open(self) -> Sequence[Example]:
        """The rows. A second call is an error of the program: a test is used once."""
        if self._rows is None:
            raise InputError("the test split was opened before; it is evaluated once per run")
        rows, self._rows = self._rows, None
        return rows


@dataclass(frozen=True, slots=True)
class Prepared:
    """Data that is ready to be learned from. `train` is in random order: its first rows stand for the whole."""

    table: Table
    profile: Profile
    task: Task
    output: Output
    space: LabelSpace
    split: Split
    train: tuple[Example, ...]
    validation: tuple[Example, ...]
    test: SealedTest
    rejected: tuple[Rejection, ...]
    fingerprint: str
    unlabelled: tuple[Example, ...] = ()
    """Rows that no person labelled (their target is None), where something can be learned from them; none of the given
    test, and where answers are written, none that is like a row with a target."""


def texts(rows: Sequence[Example]) -> list[str]:
    """All texts of rows to learn from: what a language model that is made from nothing is made of."""
    own = [source_of(row.inputs) if _WRITTEN & row.inputs.keys() else inputs_text(row.inputs) for row in rows]
    return [text for one, row in zip(own, rows, strict=True) for text in (one, str(row.target))]


def prepare(
    table: Table,
    *,
    goal: str,
    columns: Columns,
    seed: int,
    ask: Ask | None,
    deep: bool = True,
    most_validation: float = float("inf"),
    form: str | None = None,
) -> Prepared:
    """Everything between rows and training; deterministic for the same arguments.

    At most about `most_validation` rows are taken for validation, where the data itself names none: when time is
    short, rows that every trial must read for its score are rows that cannot be learned from. `form` is the format of
    written answers, `none` that they have none, where it is not to be noticed.
    """
    # Suspicious labels are left to the run's own out-of-fold scores, which are better and come for free.
    deep = deep and len(table) <= DEEP_ROWS
    found = profile(table, goal=goal, columns=columns, ask=ask, deep=deep, doubts=False)
    task: Task = registry.get("tasks", found.schema.task)
    output: Output = registry.get("outputs", task.output)
    read_as = fingerprint(table)
    table = expanded(table, found.schema, task)
    usable, refused = examples(table, found.schema, task)
    if len(usable) < 4:
        why = f"; line {refused[0].line}: {refused[0].reason}" if refused else ""
        raise InputError(f"{table.origin}: {len(usable)} rows can be learned from; at least 4 are needed{why}")
    split = make_split(
        usable,
        output=output.name,
        seed=seed,
        groups=_groups(table, usable, found.schema.group) or (_same_texts(usable) if output.name == "text" else None),
        times=_times(table, usable, found.schema.time),
        given=_given(table, usable, found, columns),
        validation_fraction=most_validation / len(usable) if most_validation < USUAL_SHARE * len(usable) else None,
        duplicates=found.duplicates_among(usable),
    )
    if (rows := row_count(table, usable)) != len(usable):
        made = "examples; those of a row stay together" if table.made else "lists, which are never torn apart"
        split = replace(split, how=(f"{rows:,} rows make {len(usable):,} {made}", *split.how))
    order = np.random.default_rng([seed, 1]).permutation(len(split.train))
    learned = [example.target for example in (*split.train, *split.validation)]
    space = output.space(task.corpus(table.rows, found.schema) if isinstance(task, Searching) else learned)
    space, told = _formed(space, form, written=output.name == "text")
    if isinstance(task, Searching) and len(space.labels) < 2:
        raise InputError(f"{table.origin}: there is {len(space.labels)} answer to find; at least 2 are needed")
    if output.name in (*ONE_LABEL, "labels") and len(space.labels) < (2 if output.name in ONE_LABEL else 1):
        only = "".join(map(repr, space.labels)) or "of no name"
        raise InputError(f"{table.origin}: every training row has the label {only}; at least 2 labels are needed")
    return Prepared(
        table=table,
        profile=replace(found, reasons=(*found.reasons, *told)),
        task=task,
        output=output,
        space=space,
        split=split,
        train=tuple(split.train[place] for place in order),
        validation=split.validation,
        test=SealedTest(split.test),
        rejected=found.rejected,
        fingerprint=read_as,
        unlabelled=_unlabelled(table, found, task, columns, split),
    )


def _formed(space: LabelSpace, form: str | None, *, written: bool) -> tuple[LabelSpace, tuple[str, ...]]:
    """The space with the format that was named, or the one that was noticed in the targets; and what is told of it."""
    if form is None:
        found = registry.get("formats", space.format).told if space.format else None
        return space, () if found is None else (f"nearly all answers are {found}: what is written is checked as such",)
    if not written:
        raise ConfigError(f"format {form!r} is for answers that are written, and this task has none")
    if form != NO_FORMAT:
        registry.get("formats", form)
    return replace(space, format=None if form == NO_FORMAT else form), ()


def main_metrics(task: Task, chosen: str | None, space: LabelSpace = NO_SPACE) -> tuple[Metric, ...]:
    """The task's metrics, with the one that picks the winner first, and the one of a format where answers have one."""
    names = [*task.metrics, *(["parse-rate"] if space.format else [])]
    if chosen is not None:
        if chosen not in registry.names("metrics"):
            raise ConfigError(f"metric {chosen!r} is not known; {task.name} has: {', '.join(names)}")
        names = [chosen, *(name for name in names if name != chosen)]
    return tuple(registry.get("metrics", name) for name in names)


def fingerprint(table: Table) -> str:
    """sha256 of all rows in order."""
    digest = hashlib.sha256()
    for row in table.rows:
        digest.update(json.dumps(dict(row), sort_keys=True, ensure_ascii=True, default=str).encode())
    return digest.hexdigest()


def _unlabelled(table: Table, found: Profile, task: Task, columns: Columns, split: Split) -> tuple[Example, ...]:
    if not found.unlabelled or task.output not in ("classes", "text"):
        return ()
    given = given_splits(table, found.schema, override=columns.split)
    rows = [row for row in unlabelled(table, found.schema, task) if given[row.id] != "test"]
    if task.output == "classes":
        return tuple(row for row in rows if set(row.inputs) == {"text"})
    rows = [row for row in rows if given[row.id] != "validation"]
    held = (*split.validation, *split.test)
    own, theirs = (_groups(table, some, found.schema.group) or [None] * len(some) for some in (rows, held))
    judged, said = set(theirs) - {None}, {_said(row)[1] for row in held}
    known = {_said(row) for row in split.train}
    free = [row for row, group in zip(rows, own, strict=True) if group not in judged and _said(row)[1] not in said]
    return tuple({key: row for row in reversed(free) if (key := _said(row)) not in known}.values())[::-1]


def _said(row: Example) -> tuple[str, str]:
    """What an answer is written from, but for case and spaces: its controls, and the text."""
    return row.inputs.get("controls", ""), " ".join(inputs_text(row.inputs).casefold().split())


def _groups(table: Table, usable: Sequence[Example], column: str | None) -> list[Any] | None:
    if column is None and table.made:
        return [table.made[example.id][0] for example in usable]
    return [str(table.rows[example.id].get(column)) for example in usable] if column else None


COMMON_TEXT = 0.05


def _same_texts(usable: Sequence[Example]) -> list[Any] | None:
    """Rows to which the same is written stay together; None where one text is written to a twentieth of all rows."""
    texts = [" ".join(str(example.target).casefold().split()) for example in usable]
    return texts if Counter(texts).most_common(1)[0][1] <= max(1, COMMON_TEXT * len(texts)) else None


def _times(table: Table, usable: Sequence[Example], column: str | None) -> list[float | None] | None:
    return dates.parse_column([table.rows[example.id].get(column) for example in usable]) if column else None


def _given(table: Table, usable: Sequence[Example], found: Profile, columns: Columns) -> list[str | None]:
    splits = given_splits(table, found.schema, override=columns.split)
    return [splits[example.id] for example in usable]
