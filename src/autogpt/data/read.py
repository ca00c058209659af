"""Anything with rows in it -> `core.Table`, every row accounted for: rows in = used + rejected(line, reason).

Files are parsed in a child process with limits. A value is never changed silently: what is, is said in the notes.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from autogpt.core import Rejection, Row, Table
from autogpt.data import _child, numerals, objects, token_rows
from autogpt.data.kinds import find
from autogpt.errors import SchemaError, SourceError
from autogpt.memory import size as size_of
from autogpt.sources import ROW, Cut, Item, Left, Limits, Note, Part, Request, Split, drawn, split_of
from autogpt.sources._values import shown

__all__ = ["Limits", "SplitColumn", "place", "read", "split_column", "with_splits"]

log = logging.getLogger(__name__)

CELL = 16
"""Bytes that a value counts which is no text."""
WHOLE = Cut(block=1, share=1.0)
_SPLIT_NAME = re.compile(
    r"(^|[_\W\d])(split|splits|set|fold|task|subset|partition|phase|usage|part|dataset|datasplit|mode)([_\W\d]|$)"
    r"|划分|集合|数据集|子集",
    re.IGNORECASE,
)


def read(
    source: Any,
    *,
    query: str | None = None,
    revision: str | None = None,
    offline: bool = False,
    limits: Limits | None = None,
    most: int | None = None,
) -> Table:
    """The rows of a file, folder, database query, frame, list, data set or name.

    `most`: bytes of values to hold. Of a source with more a random part of the rows is drawn while it is read, in
    bounded memory, and where a file can be cut into blocks no more than that part is read; without it such a source is
    refused by its limits. What lies in memory already is never drawn from.
    SourceError says what was wrong and where; OfflineError that a Hub name was given and the network is forbidden.
    """
    request = Request(query=query, revision=revision, offline=offline, limits=limits or Limits())
    is_path = isinstance(source, (str, Path))
    builder = _Builder(_origin(source), is_path, most=most if is_path else None)
    _fill(builder, source, None, request, 0)
    return builder.table()


def _origin(source: Any) -> str:
    if isinstance(source, Table):
        return source.origin
    return str(source) if isinstance(source, (str, Path)) else type(source).__name__


def _fill(builder: _Builder, source: Any, split: str | None, request: Request, depth: int) -> None:
    """Adds the rows of a source, and of its parts."""
    if depth > 3:
        raise SourceError(f"{_origin(source)}: its parts have parts that have parts; give the innermost data")
    builder.split = split
    builder.begin(source)
    request = replace(request, share=builder.share, most=builder.room(source))
    for item in items(source, request, streaming=builder.share < 1):
        if isinstance(item, Part):
            _fill(builder, item.source, item.split or split, request, depth + 1)
        else:
            builder.add(item)


def items(source: Any, request: Request, *, streaming: bool = False) -> Iterator[Item]:
    """What a source contains; files through a child process."""
    found = find(source)
    if request.query is not None and not found.plugin.takes_query and not isinstance(source, Table):
        raise SourceError(f"{_origin(source)}: query {shown(request.query)} is for databases; leave it out")
    if found.note:
        yield Note(found.note)
    if found.is_file:
        yield from _child.parse(found.plugin.name, found.source, request, streaming=streaming)
    else:
        yield from found.plugin.items(found.source, request)


@dataclass
class _Builder:
    """A table under construction."""

    origin: str
    is_path: bool
    split: str | None = None
    rows: list[Row] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)
    dice: list[int] = field(default_factory=list)
    splits: list[str | None] = field(default_factory=list)
    columns: dict[str, int] = field(default_factory=dict)
    rejected: list[Rejection] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    most: int | None = None
    share: float = 1.0
    held: int = 0
    left: int = 0
    size: int = 0
    cut: Cut = WHOLE
    estimated: bool = False

    def begin(self, source: Any) -> None:
        """Draw so small a share, from a file on, that it and those beside it fit."""
        self.size = max(self.size, file_size(source))
        self.cut = WHOLE
        if self.most is not None and self.size > self.most:
            self._thin(self.most / self.size)

    def room(self, source: Any) -> int | None:
        """The part of what may be held that is for this source."""
        return None if self.most is None or not self.size else int(self.most * file_size(source) / self.size)

    def add(self, item: Item) -> None:
        if isinstance(item, tuple):
            line, row = item
            die = line // self.cut.block
            if not drawn(die, self.share):  # a child that began with a larger share
                self.left += 1
                return
            self.rows.append(row)
            self.lines.append(line)
            self.dice.append(die)
            self.splits.append(self.split)
            self._count(row)
            if self.most is not None and self.held > self.most:  # a packed file is larger than it looked
                self._thin(self.share / 2)
        elif isinstance(item, Left):
            self.left += item.count
        elif isinstance(item, Cut):
            self.cut, self.estimated = item, self.estimated or item.estimated
            self._thin(item.share)
        elif isinstance(item, Rejection):
            self.rejected.append(item)
        elif isinstance(item, Note):
            self.notes.append(item.text)
        elif isinstance(item, Split):
            self.split = item.name or self.split

    def _count(self, row: Row) -> None:
        for column in row:
            self.columns[column] = self.columns.get(column, 0) + 1
        if self.most is not None:
            self.held += _bytes(row)

    def _thin(self, share: float) -> None:
        """Draw a smaller share, of what is held as well."""
        if share >= self.share:
            return
        self.share = share
        kept = [place for place, die in enumerate(self.dice) if drawn(die, share)]
        self.left += len(self.lines) - len(kept)
        self.rows, self.lines = [self.rows[place] for place in kept], [self.lines[place] for place in kept]
        self.dice = [self.dice[place] for place in kept]
        self.splits = [self.splits[place] for place in kept]
        self.columns, self.held = {}, 0
        for row in self.rows:
            self._count(row)

    def table(self) -> Table:
        """The finished table; SourceError when no row is usable."""
        if not self.rows:
            raise SourceError(_nothing(self.origin, self.rejected, self.is_path))
        if self.left:
            about = "about " if self.estimated else ""
            told = f"{len(self.rows):,} of {about}{len(self.rows) + self.left:,} rows are drawn at random"
            self.notes.append(f"{told}: more than {size_of(self.most or 0)} of them are not held")
        if self.estimated:
            self.notes.append("most of the file is not read: what is called a row's line is the byte that it begins at")
        columns = tuple(self.columns)
        lacking = {name: len(self.rows) - count for name, count in self.columns.items() if count < len(self.rows)}
        for name, count in lacking.items():
            self.notes.append(f"{count} rows have no column {shown(name)}: it is empty (None) there")
        if lacking:
            self.rows = [{name: row.get(name) for name in columns} for row in self.rows]
        self._join_tokens(columns)
        columns = objects.open_columns(self.rows, columns)
        self.notes += numerals.read(self.rows, columns)
        table = Table(
            rows=self.rows,
            columns=columns,
            origin=self.origin,
            lines=self.lines,
            splits=self.splits if any(self.splits) else (),
            rejected=tuple(self.rejected),
            notes=tuple(dict.fromkeys(self.notes)),
            left=self.left,
            about=self.estimated,
        )
        return with_splits(table)

    def _join_tokens(self, columns: tuple[str, ...]) -> None:
        """Rows of tokens become rows of sentences, where none was left out."""
        found = None if self.left or any(self.splits) else token_rows.joined(self.rows, columns, self.lines)
        if found is not None:
            told = f"{len(self.rows):,} rows of tokens are {len(found[0]):,} sentences, by column {shown(found[2])}"
            self.notes.append(told)
            self.rows, self.lines = found[0], found[1]
            self.splits = self.splits[: len(self.rows)]


def _bytes(row: Row) -> int:
    """What a row counts."""
    return ROW + sum(len(value) if isinstance(value, str) else CELL for value in row.values())


def file_size(source: Any) -> int:
    """Bytes of a file, or of the files in a folder; 0 of whatever else."""
    try:
        path = Path(source) if isinstance(source, (str, Path)) and str(source) else None
        if path is None or not path.is_dir():
            return path.stat().st_size if path is not None and path.is_file() else 0
        return sum(one.stat().st_size for one in path.iterdir() if one.is_file())
    except (OSError, ValueError):
        return 0


def _nothing(origin: str, rejected: Sequence[Rejection], is_path: bool) -> str:
    if not rejected and not is_path:
        return f"{origin}: it has no rows; give at least one"
    if not rejected:
        return f"{origin}: line 2: '' is all there is below the header: there are no rows; add at least one"
    first = "; ".join(place(item, origin) for item in rejected[:3])
    more = f" (and {len(rejected) - 3} more)" if len(rejected) > 3 else ""
    return f"{origin}: none of its {len(rejected)} rows can be used: {first}{more}"


def place(rejection: Rejection, origin: str = "") -> str:
    """`data.csv, line 7: reason`; the file is left out where it is `origin`."""
    file = "" if rejection.origin == origin else rejection.origin
    line = f"line {rejection.line}" if rejection.line is not None else ""
    where = ", ".join(filter(None, (file, line)))
    return f"{where}: {rejection.reason}" if where else rejection.reason


@dataclass(frozen=True, slots=True)
class SplitColumn:
    """The column that names each row's split (None: there is none), the splits, and why."""

    name: str | None = None
    splits: tuple[str | None, ...] = ()
    note: str = ""


