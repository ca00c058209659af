"""How a delimited text file is laid out: delimiter, quotes, header. Found by trying, not by counting characters.

Each candidate is judged by what it is for: the share of records that it splits into as many cells as the header has.
(Python's `csv.Sniffer` counts characters, and takes the commas of a sentence for delimiters.)
"""

from __future__ import annotations

import csv
import re
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from autogpt.core import Rejection
from autogpt.errors import SourceError
from autogpt.sources import Note
from autogpt.sources._values import shown, unique_names

WHOLE_LINE = "\x1f"  # the unit separator, as the delimiter of a file that has one column
_COMMON = ("\t", ",", ";", "|")
_RARE = ("^", "~", "\x01", "¦", "§", "、", ":")  # only where they fit nearly every record
SAMPLE_CHARACTERS, SAMPLE_RECORDS = 1 << 18, 200

_PLAIN = (".txt", "")  # suffixes under which a file may be lines of text
_CELL_LINES = 20_000  # lines of one record, after which a quote counts as never closed
_NAME = re.compile(
    r"(\w+[_ -])?(text|label|class|category|target|sentence|tokens?|tags?|id|score|rating|review|comment|title|content"
    r"|question|answer|query|intent|message|name|date|split|sentiment|topic)s?\d?|[xy]|文本|标签|类别|内容|句子|标题|情感",
    re.IGNORECASE,
)

Line = tuple[int, str]


@dataclass(frozen=True, slots=True)
class Dialect:
    """The layout of a delimited file. `header` is the header row as written, None where the file has none.

    `literal`: quotes are letters like any other, and no cell can hold a delimiter or a line break.
    """

    delimiter: str = ","
    quote: str = '"'
    escape: str | None = None
    skip_space: bool = False
    quote_all: bool = False
    literal: bool = False
    hint: str = ""
    newline: str = "\n"
    header: tuple[str, ...] | None = None
    columns: tuple[str, ...] = ()
    notes: tuple[Note, ...] = ()

    def reader(self, lines: Iterator[str]) -> Iterator[list[str]]:
        return csv.reader(
            lines,
            delimiter=self.delimiter,
            quotechar=self.quote,
            escapechar=self.escape,
            doublequote=self.escape is None,
            skipinitialspace=self.skip_space,
            quoting=csv.QUOTE_NONE if self.literal else csv.QUOTE_MINIMAL,
            strict=True,
        )

    def is_record(self, line: str) -> bool:
        """Whether a line is a whole record: its quotes close, and it closes none that was opened before."""
        if self.quote not in line:
            return True
        if line.count(self.quote) % 2 and self.escape is None:
            return False
        try:
            return len(list(self.reader(iter([line])))) == 1
        except csv.Error:
            return False

    def quoted(self, cell: str, *, alone: bool = False) -> str:
        """A cell as it is written. `alone`: the only cell of its row, where an empty one must show."""
        if self.literal:
            if re.search(rf"[\r\n{re.escape(self.delimiter)}]", cell):
                held = f"{shown(cell)} cannot stand in a file whose cells have no quotes"
                raise SourceError(f"{held}; write another format, such as .jsonl")
            return cell
        special = {self.delimiter, self.quote, self.escape, "\r", "\n"}
        plain = not any(mark in cell for mark in special if mark)
        if plain and not self.quote_all and not (alone and not cell) and not (self.skip_space and cell.startswith(" ")):
            return cell
        if self.escape is not None:
            inner = cell.replace(self.escape, self.escape * 2).replace(self.quote, self.escape + self.quote)
        else:
            inner = cell.replace(self.quote, self.quote * 2)
        return f"{self.quote}{inner}{self.quote}"


