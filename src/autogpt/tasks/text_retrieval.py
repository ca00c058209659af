"""The passage that answers a query: search, frequent questions, "which paragraph says so". The labels are the corpus.

The target of a query is a tuple of its relevant passages. A query may stand in several rows, each with another
passage, and a second target column may say 0/1 whether the row's passage is relevant. A row without a query adds its
passage to what can be found. Passages that are equal but for white space at their ends are one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from autogpt import cells
from autogpt.core import Example, Inputs, Row, Schema


class TextRetrieval:
    """See `core.Task` and `core.Searching`."""

    name = "text-retrieval"
    output = "ranking"
    metrics = ("ndcg-at-10", "mrr", "recall-at-1", "recall-at-10")
    summary = "the passage that answers a query, out of all passages"

    def inputs(self, row: Row, schema: Schema) -> Inputs:
        passage = row.get(schema.target[0])
        if str(row.get(schema.text[0]) or "").strip() or not str(passage or "").strip():
            return cells.texts(row, schema)
        raise ValueError(f"column {schema.text[0]!r} is empty: the passage can be found, nothing is learned from it")

    def target(self, row: Row, schema: Schema) -> Any:
        """The row's passage; nothing when the row says that it is not relevant."""
        passage = cells.text(row, schema.target[0]).strip()
        return (passage,) if all(cells.flag(row, column) for column in schema.target[1:]) else ()

    def samples(self, text: str, schema: Schema) -> Sequence[Inputs]:
        return cells.sample_texts(text, schema)

    def unite(self, examples: Sequence[Example]) -> list[Example]:
        """One example per query, with the relevant passages of all its rows; target None where there is none.

        Queries are the same when they differ in case and white space only.
        """
        rows: dict[str, list[Example]] = {}
        for example in examples:
            rows.setdefault(" ".join(example.inputs["text"].casefold().split()), []).append(example)
        found = []
        for first, *others in rows.values():
            relevant = dict.fromkeys(passage for one in (first, *others) for passage in one.target)
            found.append(replace(first, target=tuple(relevant) or None, more=tuple(one.id for one in others)))
        return found

    def corpus(self, rows: Sequence[Row], schema: Schema) -> list[Any]:
        """All passages, those of the test rows too: which there are is no secret, only which of them answers."""
        column = schema.target[0]
        return [(str(row[column]).strip(),) for row in rows if str(row.get(column) or "").strip()]


plugin = TextRetrieval()
