"""Spreadsheets, read with calamine: the first sheet with a table, or the sheets called train, validation and test.

A table has a row of names and rows below it. Lines above the names that exports have (a title, a date) are told of.

Every number in a workbook is a double; whole ones are given as integers, as the sheet shows them. Dates become ISO
text, empty cells None. Written with the standard library as a plain workbook of one sheet, without formulas.
"""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO
from xml.sax.saxutils import escape

from autogpt.core import Rejection, Row
from autogpt.errors import SourceError
from autogpt.sources import Item, Note, Request, RowWriter, Split, split_of
from autogpt.sources._packed import ZIP
from autogpt.sources._values import Plain, shown, unique_names

_MOST_ABOVE = 20
"""Rows in which the names of columns are looked for."""


class Xlsx:
    name = "xlsx"
    summary = "spreadsheets (.xlsx .xls .ods)"
    suffixes = (".xlsx", ".xlsm", ".xlsb", ".xls", ".ods")
    takes_query = False

    def accepts(self, source: Any) -> bool:
        return False

    def claims(self, head: bytes) -> bool:
        zipped = head.startswith(ZIP) and re.search(rb"\[Content_Types\]\.xml|xl/|opendocument\.spread", head)
        return bool(zipped) or head.startswith(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1")

    def items(self, source: Any, request: Request) -> Iterator[Item]:
        import python_calamine

        path = Path(source)
        _refuse_bomb(path, request.limits.memory)
        try:
            book = python_calamine.load_workbook(path)
            sheets = book.sheet_names
            named = [name for name in sheets if split_of(name)]
            chosen = named if len(named) > 1 else [_first(book)]
            plain = Plain(request.limits)
            for name in chosen:
                if len(chosen) > 1:
                    yield Split(split_of(name))
                yield from _sheet(path, name, book.get_sheet_by_name(name), plain)
            yield from plain.notes()
        except (python_calamine.CalamineError, OSError, zipfile.BadZipFile) as error:
            raise SourceError(
                f"{path}: the workbook cannot be read ({shown(str(error), 80)}); "
                "open it in a spreadsheet and save it again as .xlsx"
            ) from None
        others = [name for name in sheets if name not in chosen]
        if others:
            yield Note(f"only sheet {', '.join(map(shown, chosen))} is read, not {', '.join(map(shown, others))}")

    def writer(self, out: BinaryIO, like: Path | None, suffix: str) -> RowWriter:
        if suffix != ".xlsx":
            raise SourceError(f"a {suffix} file cannot be written; write .xlsx or .csv")
        return XlsxWriter(out)


def _refuse_bomb(path: Path, limit: int) -> None:
    if not zipfile.is_zipfile(path):
        return  # .xls, or broken: calamine says so
    with zipfile.ZipFile(path) as archive:
        size = sum(part.file_size for part in archive.infolist())
    if size > limit:
        raise SourceError(
            f"{path}: the workbook unpacks to {size:,} bytes, over the limit of {limit:,}; "
            "save it as CSV or raise limits.memory"
        )


def _first(book: Any) -> str:
    """The first sheet with two rows of two cells; of a workbook without such a sheet simply the first."""
    for name in book.sheet_names:
        wide = (row for row in book.get_sheet_by_name(name).iter_rows() if len(_filled(row)) > 1)
        if len(list(islice(wide, 2))) == 2:
            return str(name)
    return str(book.sheet_names[0])


def _filled(cells: Sequence[Any]) -> list[int]:
    """Places of the cells that hold something."""
    return [place for place, cell in enumerate(cells) if cell != ""]


def _header(rows: Sequence[Sequence[Any]]) -> int:
    """The place of the row of names: the first row that is not empty, below lines that have only a first cell.

    Such a line is a name itself where what follows does not look like names: it is not text alone, or is narrower.
    """
    filled = [_filled(row) for row in rows[:_MOST_ABOVE]]
    first = next((place for place, cells in enumerate(filled) if cells), 0)
    names = next((place for place, cells in enumerate(filled) if len(cells) > 1), first)
    alone = all(cells in ([], [0]) for cells in filled[:names])
    texts = [rows[names][place] for place in filled[names]] if filled else []
    named = all(isinstance(text, str) for text in texts) and len(set(texts)) == len(texts)
    return names if alone and named and len(texts) >= max(map(len, filled), default=0) else first


def _sheet(path: Path, name: str, sheet: Any, plain: Plain) -> Iterator[Item]:
    """Rows under the row of names."""
    columns: list[str] | None = None
    empty = 0
    first = 1 + (sheet.start[0] if sheet.start is not None else 0)
    rows = sheet.to_python(skip_empty_area=True)
    header = _header(rows)
    above = [shown(str(row[0])) for row in rows[:header] if _filled(row)]
    if above:
        yield Note(f"what stands above the names of columns in sheet {shown(name)} is no row: {', '.join(above)}")
    for line, cells in enumerate(rows[header:], start=first + header):
        if not any(cell != "" for cell in cells):
            empty += 1
        elif columns is None:
            columns, notes = unique_names(str(_cell(cell)) if cell != "" else "" for cell in cells)
            yield from notes
        else:
            try:
                yield line, plain.row(dict(zip(columns, map(_cell, cells), strict=True)))
            except ValueError as error:
                yield Rejection(str(path), line, str(error))
    if columns is None:
        raise SourceError(f"{path}: sheet {shown(name)}, row 1: '' is all there is; give a header and rows below it")
    if empty:
        yield Note(f"{empty} empty rows of sheet {shown(name)} are no rows")


def _cell(value: Any) -> Any:
    if isinstance(value, str):
        return value or None
    return int(value) if isinstance(value, float) and value.is_integer() and abs(value) < 2**53 else value


_HEAD = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml"
_PARTS = {
    "[Content_Types].xml": f'<Types xmlns="{_PACKAGE}/content-types">'
    '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    f'<Override PartName="/xl/workbook.xml" ContentType="{_TYPE}.sheet.main+xml"/>'
    f'<Override PartName="/xl/worksheets/sheet1.xml" ContentType="{_TYPE}.worksheet+xml"/></Types>',
    "_rels/.rels": f'<Relationships xmlns="{_PACKAGE}/relationships">'
    f'<Relationship Id="r1" Type="{_OFFICE}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
    "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{_PACKAGE}/relationships">'
    f'<Relationship Id="r1" Type="{_OFFICE}/worksheet" Target="worksheets/sheet1.xml"/></Relationships>',
    "xl/workbook.xml": f'<workbook xmlns="{_MAIN}" xmlns:r="{_OFFICE}">'
    '<sheets><sheet name="Sheet1" sheetId="1" r:id="r1"/></sheets></workbook>',
}


class XlsxWriter:
    """One sheet, streamed. Text is written as inline strings, which no spreadsheet runs as a formula."""

    def __init__(self, out: BinaryIO) -> None:
        self._archive = zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED)
        for name, body in _PARTS.items():
            self._archive.writestr(name, _HEAD + body)
        self._sheet = self._archive.open("xl/worksheets/sheet1.xml", "w", force_zip64=True)
        self._sheet.write(f'{_HEAD}<worksheet xmlns="{_MAIN}"><sheetData>'.encode())
        self._columns: list[str] | None = None

    def write(self, row: Row) -> None:
        if self._columns is None:
            self._columns = list(row)
            self._line(self._columns)
        self._line([row.get(column) for column in self._columns])

    def close(self) -> None:
        self._sheet.write(b"</sheetData></worksheet>")
        self._sheet.close()
        self._archive.close()

    def _line(self, cells: list[Any]) -> None:
        self._sheet.write(f"<row>{''.join(map(_xml, cells))}</row>".encode("utf-8", "replace"))


def _xml(value: Any) -> str:
    if value is None:
        return "<c/>"
    if isinstance(value, bool):
        return f'<c t="b"><v>{int(value)}</v></c>'
    if isinstance(value, (int, float)) and abs(value) < 2**53:
        return f"<c><v>{value!r}</v></c>"
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    safe = re.sub(r"_x[0-9A-Fa-f]{4}_|[\x00-\x08\x0b\x0c\x0d\x0e-\x1f\ufffe\uffff]", _coded, text)
    return f'<c t="inlineStr"><is><t xml:space="preserve">{escape(safe)}</t></is></c>'


def _coded(match: re.Match[str]) -> str:
    """What XML cannot hold, in the workbook's own spelling `_x000B_`; text that looks so already is spelled out."""
    found = match.group()
    return f"_x{ord(found):04X}_" if len(found) == 1 else f"_x005F{found}"


plugin = Xlsx()