def split_column(columns: Sequence[str], rows: Sequence[Row], *, override: str | None = None) -> SplitColumn:
    """The column whose values are train, validation and test (or words like these), if its name says so as well.

    Not one: a column with a single value, with any other value, or without a training row. `override` is
    `config.Columns.split`: a column that must be it (empty cells are of no split), or 'none'.
    """
    if override is not None and override.casefold() == "none":
        return SplitColumn(note="the split column is ignored, as asked")
    if override is not None:
        return _named(columns, rows, override)
    notes = []
    for column in columns:
        splits = _words(rows, column)
        if splits is None:
            continue
        kinds = {split for split in splits if split}
        if len(kinds) < 2 or "train" not in kinds:
            if _SPLIT_NAME.search(column):
                notes.append(f"column {shown(column)} has only {' and '.join(sorted(kinds))} in it: it is no split")
        elif _SPLIT_NAME.search(column):
            return SplitColumn(column, tuple(splits), f"column {shown(column)} names the split of each row")
        else:
            notes.append(f"column {shown(column)} looks like a split; --split {column} uses it as such")
    return SplitColumn(note="; ".join(notes))


def _words(rows: Sequence[Row], column: str) -> list[str | None] | None:
    """The split that each row names, or None as soon as a value is no such word."""
    splits: list[str | None] = []
    for row in rows:
        split = split_of(row.get(column))
        if split is None:
            return None
        splits.append(split)
    return splits or None


