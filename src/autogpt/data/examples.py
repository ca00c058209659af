"""Rows seen through the schema: every row becomes an `Example` or a `Rejection` with its place and reason."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from autogpt.core import Example, Gathers, Rejection, Schema, Table, Task
from autogpt.data.words import is_missing
from autogpt.sources import split_of

UNLABELLED = "unlabelled: "
"""How the reason of a rejection begins when only the target is missing; such rows can be had by `unlabelled`."""


def examples(table: Table, schema: Schema, task: Task) -> tuple[list[Example], list[Rejection]]:
    """Examples with a target, and all other rows with the reason: every row is in one example or in one rejection."""
    found: list[Example] = []
    rejected: list[Rejection] = []

    def reject(index: int, reason: str) -> None:
        rejected.append(Rejection(table.origin, line_of(table, index), reason))

    for index, outcome in _read(table, schema, task):
        if isinstance(outcome, Example) and outcome.target is not None:
            found.append(outcome)
        elif isinstance(outcome, Example):
            reject(index, f"{UNLABELLED}column {', '.join(map(repr, schema.target))} is empty")
        else:
            reject(index, outcome)
    if isinstance(task, Gathers):
        found = [one for rows in _sides(table, schema, found) for one in task.gather(rows)]
        for one in found:
            if one.target is None:
                for index in (one.id, *one.more):
                    reject(index, f"{UNLABELLED}no row says what answers it")
        found = sorted((one for one in found if one.target is not None), key=lambda one: one.id)
    return found, rejected


def row_count(found: Sequence[Example]) -> int:
    """Rows of the table that stand in these examples."""
    return sum(1 + len(example.more) for example in found)


def _sides(table: Table, schema: Schema, found: Sequence[Example]) -> list[list[Example]]:
    """The examples by the split that the data names for them: what is in a given test stays there."""
    sides: dict[str | None, list[Example]] = {}
    for one in found:
        named = split_of(table.rows[one.id].get(schema.split)) if schema.split else None
        named = table.splits[one.id] if table.splits and not schema.split else named
        sides.setdefault(named, []).append(one)
    return list(sides.values())


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
            # An empty cell of a divided multi-label column means "no label"; None means that nobody looked.
            looked = task.output == "labels" and any(row.get(column) is not None for column in schema.target)
            target = None if empty and not looked else task.target(row, schema)
            yield index, Example(id=index, inputs=inputs, target=target)
        except ValueError as error:
            yield index, str(error)
