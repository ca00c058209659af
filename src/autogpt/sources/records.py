"""Rows in memory: a list of dicts, a dict of columns, or a dict of splits."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from autogpt.core import Rejection
from autogpt.errors import SourceError
from autogpt.sources import Item, Part, Request, split_of
from autogpt.sources._values import Plain, shown

_EXAMPLE = 'give a list of dicts such as [{"text": "...", "label": "..."}]'


class Records:
    name = "records"
    summary = "a list of dicts, a dict of columns, or a dict of splits"
    suffixes: tuple[str, ...] = ()
    takes_query = False

    def accepts(self, source: Any) -> bool:
        return isinstance(source, (list, tuple, Mapping))

    def claims(self, head: bytes) -> bool:
        return False

    def items(self, source: Any, request: Request) -> Iterator[Item]:
        if isinstance(source, Mapping):
            if source and all(split_of(name) for name in source):
                for name, part in source.items():
                    yield Part(part, split_of(name))
                return
            source = _rows(source)
        plain = Plain(request.limits)
        for line, row in enumerate(source, start=1):
            try:
                if not isinstance(row, Mapping) or not row:
                    raise ValueError(f"{shown(row)} is no dict with columns; {_EXAMPLE}")
                yield line, plain.row(row)
            except ValueError as error:
                yield Rejection("list", line, str(error))
        yield from plain.notes()


def _rows(columns: Mapping[Any, Any]) -> list[dict[str, Any]]:
    for name, cells in columns.items():
        if not isinstance(cells, Sequence) or isinstance(cells, str):
            raise SourceError(f"dict: column {shown(name)} is {shown(cells)}, not a list of cells; {_EXAMPLE}")
    sizes = {len(cells) for cells in columns.values()}
    if len(sizes) > 1:
        lengths = ", ".join(f"{shown(name)} has {len(cells)}" for name, cells in columns.items())
        raise SourceError(f"dict: the columns differ in length ({lengths}); make them equal")
    return [dict(zip(columns, cells, strict=True)) for cells in zip(*columns.values(), strict=True)]


plugin = Records()
