"""The next turn of a dialogue, or what it does (its action): chat, support, task dialogues, calls of tools.

Every turn of the assistant that follows another turn is an example: the dialogue up to it is read, and the turn is
written. In the table of examples the column of turns holds what came before, and a column of its own, named after the
field (`messages.content`, `turns.acts`), what is to be written.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from autogpt import cells, dialogues
from autogpt.core import Inputs, Row, Schema, Table


class Dialogue:
    """See `core.Task` and `core.Expanding`. `schema.text`: the column of turns, and one of tools, if any."""

    name = "dialogue"
    output = "text"
    metrics = ("chrf", "text-match", "bleu")
    summary = "the next turn of a dialogue, or its action (chat templates, tools)"

    def expand(self, table: Table, schema: Schema) -> Table:
        """A row per turn that is learned; a dialogue without one, or that cannot be read, stays as it is."""
        column, target = schema.text[0], schema.target[0]
        rows, made = [], []
        for places, row in _whole(table, schema):
            found = list(self._examples(row, schema)) or [{**row, target: None}]
            rows += found
            made += [places] * len(found)
        first = [places[0] for places in made]
        return replace(
            table,
            rows=rows,
            columns=tuple(dict.fromkeys((*table.columns, column, target))),
            lines=[table.lines[place] if table.lines else place + 1 for place in first],
            splits=[table.splits[place] for place in first] if table.splits else (),
            read=table,
            made=made,
        )

    def _examples(self, row: Row, schema: Schema) -> Iterator[Row]:
        column, target = schema.text[0], schema.target[0]
        turns = dialogues.turns(row.get(column)) or ()
        try:
            said = [dialogues.message(turn, schema.turns) for turn in turns]
            field = target.removeprefix(f"{column}.")
            written = [dialogues.answer(turn, field, schema.turns) for turn in turns]
        except ValueError:
            return  # the row is kept whole, and its inputs say what is wrong
        history = [{dialogues.ROLE: role, dialogues.TEXT: text} for role, text in said]
        for place, ((role, _), answer) in enumerate(zip(said, written, strict=True)):
            if role == "assistant" and answer and any(other != "system" for other, _ in said[:place]):
                yield {**row, column: history[:place], target: answer}

    def inputs(self, row: Row, schema: Schema) -> Inputs:
        value = row.get(schema.text[0])
        turns = dialogues.turns(value)
        if turns is None and isinstance(value, str):  # a plain text is said by the user
            turns = [{dialogues.ROLE: "user", dialogues.TEXT: cells.text(row, schema.text[0])}]
        if turns is None:
            raise ValueError(f"column {schema.text[0]!r} has no list of turns")
        said = tuple(dialogues.message(turn, schema.turns or _PLAIN) for turn in turns)
        if not any(text for role, text in said if role != "system"):
            raise ValueError(f"column {schema.text[0]!r} has no turn to answer")
        tools = dialogues.tools(row.get(schema.text[1])) if len(schema.text) > 1 else ()
        return {"messages": said} | ({"tools": tools} if tools else {})

    def target(self, row: Row, schema: Schema) -> Any:
        return cells.text(row, schema.target[0])

    def samples(self, text: str, schema: Schema) -> Sequence[Inputs]:
        return [{"messages": (("user", text),)}]


_PLAIN = (dialogues.ROLE, dialogues.TEXT, "assistant")


def _whole(table: Table, schema: Schema) -> Iterator[tuple[tuple[int, ...], Row]]:
    """The dialogues of a table with the places of their rows: a row each, or the rows of a group, in order."""
    if len(schema.turns) < 4:
        yield from (((place,), row) for place, row in enumerate(table.rows))
        return
    column, order = schema.text[0], schema.turns[3]
    groups: dict[tuple[str, str], list[int]] = {}
    for place, row in enumerate(table.rows):
        split = str(table.splits[place]) if table.splits else str(row.get(schema.split)) if schema.split else ""
        groups.setdefault((split, str(row.get(schema.group or ""))), []).append(place)
    for places in groups.values():
        ordered = sorted(places, key=lambda place: _number(table.rows[place], order))
        turns: list[Mapping[str, Any]] = [table.rows[place] for place in ordered]
        yield tuple(ordered), {**turns[0], column: turns}


def _number(row: Row, column: str) -> float:
    try:
        return cells.number(row, column)
    except ValueError:
        return float("inf")


plugin = Dialogue()