def _named(columns: Sequence[str], rows: Sequence[Row], column: str) -> SplitColumn:
    if column not in columns:
        there = ", ".join(map(shown, columns))
        raise SchemaError(f"split column {shown(column)} is not there; choose one of {there}")
    splits: list[str | None] = []
    for number, row in enumerate(rows, start=1):
        value = row.get(column)
        split = split_of(value)
        if split is None and value not in (None, ""):
            raise SchemaError(
                f"column {shown(column)}, row {number}: {shown(value)} names no split; allowed are train, validation "
                "and test (val, dev, 训练集 ...); correct it or choose another column"
            )
        splits.append(split)
    return SplitColumn(column, tuple(splits), f"column {shown(column)} names the split of each row, as asked")


def with_splits(table: Table, override: str | None = None) -> Table:
    """The table with the splits that one of its columns names. Splits of the source itself (files) come first."""
    found = split_column(table.columns, table.rows, override=override)
    notes = (*table.notes, found.note) if found.note and found.note not in table.notes else table.notes
    if override is None and table.splits:
        return table
    if override is not None and override.casefold() == "none":
        inferred = split_column(table.columns, table.rows)
        by_column = bool(table.splits) and tuple(table.splits) == inferred.splits
        notes = tuple(note for note in notes if not by_column or note != inferred.note)
        return replace(table, splits=() if by_column else table.splits, notes=notes)
    return replace(table, splits=list(found.splits) or (), notes=notes)
