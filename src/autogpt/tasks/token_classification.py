"""A tag per token: named entities, slots, parts of speech."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from autogpt import cells, spans
from autogpt.core import Inputs, Row, Schema


class TokenClassification:
    """See `core.Task`. Tags come as a list parallel to the tokens, or as spans: in characters of plain text, or in
    tokens where `schema.numbering` says how their ends are counted (`spans.PAST`, `spans.LAST`)."""

    name = "token-classification"
    output = "tokens"
    metrics = ("entity-f1", "token-f1")
    summary = "a tag per token, and the entities they spell"

    def inputs(self, row: Row, schema: Schema) -> Inputs:
        inputs = cells.tokens(row, schema.text[0])
        if "text" in inputs and schema.target and spans.read(row.get(schema.target[0])) is None:
            # Tokens and tags both written as text: "I live in Rome" / "O O O B-LOC".
            listed = cells.text(row, schema.target[0]) if row.get(schema.target[0]) else ""
            plain = tuple(inputs["text"].split())
            if len(listed.split()) == len(plain):
                return {"tokens": plain}
        return inputs

    def target(self, row: Row, schema: Schema) -> Any:
        inputs, column = self.inputs(row, schema), schema.target[0]
        marked = spans.read(row.get(column))
        if marked is not None and "offsets" in inputs:
            return spans.bio_tags(inputs, spans.place(marked, inputs["text"]))
        if marked is not None and schema.numbering is not None:
            return spans.token_tags(len(inputs["tokens"]), marked, inclusive=schema.numbering == spans.LAST)
        tags = cells.sequence(row.get(column))
        found = tuple(str(tag) for tag in tags) if tags is not None else tuple(cells.text(row, column).split())
        if len(found) != len(inputs["tokens"]):
            raise ValueError(f"column {column!r} has {len(found)} tags for {len(inputs['tokens'])} tokens")
        return found

    def samples(self, text: str, schema: Schema) -> Sequence[Inputs]:
        return [cells.tokens({"text": text}, "text")]


plugin = TokenClassification()
