"""A `core.Table` that was read before: given back as it is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from autogpt.core import Table
from autogpt.sources import Item, Note, Request, Split


class TableSource:
    name = "table"
    summary = "an autogpt table"
    suffixes: tuple[str, ...] = ()
    takes_query = False

    def accepts(self, source: Any) -> bool:
        return isinstance(source, Table)

    def claims(self, head: bytes) -> bool:
        return False

    def items(self, source: Table, request: Request) -> Iterator[Item]:
        for place, row in enumerate(source.rows):
            if source.splits and (place == 0 or source.splits[place] != source.splits[place - 1]):
                yield Split(source.splits[place])
            yield source.lines[place] if source.lines else place + 1, row
        yield from source.rejected
        yield from map(Note, source.notes)


plugin = TableSource()
