"""Candidates in order of relevance to a text: search results for a query, items for a reader's history.

A row holds a list of candidates with a list of labels, or one candidate with its label: rows of one group (a user, a
query, or simply the same text) are then brought together into one list.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from autogpt import cells
from autogpt.core import Inputs, Row, Schema, Table


class TextRanking:
    """See `core.Task` and `core.Gathering`. Relevance is how much a label exceeds the lowest one of its list."""

    name = "text-ranking"
    output = "choices"
    metrics = ("list-ndcg", "list-mrr", "list-map", "list-auc")
    summary = "candidates in order of relevance to a text (search, recommendation)"

    def gather(self, table: Table, schema: Schema) -> Iterator[tuple[tuple[int, ...], Row]]:
        """Rows of one group, text and split as one row of lists; a candidate that repeats keeps its highest label."""
        item, label = schema.choices[0], schema.target[0]
        lists: dict[tuple[str, ...], list[int]] = {}
        keys = [column for column in (schema.group, schema.split, *schema.text) if column is not None]
        for place, row in enumerate(table.rows):
            whole = cells.sequence(row.get(item)) is None and all(_filled(row.get(name)) for name in (item, label))
            if whole:
                split = str(table.splits[place]) if table.splits else ""
                lists.setdefault((split, *(str(row.get(key)) for key in keys)), []).append(place)
            else:
                yield (place,), row
        for places in lists.values():
            try:
                best: dict[str, float] = {}
                for place in places:
                    found = cells.number(table.rows[place], label)
                    text = str(table.rows[place][item])
                    best[text] = max(found, best.get(text, found))
            except ValueError:  # a label that is no number: each row tells its own story
                yield from (((place,), table.rows[place]) for place in places)
                continue
            yield tuple(places), {**table.rows[places[0]], item: list(best), label: list(best.values())}

    def inputs(self, row: Row, schema: Schema) -> Inputs:
        return {"text": cells.joined(row, schema.text), "choices": cells.choices(row, schema.choices)}

    def target(self, row: Row, schema: Schema) -> Any:
        """A relevance per candidate, 0 for the lowest label."""
        column, count = schema.target[0], len(self.inputs(row, schema)["choices"])
        listed = cells.sequence(row.get(column))
        if listed is None or len(listed) != count:
            given = "no list of labels" if listed is None else f"{len(listed)} labels"
            raise ValueError(f"column {column!r} has {given} for {count} candidates")
        values = [cells.number({column: value}, column) for value in listed]
        if max(values) == min(values):
            raise ValueError(
                f"column {column!r} is {values[0]:g} for all {count} candidates; there is no order to learn"
            )
        return tuple(value - min(values) for value in values)

    def samples(self, text: str, schema: Schema) -> Sequence[Inputs]:
        return [{"text": text, "choices": (text, f"{text} {text}")}]


def _filled(value: Any) -> bool:
    return value is not None and bool(str(value).strip()) and value == value  # NaN is not itself


plugin = TextRanking()
