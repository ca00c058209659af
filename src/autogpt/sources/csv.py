"""Delimited text: CSV, TSV and their kin, in any encoding, read and written. Cells stay the text that was written.

Nothing is parsed as a number or as missing: `NA`, `None`, `001`, `1e5` and `True` are labels like any other. An empty
cell is the empty string.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO

from autogpt.core import Rejection, Row
from autogpt.errors import SourceError
from autogpt.sources import Item, Note, Request, RowWriter
from autogpt.sources._blocks import lines_of
from autogpt.sources._bytes import Encoding, Lines, encoding_of
from autogpt.sources._dialect import SAMPLE_CHARACTERS, SAMPLE_RECORDS, WHOLE_LINE, Dialect, Line, Records, dialect_of
from autogpt.sources._values import fault, shown

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")


class Csv:
    name = "csv"
    summary = "delimited text (.csv .tsv .tab .psv .txt)"
    suffixes = (".csv", ".tsv", ".tab", ".psv", ".txt")
    takes_query = False

    def accepts(self, source: Any) -> bool:
        return False

    def claims(self, head: bytes) -> bool:
        return False

    def items(self, source: Any, request: Request) -> Iterator[Item]:
        path = Path(source)
        csv.field_size_limit(request.limits.field_bytes)  # csv's own guard is a setting of the (child) process
        encoding = encoding_of(path)
        yield from encoding.notes()
        limit = 4 * request.limits.field_bytes
        dialect = _dialect(path, encoding, limit)
        yield from dialect.notes
        lines = lines_of(path, encoding, request, None if dialect.literal else dialect.is_record)
        yield from lines.begin()
        yield from _rows(iter(lines), dialect, encoding, str(path))
        yield from lines.end()

    def writer(self, out: BinaryIO, like: Path | None, suffix: str) -> RowWriter:
        if like is None:
            return CsvWriter(out, Dialect(delimiter="\t" if suffix in (".tsv", ".tab") else ","), Encoding("utf-8"))
        encoding = encoding_of(like)
        return CsvWriter(out, _dialect(like, encoding, SAMPLE_CHARACTERS), encoding)


def _dialect(path: Path, encoding: Encoding, limit: int) -> Dialect:
    sample: list[str] = []
    size = 0
    lines = Lines(path, encoding, limit)
    for item in lines:
        if not isinstance(item, Rejection):
            sample.append(item[1][:SAMPLE_CHARACTERS])
            size += len(sample[-1])
        if size > SAMPLE_CHARACTERS or len(sample) > SAMPLE_RECORDS:
            break
    if not sample:
        why = lines.damage or "it has no lines"
        raise SourceError(f"{path}: line 1: '' is all there is to read: {why}; give a file with a header and rows")
    dialect = dialect_of(sample, suffix=path.suffix.lower(), cut=len(sample) > SAMPLE_RECORDS)
    for column in dialect.columns:
        if (reason := fault(column, encoding.name)) is not None:
            raise SourceError(f"{path}: line 1: column name {reason}")
    return dialect


def _rows(lines: Iterator[Line | Rejection], dialect: Dialect, encoding: Encoding, origin: str) -> Iterator[Item]:
    """Rows and rejections after the header; blank lines are counted."""
    if dialect.hint:
        next(lines)
    blank = 0
    header = dialect.header is not None
    for record in Records(lines, dialect, origin):
        if isinstance(record, Rejection):
            if header:
                raise SourceError(f"{origin}: line {record.line}: the header cannot be read: {record.reason}")
            yield record
            continue
        line, cells = record
        if len(cells) < 2 and not "".join(cells).strip() and not (cells and len(dialect.columns) == 1):
            blank += 1
        elif header:
            header = False
        elif dialect.header is not None and len(cells) > 1 and tuple(cells) == dialect.header:
            yield Rejection(origin, line, f"the header stands here again ({shown(', '.join(cells))}); remove the line")
        elif (reason := _fault(cells, dialect, encoding)) is not None:
            yield Rejection(origin, line, reason)
        else:
            yield line, dict(zip(dialect.columns, cells, strict=False))
    if blank:
        yield Note(f"{blank} blank lines are no rows")


def _fault(cells: list[str], dialect: Dialect, encoding: Encoding) -> str | None:
    """Why a record cannot be used, or None."""
    wanted = len(dialect.columns)
    if len(cells) < wanted:
        missing = shown(dialect.columns[len(cells)])
        return (
            f"{_count(len(cells))} ({shown(dialect.delimiter.join(cells))}) where the header has {wanted}: "
            f"column {missing} is missing; add it, or quote a cell that contains a line break"
        )
    if len(cells) > wanted and any(cells[wanted:]):
        return (
            f"{_count(len(cells))} where the header has {wanted}: {shown(cells[wanted])} stands behind column "
            f"{shown(dialect.columns[-1])}; put {dialect.quote} around a cell that contains {dialect.delimiter!r}"
        )
    for column, cell in zip(dialect.columns, cells, strict=False):
        if (reason := fault(cell, encoding.name)) is not None:
            return f"column {shown(column)}: {reason}"
    return None


def _count(cells: int) -> str:
    return "1 cell" if cells == 1 else f"{cells} cells"


class CsvWriter:
    """Rows in the dialect and encoding of another file. Its own header stays as written; new columns follow.

    A text that a spreadsheet would run as a formula gets an apostrophe in front, in new columns only: the user's
    own cells are left as they are.
    """

    def __init__(self, out: BinaryIO, dialect: Dialect, encoding: Encoding) -> None:
        self._out = out
        if dialect.delimiter == WHOLE_LINE:
            dialect = replace(dialect, delimiter=",", literal=False)
        self._dialect = dialect
        self._encoding = encoding
        self._own = dialect.columns
        self._added: list[str] | None = None

    def write(self, row: Row) -> None:
        if self._added is None:
            self._start([column for column in row if column not in self._own])
        cells = [_text(row.get(column)) for column in self._own]
        cells += [_harmless(_text(row.get(column))) for column in self._added or ()]
        self._line(cells)

    def close(self) -> None:
        if self._added is None:
            self._start([])

    def _start(self, added: list[str]) -> None:
        self._added = added
        self._out.write(self._encoding.bom)
        if self._dialect.hint:
            self._out.write(self._dialect.hint.encode(self._encoding.name))
        own = self._dialect.header if self._dialect.header is not None else self._own
        self._line([*own, *added])

    def _line(self, cells: list[str]) -> None:
        alone = len(cells) == 1
        line = self._dialect.delimiter.join(self._dialect.quoted(cell, alone=alone) for cell in cells)
        try:
            self._out.write((line + self._dialect.newline).encode(self._encoding.name))
        except UnicodeEncodeError as error:
            raise SourceError(
                f"{shown(line[error.start : error.end])} of row {shown(line)} cannot be written in "
                f"{self._encoding.name}, the encoding of the input; save the input as UTF-8"
            ) from None


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    return json.dumps(value, ensure_ascii=False)


def _harmless(cell: str) -> str:
    number = re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", cell)
    return f"'{cell}" if cell.startswith(_FORMULA) and not number else cell


plugin = Csv()
