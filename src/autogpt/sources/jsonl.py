"""JSON Lines: one object per line."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from autogpt.core import Rejection, Row
from autogpt.sources import Item, Left, Note, Request, RowWriter
from autogpt.sources._annotations import Annotations
from autogpt.sources._blocks import lines_of
from autogpt.sources._bytes import Encoding, encoding_of
from autogpt.sources._json import BrokenError, blank, value
from autogpt.sources._values import Plain, shown

_EXAMPLE = 'each line must be one object such as {"text": "...", "label": "..."}'


class JsonLines:
    name = "jsonl"
    summary = "JSON Lines (.jsonl .ndjson)"
    suffixes = (".jsonl", ".ndjson")
    takes_query = False

    def accepts(self, source: Any) -> bool:
        return False

    def claims(self, head: bytes) -> bool:
        return head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{")

    def items(self, source: Any, request: Request) -> Iterator[Item]:
        path = Path(source)
        encoding = encoding_of(path)
        yield from encoding.notes()
        lines = lines_of(path, encoding, request)
        yield from lines.begin()
        plain, annotations = Plain(request.limits), Annotations()
        empty = left = 0
        for item in lines:
            if isinstance(item, Rejection):
                yield item
            elif not lines.wants(item[0]):  # a line that is not parsed costs a tenth of one that is
                left += 1
            elif not item[1].strip():
                empty += 1
            else:
                try:
                    yield item[0], plain.row(_record(item[1], annotations))
                except ValueError as error:
                    yield Rejection(str(path), item[0], str(error))
        yield from lines.end()
        yield from plain.notes()
        yield Left(left)
        if empty:
            yield Note(f"{empty} blank lines are no rows")

    def writer(self, out: BinaryIO, like: Path | None, suffix: str) -> RowWriter:
        return JsonLinesWriter(out, Encoding("utf-8") if like is None else encoding_of(like))


def _record(line: str, annotations: Annotations) -> dict[str, Any]:
    """The object on a line, or ValueError."""
    try:
        record, end = value(line, blank(line, 0))
    except BrokenError as error:
        raise ValueError(f"{error}; {_EXAMPLE}") from None
    if isinstance(record, ValueError):
        raise record
    if blank(line, end) < len(line):
        raise ValueError(f"column {end + 1}: {shown(line[end:].strip())} stands behind the object; {_EXAMPLE}")
    record = annotations.row(record)
    if not isinstance(record, dict):
        raise ValueError(f"{shown(line.strip())} is no object; {_EXAMPLE}")
    if not record:
        raise ValueError(f"{shown(line.strip())} is an object without columns; {_EXAMPLE}")
    return record


class JsonLinesWriter:
    """Objects, one a line, in the encoding of another file."""

    def __init__(self, out: BinaryIO, encoding: Encoding) -> None:
        self._out = out
        self._encoding = encoding
        out.write(encoding.bom)

    def write(self, row: Row) -> None:
        try:
            line = json.dumps(row, ensure_ascii=False).encode(self._encoding.name)
        except UnicodeEncodeError:  # an encoding that lacks a letter: JSON can spell every letter in ASCII
            line = json.dumps(row).encode(self._encoding.name)
        self._out.write(line + "\n".encode(self._encoding.name))

    def close(self) -> None:
        """Nothing is left to write."""


plugin = JsonLines()
