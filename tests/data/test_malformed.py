"""Broken and hostile files: no traceback, no hang, every row accounted for, and a message that a person can act on.

A case is a function that makes one file; its decorator says how many rows are used and rejected, and which words the
message must hold: the place, the column or value, and the fix. `used=None`: the whole file is refused.
"""

from __future__ import annotations

import gzip
import json
import os
import random
import sqlite3
import struct
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from autogpt.core import Table
from autogpt.data.read import Limits, place, read
from autogpt.errors import SourceError

GOOD = "text,label\nhello,pos\nbye,neg\n"
OBJECT = '{"text":"a","label":"b"}\n'
MANY = "text,label\n" + "".join(f"row {i} {i * i % 97},{'pos' if i % 2 else 'neg'}\n" for i in range(4000))


@dataclass(frozen=True)
class Case:
    make: Callable[[Path], Path]
    used: int | None
    rejected: int
    says: tuple[str, ...]
    limits: Limits
    query: str | None


CASES: list[Case] = []


def case(
    used: int | None, rejected: int, *says: str, limits: Limits | None = None, query: str | None = None
) -> Callable[[Callable[[Path], Path]], Callable[[Path], Path]]:
    """Registers the function below it."""

    def register(make: Callable[[Path], Path]) -> Callable[[Path], Path]:
        CASES.append(Case(make, used, rejected, says, limits or Limits(timeout=30), query))
        return make

    return register