class Records:
    """Records of a delimited file. After a broken one, reading goes on with the line after its first.

    A quote that never closes would swallow the rest of the file; the lines that it took are kept until the record is
    whole, and are read again when it is not.
    """

    def __init__(self, lines: Iterator[Line | Rejection], dialect: Dialect, origin: str) -> None:
        self._lines = lines
        self._dialect = dialect
        self._origin = origin
        self._again: deque[Line | Rejection] = deque()
        self._taken: list[Line] = []
        self._refused: Rejection | None = None

    def __iter__(self) -> Iterator[tuple[int, list[str]] | Rejection]:
        reader = self._dialect.reader(self._feed())
        while True:
            self._taken = []
            try:
                cells = next(reader)
            except csv.Error as error:
                first, *others = self._taken
                self._again.extendleft(reversed(others))
                yield Rejection(self._origin, first[0], self._reason(first[1], str(error)))
                reader = self._dialect.reader(self._feed())
            except StopIteration:
                if self._refused is None:
                    return
                yield self._refused
                self._refused = None
                reader = self._dialect.reader(self._feed())
            else:
                yield self._taken[0][0], cells

    def _feed(self) -> Iterator[str]:
        for item in self._source():
            if isinstance(item, Rejection):
                if self._taken:
                    self._again.appendleft(item)
                else:
                    self._refused = item
                return
            if len(self._taken) == _CELL_LINES:
                self._again.appendleft(item)
                return
            self._taken.append(item)
            yield item[1]

    def _source(self) -> Iterator[Line | Rejection]:
        while True:
            if self._again:
                yield self._again.popleft()
            elif (item := next(self._lines, None)) is not None:
                yield item
            else:
                return

    def _reason(self, line: str, error: str) -> str:
        d = self._dialect
        cells = _loose(line, d)
        if "expected after" in error:  # the first cell whose closing quote has text behind it
            q = re.escape(d.quote)
            odd = rf"{q}[^{q}]*(?:{q}{q}[^{q}]*)*{q}[^{re.escape(d.delimiter)}{q}\r\n]"
            before = re.split(odd, line, maxsplit=1)[0]
            cells = cells[: len(_loose(before + "x", d))]
        limit = csv.field_size_limit()
        if "field larger" in error:
            cells = cells[: next((n for n, cell in enumerate(cells, start=1) if len(cell) > limit), len(cells))]
        place = len(cells) - 1
        column = f"column {shown(d.columns[place])}: " if 0 <= place < len(d.columns) else ""
        value = shown(cells[-1].rstrip("\r\n") if cells else line.rstrip("\r\n"))
        if "unexpected end" in error:
            return f"{column}the quote that opens {value} never closes; add the closing {d.quote} or remove the opening"
        if "field larger" in error:
            return f"{column}{value} is over the limit of {limit:,} characters; shorten it or raise limits.field_bytes"
        twice = f"write a quote inside a cell twice ({d.quote}{d.quote})"
        return f"{column}text follows a closing quote in {shown(line.strip())}; {twice}"


def _loose(line: str, dialect: Dialect) -> list[str]:
    """The cells of a line by the rules of a reader that puts up with anything."""
    loose = csv.reader(
        [line], delimiter=dialect.delimiter, quotechar=dialect.quote, skipinitialspace=dialect.skip_space
    )
    limit = csv.field_size_limit(max(len(line), csv.field_size_limit()))
    try:
        return next(loose, [])
    except csv.Error:
        return []
    finally:
        csv.field_size_limit(limit)


def dialect_of(lines: Sequence[str], *, suffix: str, cut: bool) -> Dialect:
    """The layout of the file that begins with these lines. `cut`: there are more lines than these."""
    newline = next((end for end in ("\r\n", "\n", "\r") if lines and lines[0].endswith(end)), "\n")
    hint = re.fullmatch(r"\"?sep=(.)\"?[\r\n]*", lines[0]) if lines else None
    if hint is not None:
        base = Dialect(delimiter=hint[1], hint=lines[0])
        lines = lines[1:]
    else:
        base = Dialect()
    lines = [line for line in lines if line.strip("\r\n")]
    if not lines:
        return base
    if lines[0].startswith("'") and lines[0].count("'") > 1:
        base = replace(base, quote="'")
    base = replace(base, newline=newline)
    chosen, records = _best(base, lines, suffix=suffix, cut=cut, fixed=hint is not None)
    quoted = replace(chosen, quote_all=True)
    if not chosen.literal and quoted.delimiter.join(quoted.quoted(cell) for cell in records[0]) == lines[0].rstrip(
        "\r\n"
    ):
        chosen = quoted
    return _with_header(chosen, records, suffix)


def _best(base: Dialect, lines: list[str], *, suffix: str, cut: bool, fixed: bool) -> tuple[Dialect, list[list[str]]]:
    """The candidate under which most records have the header's number of cells. Plain text needs none."""
    first = lines[0]
    tidy = True  # no quotes are left in the cells
    best, best_share, best_records = base, 0.0, [[first]]
    delimiters = (base.delimiter,) if fixed else _COMMON if any(d in first for d in _COMMON) else _RARE
    for delimiter in delimiters:
        if delimiter not in first:
            continue
        for candidate in _variants(replace(base, delimiter=delimiter), lines):
            share, records = _share(candidate, lines, cut=cut)
            needed = 0.95 if (delimiter in _RARE or suffix in _PLAIN) and not fixed else 0.0
            better = share > best_share + 1e-9 or (candidate.skip_space and share == best_share > 0 and not tidy)
            if better and share >= needed:
                best, best_share, best_records = candidate, share, records
                tidy = not any(_is_quoted(cell, base.quote) for row in records for cell in row)
    if best_share > 0.0:
        return best, best_records
    loud = next((d for d in delimiters if d in first and d in _COMMON), None)
    if loud is None or suffix in _PLAIN:
        return _whole_lines(base, lines, suffix=suffix, cut=cut)
    best = replace(base, delimiter=loud)
    return best, _share(best, lines, cut=cut)[1] or [next(csv.reader([first], delimiter=loud))]


