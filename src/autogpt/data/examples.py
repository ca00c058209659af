"""Rows seen through the schema: every row becomes an `Example` or a `Rejection` with its place and reason."""

from __future__ import annotations

from collections.abc import Iterator

from autogpt.core import Example, Rejection, Schema, Table, Task
from autogpt.data.words import is_missing

UNLABELLED = "unlabelled: "
"""How the reason of a rejection begins when only the target is missing; such rows can be had by `unlabelled`."""


def examples(table: Table, schema: Schema, task: Task) -> tuple[list[Example], list[Rejection]]:
    """Examples with a target, and all other rows with the reason: len(rows) = len(examples) + len(rejections)."""
    found: list[Example] = []
    rejected: list[Rejection] = []
    for index, outcome in _read(table, schema, task):
        if isinstance(outcome, Example) and outcome.target is not None:
            found.append(outcome)
        elif isinstance(outcome, Example):
            reason = f"{UNLABELLED}column {', '.join(map(repr, schema.target))} is empty"
            rejected.append(Rejection(table.origin, line_of(table, index), reason))
        else:
            rejected.append(Rejection(table.origin, line_of(table, index), outcome))
    return found, rejected


def unlabelled(table: Table, schema: Schema, task: Task) -> list[Example]:
    """The rows with valid text and no target, as examples without one."""
    return [
        outcome for _, outcome in _read(table, schema, task) if isinstance(outcome, Example) and outcome.target is None
    ]


def line_of(table: Table, index: int) -> int:
    """Where row `index` stands in its origin (1-based)."""
    return table.lines[index] if table.lines else index + 1


def _read(table: Table, schema: Schema, task: Task) -> Iterator[tuple[int, Example | str]]:
    """Each row's index with its example (target None when the cell is empty), or the reason why it has none."""
    for index, row in enumerate(table.rows):
        try:
            inputs = task.inputs(row, schema)
            empty = all(is_missing(row.get(column)) for column in schema.target)
            # An empty cell of a divided multi-label column means "no label"; None means that nobody looked. An empty
            # answer always says that the text does not tell.
            looked = task.output == "labels" and any(row.get(column) is not None for column in schema.target)
            looked |= task.output == "span" and any(column in row for column in schema.target)
            target = None if empty and not looked else task.target(row, schema)
            yield index, Example(id=index, inputs=inputs, target=target)
        except ValueError as error:
            yield index, str(error)