def file(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


# --- delimited text


@case(None, 0, "empty.csv", "line 1", "''", "the file is empty", "give a file with a header")
def empty_file(folder: Path) -> Path:
    return file(folder, "empty.csv", b"")


@case(None, 0, "mark.csv", "line 2", "''", "no rows", "add at least one")
def only_a_byte_order_mark(folder: Path) -> Path:
    return file(folder, "mark.csv", b"\xef\xbb\xbf\n")


@case(None, 0, "header.csv", "line 2", "''", "no rows", "add at least one")
def only_a_header(folder: Path) -> Path:
    return file(folder, "header.csv", "text,label\n")


@case(1, 0, "column 2", "second 'text'", "called 'text_2'")
def two_columns_of_one_name(folder: Path) -> Path:
    return file(folder, "twins.csv", "text,text,label\na,b,c\n")


@case(1, 0, "column 2", "no name", "called 'column_2'")
def a_column_without_a_name(folder: Path) -> Path:
    return file(folder, "blank.csv", "text,,label\na,b,c\n")


@case(3, 1, "few.csv", "line 4", "'label' is missing", "'only'", "add it")
def a_row_with_too_few_cells(folder: Path) -> Path:
    return file(folder, "few.csv", GOOD + "only\nx,y\n")


@case(3, 1, "many.csv", "line 4", "'label'", "'c'", 'put " around')
def a_row_with_too_many_cells(folder: Path) -> Path:
    return file(folder, "many.csv", GOOD + "a,b,c\nx,y\n")


@case(None, 2, "ragged.csv", "line 2", "'label' is missing", "'a'", "add it")
def every_row_ragged(folder: Path) -> Path:
    return file(folder, "ragged.csv", "text,label\na\nb\n")


@case(8, 1, "quote.csv", "line 4", "column 'text'", "'open,pos'", "never closes", "add the closing")
def a_quote_that_never_closes(folder: Path) -> Path:
    return file(folder, "quote.csv", GOOD + '"open,pos\n' + "a,b\n" * 6)


@case(4, 1, "inner.csv", "line 4", "column 'label'", '"b"c', "write a quote inside a cell twice")
def text_behind_a_closing_quote(folder: Path) -> Path:
    return file(folder, "inner.csv", GOOD + 'a,"b"c\nx,y\n"q",z\n')


@case(None, 0, "head.csv", "line 1", "'text,label'", "never closes", "add the closing")
def a_header_whose_quote_never_closes(folder: Path) -> Path:
    return file(folder, "head.csv", '"text,label\na,b\nc,d\n')


@case(3, 1, "nul.csv", "line 4", "column 'text'", "'a\\x00b'", "NUL", "remove it")
def a_nul_byte(folder: Path) -> Path:
    return file(folder, "nul.csv", GOOD + "a\0b,pos\nz,neg\n")


@case(3, 1, "long.csv", "line 4", "50,000,005 characters", "shorten its longest cell")
def a_cell_of_fifty_megabytes(folder: Path) -> Path:
    return file(folder, "long.csv", GOOD + "x" * 50_000_000 + ",pos\nz,neg\n")


@case(3, 1, "cell.csv", "line 4", "column 'text'", "'xxxxx", "limit of 1,000 ", "shorten it",
      limits=Limits(field_bytes=1000))  # fmt: skip
def a_cell_over_the_limit(folder: Path) -> Path:
    return file(folder, "cell.csv", GOOD + '"' + "x" * 1500 + '",pos\nz,neg\n')


@case(5, 1, "byte.csv", "line 7", "column 'text'", "0xff", "caf", "not utf-8", "save the file as UTF-8")
def a_byte_that_is_not_utf8(folder: Path) -> Path:
    return file(folder, "byte.csv", "文本,label\n".replace("文本", "text").encode() + "中文很好,pos\n".encode() * 5
                + b"caf\xff,pos\n")  # fmt: skip


@case(2, 1, "odd.csv", "line 4", "utf-16-le", "truncated", "save the file as UTF-8")
def utf16_that_ends_in_half_a_letter(folder: Path) -> Path:
    return file(folder, "odd.csv", "text,label\nä,b\nc,d\n".encode("utf-16") + b"x")


@case(None, 0, "garbage.csv", "line 1", "b'", "binary data", "give a CSV")
def binary_garbage(folder: Path) -> Path:
    return file(folder, "garbage.csv", random.Random(0).randbytes(20_000))


@case(None, 0, "1,000 rows", "limit", "raise limits.rows", limits=Limits(rows=1000))
def more_rows_than_allowed(folder: Path) -> Path:
    return file(folder, "rows.csv", MANY)


# --- gzip


@case(2034, 1, "cut.csv.gz", "line 2036", "ends early", "fetch or pack the file again")
def gzip_that_is_cut(folder: Path) -> Path:
    packed = gzip.compress(MANY.encode(), 0, mtime=0)  # stored as is: half the bytes, half the rows
    return file(folder, "cut.csv.gz", packed[: len(packed) // 2])


@case(None, 0, "wrong.csv.gz", "near line", "incorrect data check", "any row before it may be wrong", "pack the file")
def gzip_with_a_wrong_checksum(folder: Path) -> Path:
    packed = bytearray(gzip.compress(MANY.encode(), mtime=0))
    packed[-6] ^= 0xFF
    return file(folder, "wrong.csv.gz", bytes(packed))


@case(4000, 1, "tail.csv.gz", "line 4002", "damaged", "pack the file again")
def gzip_with_garbage_behind(folder: Path) -> Path:
    return file(folder, "tail.csv.gz", gzip.compress(MANY.encode(), mtime=0) + b"garbage")


@case(None, 2, "bomb.csv.gz", "line 2", "decompression bomb", "unpack it yourself")
def a_decompression_bomb(folder: Path) -> Path:
    member = gzip.compress(b"0" * 10_000_000, mtime=0)
    return file(folder, "bomb.csv.gz", gzip.compress(b"text,label\n", mtime=0) + member * 30)


# --- JSON


@case(1, 1, "cut.json", "line 2 of the file", 'c","lab', "repair it there")
def json_that_is_cut(folder: Path) -> Path:
    return file(folder, "cut.json", '[{"text":"a","label":"b"},\n{"text":"c","lab')


@case(None, 1, "deep.json", "line 1", "nested too deeply", "flatten it")
def json_nested_without_end(folder: Path) -> Path:
    return file(folder, "deep.json", '[{"a":' + "[" * 100_000)


@case(None, 0, "uneven.json", "'a' has 2", "'b' has 1", "make them equal")
def json_columns_of_unequal_length(folder: Path) -> Path:
    return file(folder, "uneven.json", '{"a":[1,2],"b":[1]}')


@case(None, 0, "scalar.json", "line 1", "'5'", 'give [{"text"')
def json_that_is_a_number(folder: Path) -> Path:
    return file(folder, "scalar.json", "5")


@case(2, 1, "mixed.json", "line 2", "'5' is no object", 'give [{"text"')
def json_with_a_number_among_the_objects(folder: Path) -> Path:
    return file(folder, "mixed.json", '[{"a":1},5,{"a":2}]')


@case(None, 0, "two.json", "line 1", "'x', 'y'", "keep only one")
def json_with_two_tables(folder: Path) -> Path:
    return file(folder, "two.json", '{"x":[{"a":1}],"y":[{"a":2}]}')


@case(1, 1, "comma.json", "line 2 of the file", '{"a":2}', "comma", "repair it there")
def json_without_a_comma(folder: Path) -> Path:
    return file(folder, "comma.json", '[{"a":1}\n{"a":2}]')


@case(1, 1, "behind.json", "line 1 of the file", "'x' stands behind the end", "repair it there")
def json_with_text_behind_it(folder: Path) -> Path:
    return file(folder, "behind.json", '[{"a":1}] x')


# --- JSON Lines


@case(2, 1, "bare.jsonl", "line 2", "column 13", "label:3", "one object such as")
def jsonl_with_a_broken_line(folder: Path) -> Path:
    return file(folder, "bare.jsonl", OBJECT + '{"text":"a",label:3}\n' + OBJECT)


@case(1, 1, "cut.jsonl", "line 2", 'a","la', "one object such as")
def jsonl_that_is_cut(folder: Path) -> Path:
    return file(folder, "cut.jsonl", OBJECT + '{"text":"a","la')


@case(2, 1, "list.jsonl", "line 2", "'[\"a\"]' is no object", "one object such as")
def jsonl_with_a_list(folder: Path) -> Path:
    return file(folder, "list.jsonl", OBJECT + '["a"]\n' + OBJECT)


@case(2, 1, "two.jsonl", "line 2", "column 25", "stands behind the object", "one object such as")
def jsonl_with_two_objects_on_a_line(folder: Path) -> Path:
    return file(folder, "two.jsonl", OBJECT + OBJECT.strip() * 2 + "\n" + OBJECT)


@case(1, 1, "keys.jsonl", "line 2", "column 'text' stands twice", "keep one")
def jsonl_with_a_repeated_key(folder: Path) -> Path:
    return file(folder, "keys.jsonl", OBJECT + '{"text":"a","text":"b"}\n')


@case(1, 1, "digits.jsonl", "line 2", "4,300 digits", "write it as text")
def jsonl_with_an_endless_integer(folder: Path) -> Path:
    return file(folder, "digits.jsonl", OBJECT + '{"text":' + "9" * 5000 + "}\n")


@case(3, 0, "column 'score'", "1 not-a-number", "read as empty")
def jsonl_with_nan_and_infinity(folder: Path) -> Path:
    return file(folder, "nan.jsonl", '{"score":NaN}\n{"score":Infinity}\n{"score":1}\n')


@case(1, 1, "half.jsonl", "line 2", "column 'text'", "\\ud800", "half of a surrogate pair", "remove it")
def jsonl_with_half_a_surrogate_pair(folder: Path) -> Path:
    return file(folder, "half.jsonl", OBJECT + '{"text":"\\ud800x"}\n')


@case(1, 1, "deep.jsonl", "line 2", "nested too deeply", "flatten it")
def jsonl_nested_deeply(folder: Path) -> Path:
    return file(folder, "deep.jsonl", OBJECT + '{"a":' + "[" * 50_000 + "]" * 50_000 + "}\n")


@case(1, 1, "levels.jsonl", "line 2", "column 'a'", "deeper than 100 levels", "flatten it")
def jsonl_nested_more_than_a_hundred_times(folder: Path) -> Path:
    return file(folder, "levels.jsonl", OBJECT + '{"a":' + "[" * 200 + "]" * 200 + "}\n")


# --- Parquet and workbooks


def parquet(path: Path, rows: int) -> Path:
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pa.table(
        {"text": [f"a text {i * 7919 % 1013}" for i in range(rows)], "label": [i % 3 for i in range(rows)]}
    )
    pq.write_table(table, path, row_group_size=500, use_dictionary=False, compression="none", data_page_size=1024)
    return path


@case(None, 0, "cut.parquet", "footer", "magic bytes", "write it again")
def parquet_that_is_cut(folder: Path) -> Path:
    path = parquet(folder / "cut.parquet", 1000)
    path.write_bytes(path.read_bytes()[:-100])
    return path


@case(None, 0, "garbage.parquet", "footer", "write it again")
def parquet_that_is_garbage(folder: Path) -> Path:
    return file(folder, "garbage.parquet", b"PAR1" + random.Random(1).randbytes(5000) + b"PAR1")


@case(500, 500, "page.parquet", "line 501", "rows 501 to 1000 cannot be read", "write it again")
def parquet_with_a_damaged_page(folder: Path) -> Path:
    import pyarrow.parquet as pq

    path = parquet(folder / "page.parquet", 1000)
    start = pq.ParquetFile(path).metadata.row_group(1).column(0).data_page_offset
    data = bytearray(path.read_bytes())
    data[start : start + 40] = b"\xff" * 40
    path.write_bytes(bytes(data))
    return path


def workbook(path: Path, sheet: str) -> Path:
    """A workbook of one sheet with this XML inside."""
    from autogpt.sources import xlsx

    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, body in xlsx._PARTS.items():
            archive.writestr(name, xlsx._HEAD + body)
        body = f'<worksheet xmlns="{xlsx._MAIN}"><sheetData>{sheet}</sheetData></worksheet>'
        archive.writestr("xl/worksheets/sheet1.xml", xlsx._HEAD + body)
    return path


def cell(place: str, text: str) -> str:
    return f'<c r="{place}" t="inlineStr"><is><t>{text}</t></is></c>'


@case(None, 0, "cut.xlsx", "workbook cannot be read", "save it again")
def a_workbook_that_is_cut(folder: Path) -> Path:
    path = workbook(folder / "cut.xlsx", f"<row>{cell('A1', 'text')}</row>")
    path.write_bytes(path.read_bytes()[:-50])
    return path


@case(None, 0, "sheet.xlsx", "row 1", "''", "give a header")
def a_workbook_without_cells(folder: Path) -> Path:
    return workbook(folder / "sheet.xlsx", "")


@case(None, 0, "bomb.xlsx", "unpacks to", "limit", "save it as CSV", limits=Limits(memory=10_000_000, timeout=30))
def a_workbook_that_unpacks_to_a_lot(folder: Path) -> Path:
    return workbook(folder / "bomb.xlsx", f"<row>{cell('A1', 'x' * 12_000_000)}</row>")


@case(None, 0, "far.xlsx", "limit", "raise limits.memory", limits=Limits(memory=200_000_000, timeout=30))
def a_workbook_with_a_cell_far_away(folder: Path) -> Path:
    rows = f"<row r='1'>{cell('A1', 'text')}</row><row r='1048576'>{cell('XFD1048576', 'x')}</row>"
    return workbook(folder / "far.xlsx", rows)


@case(None, 0, "zip.xlsx", "workbook cannot be read", "save it again")
def a_zip_called_workbook(folder: Path) -> Path:
    with zipfile.ZipFile(folder / "zip.xlsx", "w") as archive:
        archive.writestr("a.txt", "hi")
    return folder / "zip.xlsx"


# --- CoNLL


@case(2, 1, "tag.conll", "line 4", "column 'tags'", "'foo' has no tag", "write token, tab, tag")
def conll_without_a_tag(folder: Path) -> Path:
    return file(folder, "tag.conll", "EU\tB-ORG\nx\tO\n\nfoo\nbar\tO\n\nGermany\tB-LOC\n")


@case(1, 1, "token.conll", "line 3", "column 'tokens'", "'O' has no token", "write token, tab, tag")
def conll_without_a_token(folder: Path) -> Path:
    return file(folder, "token.conll", "EU\tB-ORG\n\n\tO\n")


# --- databases


def database(path: Path) -> Path:
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE notes (text, label)")
        connection.execute("INSERT INTO notes VALUES ('a', 1)")
    connection.close()
    return path


@case(None, 0, "notes.db", "needs a query", "'notes'", "give query=")
def a_database_without_a_query(folder: Path) -> Path:
    return database(folder / "notes.db")


@case(None, 0, "notes.db", "'SELECT * FROM nots'", "no such table", "'notes'", "give one SELECT",
      query="SELECT * FROM nots")  # fmt: skip
def a_database_without_that_table(folder: Path) -> Path:
    return database(folder / "notes.db")


@case(None, 0, "notes.db", "not authorized", "give one SELECT", query="DELETE FROM notes")
def a_query_that_writes(folder: Path) -> Path:
    return database(folder / "notes.db")


@case(None, 0, "notes.db", "more than 1 s", "raise limits.timeout", limits=Limits(timeout=1),
      query="WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n) SELECT max(i) FROM n")  # fmt: skip
def a_query_that_never_ends(folder: Path) -> Path:
    return database(folder / "notes.db")


@case(None, 0, "page.db", "malformed", "intact database", query="SELECT * FROM notes")
def a_database_with_a_damaged_page(folder: Path) -> Path:
    path = database(folder / "page.db")
    data = bytearray(path.read_bytes())
    data[4096:4200] = b"\xff" * 104
    path.write_bytes(bytes(data))
    return path


@case(None, 0, "leave it out", "'SELECT 1'", query="SELECT 1")
def a_query_on_a_table_file(folder: Path) -> Path:
    return file(folder, "a.csv", GOOD)


# --- paths


@case(None, 0, "revews.csv", "no such file", "'reviews.csv'")
def a_misspelt_name(folder: Path) -> Path:
    file(folder, "reviews.csv", GOOD)
    return folder / "revews.csv"


@case(None, 0, "pipe.csv", "is a pipe", "save its contents to a file")
def a_named_pipe(folder: Path) -> Path:
    os.mkfifo(folder / "pipe.csv")
    return folder / "pipe.csv"


@case(None, 0, "loop.csv", "leads back to itself", "give the file")
def a_link_to_itself(folder: Path) -> Path:
    (folder / "loop.csv").symlink_to(folder / "loop.csv")
    return folder / "loop.csv"


@case(None, 0, "link.csv", "nowhere", "does not exist", "give the file")
def a_link_to_nowhere(folder: Path) -> Path:
    (folder / "link.csv").symlink_to(folder / "nowhere")
    return folder / "link.csv"


@case(None, 0, "has no files", "put train.csv")
def an_empty_folder(folder: Path) -> Path:
    return folder


@case(None, 0, "no file is called train.*", "a.csv, b.csv", "rename the files")
def a_folder_of_unknown_files(folder: Path) -> Path:
    file(folder, "a.csv", GOOD)
    file(folder, "b.csv", GOOD)
    return folder


@case(None, 0, "train.csv, train.jsonl", "train split", "keep one of them")
def a_folder_with_one_split_twice(folder: Path) -> Path:
    file(folder, "train.csv", GOOD)
    file(folder, "train.jsonl", OBJECT)
    return folder


@case(None, 0, "parts.zip", "ZIP archive", "unpack it")
def an_archive(folder: Path) -> Path:
    with zipfile.ZipFile(folder / "parts.zip", "w") as archive:
        archive.writestr("a.csv", GOOD)
        archive.writestr("b.csv", GOOD)
    return folder / "parts.zip"


def outcome(case: Case, path: Path) -> tuple[int | None, int, str]:
    """(rows used, rows rejected, all that was said)."""
    try:
        table = read(path, limits=case.limits, query=case.query)
    except SourceError as error:
        text = str(error)
        counted = text.split("none of its ")[1].split(" rows")[0] if "none of its " in text else "0"
        return None, int(counted), text
    said = [place(item) for item in table.rejected] + list(table.notes)
    return len(table), len(table.rejected), "\n".join(said)


def test_there_are_at_least_forty() -> None:
    assert len({case.make.__name__ for case in CASES}) >= 40


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.make.__name__)
def test_a_broken_file_is_accounted_for_and_explained(case: Case, tmp_path: Path) -> None:
    path = case.make(tmp_path)
    used, rejected, said = outcome(case, path)
    assert (used, rejected) == (case.used, case.rejected), said
    for words in case.says:
        assert words in said
    assert all(line.isprintable() for line in said.split("\n"))
    assert "Traceback" not in said
    assert max(map(len, said.split("\n"))) < 1500


def test_what_is_rejected_is_named_with_its_line_so_that_it_can_be_found(tmp_path: Path) -> None:
    table: Table = read(file(tmp_path, "a.csv", "text,label\nx\n" + "good,row\n" * 3 + "too,many,cells\n"))
    assert [(item.line, item.origin) for item in table.rejected] == [(2, str(tmp_path / "a.csv")), (6, table.origin)]
    assert list(table.lines) == [3, 4, 5]


def test_a_parser_that_dies_is_an_error_of_the_file(tmp_path: Path) -> None:
    """A page header that sends some pyarrow versions out of bounds; whatever happens there, the caller lives."""
    path = parquet(tmp_path / "wild.parquet", 1000)
    data = bytearray(path.read_bytes())
    rng = random.Random(3)
    for _ in range(60):
        data[rng.randrange(4, len(data) - 8)] ^= 1 << rng.randrange(8)
    footer = struct.unpack("<I", data[-8:-4])[0]
    assert footer < len(data)
    path.write_bytes(bytes(data))
    used, rejected, said = outcome(Case(lambda p: p, None, 0, (), Limits(timeout=20), None), path)
    assert (used or 0) + rejected == 1000 or (used is None and said)


def test_nothing_that_a_message_quotes_can_break_a_line_or_a_terminal(tmp_path: Path) -> None:
    rows = [json.dumps({"text": "ok"}), json.dumps({"te\x1b[31mxt\n": "a\0\r\n\x1b[2J"})]
    table = read(file(tmp_path, "ansi.jsonl", "\n".join(rows)))
    assert place(table.rejected[0]).isprintable()
