"""Rows seen through the schema: every row becomes an `Example` or a `Rejection` with its place and reason."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from autogpt.core import Example, Expanding, Gathering, Rejection, Row, Schema, Searching, Table, Task
from autogpt.data.words import is_missing
from autogpt.sources import split_of

UNLABELLED = "unlabelled: "
"""How the reason of a rejection begins when only the target is missing; such rows can be had by `unlabelled`."""


def examples(table: Table, schema: Schema, task: Task) -> tuple[list[Example], list[Rejection]]:
    """Examples with a target, and all other rows with the reason: every row is in one example or in one rejection."""
    found: list[Example] = []
    rejected: list[Rejection] = []

    def reject(rows: Iterable[int], reason: str) -> None:
        rejected.extend(Rejection(table.origin, line, reason) for index in rows for line in _lines(table, index))

    for rows, outcome in _read(table, schema, task):
        if isinstance(outcome, Example) and outcome.target is not None:
            found.append(outcome)
        elif isinstance(outcome, Example):
            reject(rows, f"{UNLABELLED}column {', '.join(map(repr, schema.target))} is empty")
        else:
            reject(rows, outcome)
    if isinstance(task, Searching):
        found = [one for side in _sides(table, schema, found) for one in task.unite(side)]
        for one in found:
            if one.target is None:
                reject((one.id, *one.more), f"{UNLABELLED}no row says what answers it")
        found = sorted((one for one in found if one.target is not None), key=lambda one: one.id)
    return found, rejected


def expanded(table: Table, schema: Schema, task: Task) -> Table:
    """The table whose rows are examples, where the task makes several of a row; ids of examples are places in it."""
    return task.expand(table, schema) if isinstance(task, Expanding) and not table.made else table


def row_count(table: Table, found: Sequence[Example]) -> int:
    """Rows that were read and stand in these examples."""
    if table.made:
        return len({row for example in found for row in table.made[example.id]})
    return sum(example.rows for example in found)


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


def _lines(table: Table, index: int) -> list[int]:
    """The lines of all rows that row `index` is of."""
    if table.read is None:
        return [line_of(table, index)]
    return [line_of(table.read, place) for place in table.made[index]]


def _rows(table: Table, schema: Schema, task: Task) -> Iterable[tuple[tuple[int, ...], Row]]:
    """The rows of the table with their places, or what the task makes of several of them."""
    if isinstance(task, Gathering):
        return task.gather(table, schema)
    return (((index,), row) for index, row in enumerate(table.rows))


def _read(table: Table, schema: Schema, task: Task) -> Iterator[tuple[tuple[int, ...], Example | str]]:
    """Rows' places with their example (target None when the cell is empty), or the reason why they have none."""
    for rows, row in _rows(table, schema, task):
        try:
            inputs = task.inputs(row, schema)
            empty = all(is_missing(row.get(column)) for column in schema.target)
            # An empty cell of a divided multi-label column means "no label"; None means that nobody looked. An empty
            # answer always says that the text does not tell.
            looked = task.output == "labels" and any(row.get(column) is not None for column in schema.target)
            looked |= task.output == "span" and any(column in row for column in schema.target)
            target = None if empty and not looked else task.target(row, schema)
            yield rows, Example(id=rows[0], inputs=inputs, target=target, more=rows[1:])
        except ValueError as error:
            yield rows, str(error)
