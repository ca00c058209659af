"""What tasks whose answer is written have in common: a source to write from, and the text to be written."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from autogpt import cells, controls
from autogpt.core import Inputs, Row, Schema


class Writing:
    """See `core.Task`. The columns of `schema.text` are one source, with the lines of `schema.controls` before it;
    `schema.target` is what is written."""

    output = "text"

    def __init__(self, name: str, *, metrics: tuple[str, ...], summary: str) -> None:
        self.name, self.metrics, self.summary = name, metrics, summary

    def inputs(self, row: Row, schema: Schema) -> Inputs:
        return {"source": cells.joined(row, schema.text), **self._told(row, schema)}

    def target(self, row: Row, schema: Schema) -> Any:
        return cells.text(row, schema.target[0]).strip()

    def samples(self, text: str, schema: Schema) -> Sequence[Inputs]:
        return [{"source": text, **self._told({}, schema)}]

    @staticmethod
    def _told(row: Row, schema: Schema) -> Inputs:
        return {"controls": controls.header(row, schema.controls)} if schema.controls else {}