def _whole_lines(base: Dialect, lines: list[str], *, suffix: str, cut: bool) -> tuple[Dialect, list[list[str]]]:
    """One column: lines of text as they stand, or cells that may be quoted, whichever fits more lines."""
    quoted, literal = (replace(base, delimiter=WHOLE_LINE, literal=literal) for literal in (False, True))
    share, records = _share(quoted, lines, cut=cut)
    if suffix in _PLAIN or (share < 1.0 and not any(line.rstrip().endswith(base.quote) for line in lines)):
        return literal, _share(literal, lines, cut=cut)[1]
    return quoted, records or [[lines[0].strip("\r\n")]]


def _is_quoted(cell: str, quote: str) -> bool:
    return len(cell) > 2 and cell.startswith(f" {quote}") and cell.endswith(quote)


def _variants(dialect: Dialect, lines: list[str]) -> Iterator[Dialect]:
    text = "".join(lines)
    yield dialect
    if f"{dialect.delimiter} {dialect.quote}" in text:
        yield replace(dialect, skip_space=True)
    if f"\\{dialect.quote}" in text:
        yield replace(dialect, escape="\\")
    if dialect.delimiter in ("\t", WHOLE_LINE) and dialect.quote in text:
        yield replace(dialect, literal=True)


def _share(dialect: Dialect, lines: list[str], *, cut: bool) -> tuple[float, list[list[str]]]:
    """Share of records with as many cells as the first, which has at least two; and those records."""
    numbered: list[Line | Rejection] = list(enumerate(lines, start=1))
    records = list(Records(iter(numbered), dialect, ""))
    if cut and len(records) > 1:
        records.pop()
    rows = [item[1] for item in records if not isinstance(item, Rejection)]
    if not rows or isinstance(records[0], Rejection):
        return 0.0, []
    width = len(rows[0])
    fitting = [row for row in rows if len(row) == width]
    if width < 2 and dialect.delimiter != WHOLE_LINE:
        return 0.0, fitting
    return (len(fitting) - 1) / (len(records) - 1) if len(records) > 1 else 0.5, fitting


def _with_header(dialect: Dialect, records: list[list[str]], suffix: str) -> Dialect:
    """Column names: from the header row, or numbered where the first row is plainly data."""
    first, others = records[0], records[1:]
    if dialect.delimiter == WHOLE_LINE and suffix in _PLAIN and not re.fullmatch(r"[A-Za-z_]\w{0,30}", first[0]):
        note = Note("the lines have no header: the column is called 'text'")
        return replace(dialect, columns=("text",), notes=(note,))
    if _is_data(first, others):
        columns = tuple(f"column_{place}" for place in range(1, len(first) + 1))
        seen = f"the first row {shown(', '.join(first))} looks like data, not like a header"
        return replace(dialect, columns=columns, notes=(Note(f"{seen}: the columns are called {', '.join(columns)}"),))
    names, notes = unique_names(first)
    return replace(dialect, header=tuple(first), columns=tuple(names), notes=tuple(notes))


def is_column_name(word: str) -> bool:
    """Whether columns are often called so."""
    return _NAME.fullmatch(word.strip()) is not None


def _is_data(first: list[str], others: list[list[str]]) -> bool:
    """A first row with an answer in it: a cell that other rows repeat in that column, or a measured number.

    Not when one of its cells is what columns are called, or when it stands again below (files put together).
    """
    if len(first) < 2 or len(others) < 3 or first in others:
        return False
    called = [place for place, cell in enumerate(first) if is_column_name(cell)]
    if any(sum(row[place] == first[place] for row in others if len(row) == len(first)) < 2 for place in called):
        return False
    for place, cell in enumerate(first):
        values = [row[place] for row in others if len(row) == len(first)]
        if cell.strip() and Counter(values)[cell] >= 2:
            return True
        decimal = r"[+-]?\d+\.\d+"
        if re.fullmatch(decimal, cell) and values and all(re.fullmatch(r"[+-]?\d+(\.\d+)?", v) for v in values):
            return True
    return False
