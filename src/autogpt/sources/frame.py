"""A pandas DataFrame. Missing cells (NaN, NaT, NA, None) are None."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

from autogpt.core import Rejection
from autogpt.sources import Item, Note, Request
from autogpt.sources._values import Plain, unique_names


class Frame:
    name = "frame"
    summary = "a pandas DataFrame"
    suffixes: tuple[str, ...] = ()
    takes_query = False

    def accepts(self, source: Any) -> bool:
        pandas = sys.modules.get("pandas")
        return pandas is not None and isinstance(source, pandas.DataFrame)

    def claims(self, head: bytes) -> bool:
        return False

    def items(self, source: Any, request: Request) -> Iterator[Item]:
        names, notes = unique_names(str(column) for column in source.columns)
        yield from notes
        if any(name is not None for name in source.index.names):
            named = ", ".join(str(name) for name in source.index.names)
            yield Note(f"the index ({named}) is not read; reset_index() makes it a column")
        columns = []
        for place in range(source.shape[1]):
            series = source.iloc[:, place]
            cells = series.astype(object).tolist()
            columns.append([None if gone else cell for cell, gone in zip(cells, series.isna(), strict=True)])
        plain = Plain(request.limits)
        for line, cells in enumerate(zip(*columns, strict=True), start=1):
            try:
                yield line, plain.row(dict(zip(names, cells, strict=True)))
            except ValueError as error:
                yield Rejection("DataFrame", line, str(error))
        yield from plain.notes()


plugin = Frame()
