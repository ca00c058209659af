"""One of several given answers: exams, reading comprehension with choices, endings of a story."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from autogpt import cells
from autogpt.core import Inputs, Row, Schema


class MultipleChoice:
    """See `core.Task`. The target is the number or letter of the right choice, or its text."""

    name = "multiple-choice"
    output = "choices"
    metrics = ("choice-accuracy", "list-mrr")
    summary = "the right one of several choices per text"

    def inputs(self, row: Row, schema: Schema) -> Inputs:
        choices = cells.choices(row, schema.choices)
        found: dict[str, Any] = {"text": cells.joined(row, schema.text), "choices": choices}
        if schema.numbering is not None:
            found["names"] = names(schema.numbering, len(choices))
        return found

    def target(self, row: Row, schema: Schema) -> Any:
        """A relevance per choice: 1 for the right one, 0 for the others."""
        inputs, column = self.inputs(row, schema), schema.target[0]
        known = [str(name) for name in inputs.get("names", inputs["choices"])]
        said = str(row.get(column)).strip()
        if schema.numbering is not None:
            said = said.removesuffix(".0")  # a number that a spreadsheet kept as a fraction
        right = [name.strip() == said for name in known]
        if not any(right):
            allowed = f"{known[0]} to {known[-1]}" if schema.numbering is not None else "the texts of its choices"
            raise ValueError(f"column {column!r} has {row.get(column)!r}; allowed are {allowed}")
        return tuple(map(float, right))

    def samples(self, text: str, schema: Schema) -> Sequence[Inputs]:
        return [{"text": text, "choices": (text, f"{text} {text}")}]


def names(numbering: str, count: int) -> tuple[Any, ...]:
    """What the choices are called, counted from `numbering`: "0" -> 0, 1, 2; "A" -> "A", "B", "C"."""
    if numbering.isdigit():
        return tuple(range(int(numbering), int(numbering) + count))
    return tuple(chr(ord(numbering) + place) for place in range(count))


plugin = MultipleChoice()
