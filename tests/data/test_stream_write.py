"""Files are streamed in bounded memory and written back in the layout they had, whole or not at all."""

from __future__ import annotations

import csv
import gzip
import json
import os
from datetime import datetime
from decimal import Decimal
from pathlib import Path

import pytest

from autogpt.core import Rejection
from autogpt.data.read import read
from autogpt.data.stream import rows
from autogpt.data.write import writer
from autogpt.errors import ResourceError, SourceError

pytestmark = pytest.mark.usefixtures("in_process")  # isolation has its own tests


def label(source: Path, target: Path, **added: object) -> None:
    """What `predict` does: each usable row with more columns."""
    with writer(target, like=source) as write:
        for _, row in rows(source):
            if not isinstance(row, Rejection):
                write({**row, **added})


def test_a_stream_gives_rows_and_rejections_in_order(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("text,label\na,b\nbroken\nc,d\n", "utf-8")
    found = [(line, item.reason[:6] if isinstance(item, Rejection) else dict(item)) for line, item in rows(path)]
    assert found == [(2, {"text": "a", "label": "b"}), (3, "1 cell"), (4, {"text": "c", "label": "d"})]


def test_a_folder_is_no_stream(tmp_path: Path) -> None:
    for split in ("train", "test"):
        (tmp_path / f"{split}.csv").write_text("a,b\nc,d\n", "utf-8")
    with pytest.raises(SourceError, match="only one file at a time"):
        list(rows(tmp_path))


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", 'text,label\r\n"a, b",pos\r\n"c ""d""",neg\r\n'),
        ("a.csv", 'sep=;\ntext;label\na, b;pos\n"c ""d""";neg\n'),
        ("a.tsv", "text\tlabel\na, b\tpos\nc 'd'\tneg\n"),
        ("a.csv", "'text','label'\n'a, b','pos'\n'c ''d''','neg'\n"),
        ("a.csv", " text ,,label\na,x,pos\nb,y,neg\n"),
        ("a.csv.gz", "text,label\na,pos\nb,neg\n"),
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_csv_comes_back_in_its_own_layout(name: str, content: str, encoding: str, tmp_path: Path) -> None:
    source, target = tmp_path / f"in_{name}", tmp_path / f"out_{name}"
    data = content.encode(encoding)
    source.write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
    label(source, target, answer="x")
    written = target.read_bytes()
    written = gzip.decompress(written) if name.endswith(".gz") else written
    assert written[:2] == data[:2]
    end = "\r\n" if "\r\n" in content else "\n"
    delimiter = ";" if "sep=;" in content else "\t" if "tsv" in name else ","
    hint = 1 if "sep=" in content else 0
    before, after = content.strip().split(end), written.decode(encoding).strip().split(end)
    assert after[hint].replace("'", "").endswith(f"{delimiter}answer")
    assert [list(row.values()) for row in read(target).rows] == [[*row.values(), "x"] for row in read(source).rows]
    assert after[hint].startswith(before[hint])


def test_chinese_comes_back_in_gb18030(tmp_path: Path) -> None:
    source = tmp_path / "a.csv"
    source.write_bytes("文本,标签\n这个产品非常好,好评\n质量太差了,差评\n".encode("gb18030"))
    label(source, tmp_path / "b.csv", 答案="好评")
    assert (tmp_path / "b.csv").read_bytes().decode("gb18030") == (
        "文本,标签,答案\n这个产品非常好,好评,好评\n质量太差了,差评,好评\n"
    )


def test_a_letter_that_the_encoding_lacks_is_an_error_and_no_file(tmp_path: Path) -> None:
    source = tmp_path / "a.csv"
    source.write_bytes("text,label\ncafé,ja\nolé,nein\n".encode("cp1252"))
    with pytest.raises(SourceError, match=r"'好' of row .* cannot be written in cp1252.*save the input as UTF-8"):
        label(source, tmp_path / "b.csv", answer="好")
    assert [path.name for path in tmp_path.iterdir()] == ["a.csv"]


def test_what_a_spreadsheet_would_run_is_disarmed_in_new_columns_only(tmp_path: Path) -> None:
    source, target = tmp_path / "a.csv", tmp_path / "b.csv"
    source.write_text('text,label\n"=1+1",-2\n@me,+x\n', "utf-8")
    answers = ["=cmd|' /C calc'!A0", "+1", "-0.5", "-x", "@sum", "\tx", "＝1", "fine", -0.25, None, True]
    with writer(target, like=source) as write:
        for answer in answers:
            write({"text": "=1+1", "label": "-2", "answer": answer})
    with target.open(newline="", encoding="utf-8") as file:
        cells = [row["answer"] for row in csv.DictReader(file)]
    assert cells == ["'=cmd|' /C calc'!A0", "+1", "-0.5", "'-x", "'@sum", "'\tx", "'＝1", "fine", "-0.25", "", "true"]
    label(source, target, answer="x")
    assert [(row["text"], row["label"]) for row in read(target).rows] == [("=1+1", "-2"), ("@me", "+x")]


@pytest.mark.parametrize("name", ["a.jsonl", "a.jsonl.gz", "a.json"])
def test_json_comes_back_with_its_types(name: str, tmp_path: Path) -> None:
    given = [
        {"text": "好\n", "n": 1, "x": 1.5, "tags": ["O", {"a": None}]},
        {"text": "b", "n": None, "x": 2.0, "tags": []},
    ]
    text = json.dumps(given) if ".jsonl" not in name else "\n".join(map(json.dumps, given))
    source, target = tmp_path / name, tmp_path / f"out_{name}"
    source.write_bytes(gzip.compress(text.encode()) if name.endswith("gz") else text.encode())
    label(source, target, label="=x", confidence=0.5)
    assert list(read(target).rows) == [{**row, "label": "=x", "confidence": 0.5} for row in given]
    raw = gzip.decompress(target.read_bytes()) if name.endswith("gz") else target.read_bytes()
    assert "好".encode() in raw


def test_parquet_comes_back_with_its_types(tmp_path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    columns = {
        "text": pa.array(["a", None] * 700),
        "small": pa.array([1, None] * 700, pa.int8()),
        "at": pa.array([datetime(2024, 1, 2, 3, 4, 5, 6), None] * 700, pa.timestamp("us")),
        "price": pa.array([Decimal("1.50"), None] * 700, pa.decimal128(10, 2)),
        "kind": pa.array(["x", None] * 700).dictionary_encode(),
        "tags": pa.array([["O"], None] * 700),
        "raw": pa.array([b"abc", None] * 700, pa.binary()),
    }
    source, target = tmp_path / "a.parquet", tmp_path / "b.parquet"
    pq.write_table(pa.table(columns), source)
    label(source, target, label="y", confidence=0.25)
    before, after = pq.read_table(source), pq.read_table(target)
    assert after.column_names == [*before.column_names, "label", "confidence"]
    assert after.select(before.column_names).equals(before)
    assert after["confidence"].to_pylist() == [0.25] * 1400


def test_a_workbook_comes_back_as_a_workbook_without_formulas(tmp_path: Path) -> None:
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    given = [["text", "n"], ['好 <b> & "c"', 1], [" two\nlines ", 2.5]]
    for row in given:
        book.active.append(row)
    book.save(tmp_path / "a.xlsx")
    label(tmp_path / "a.xlsx", tmp_path / "b.xlsx", label="=1+1", sure=True)
    sheet = openpyxl.load_workbook(tmp_path / "b.xlsx").active
    assert [list(row) for row in sheet.iter_rows(values_only=True)][1:] == [[*row, "=1+1", True] for row in given[1:]]
    assert sheet["C2"].data_type != "f"
    odd = ["_x0041_", "bell \x07", "a\rb", "]]>"]
    with writer(tmp_path / "c.xlsx") as write:
        for text in odd:
            write({"text": text})
    assert [row["text"] for row in read(tmp_path / "c.xlsx").rows] == odd


def test_conll_comes_back_with_the_new_tags_behind(tmp_path: Path) -> None:
    source, target = tmp_path / "a.conll", tmp_path / "b.conll"
    source.write_text("EU\tB-ORG\nx\tO\n\n好\tO\n\n", "utf-8")
    with writer(target, like=source) as write:
        for _, row in rows(source):
            assert not isinstance(row, Rejection)
            write({**row, "predicted": ["O"] * len(row["tokens"]), "confidence": 0.5})
    assert target.read_text("utf-8") == "EU\tB-ORG\tO\nx\tO\tO\n\n好\tO\tO\n\n"


def test_another_suffix_is_another_format(tmp_path: Path) -> None:
    source = tmp_path / "a.csv"
    source.write_text("text,label\n001,x\n", "utf-8")
    label(source, tmp_path / "b.jsonl", n=1)
    assert (tmp_path / "b.jsonl").read_text("utf-8") == '{"text": "001", "label": "x", "n": 1}\n'
    label(source, tmp_path / "noname", n=1)
    assert (tmp_path / "noname").read_text("utf-8") == "text,label,n\n001,x,1\n"
    with pytest.raises(SourceError, match=r"sqlite files cannot be written; use \.csv"):
        label(source, tmp_path / "b.db")


def test_one_column_gets_a_second(tmp_path: Path) -> None:
    source = tmp_path / "a.txt"
    source.write_text("I like it, really.\nok then\n", "utf-8")
    label(source, tmp_path / "b.txt", label="pos")
    assert (tmp_path / "b.txt").read_text("utf-8") == 'text,label\n"I like it, really.",pos\nok then,pos\n'


def test_a_file_may_be_written_over_itself(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("text,label\na,x\n", "utf-8")
    label(path, path, answer="y")
    assert path.read_text("utf-8") == "text,label,answer\na,x,y\n"


def test_no_rows_still_give_a_header(tmp_path: Path) -> None:
    source = tmp_path / "a.csv"
    source.write_text("text,label\na,x\n", "utf-8")
    with writer(tmp_path / "b.csv", like=source):
        pass
    assert (tmp_path / "b.csv").read_text("utf-8") == "text,label\n"


@pytest.mark.parametrize("name", ["b.csv", "b.csv.gz", "b.jsonl", "b.json", "b.xlsx", "b.parquet"])
def test_a_failure_leaves_the_old_file_and_nothing_else(name: str, tmp_path: Path) -> None:
    target = tmp_path / name
    target.write_bytes(b"old")

    def fail() -> None:
        with writer(target) as write:
            write({"text": "a"})
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert target.read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_a_full_disk_is_said(tmp_path: Path) -> None:
    with pytest.raises(ResourceError, match=r"no space left.*b\.csv"), writer(tmp_path / "b.csv"):
        raise OSError(28, "No space left on device")
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_is_no_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="does not exist; create it"), writer(tmp_path / "no" / "b.csv"):
        pass
    os.mkfifo(tmp_path / "p.csv")
    with pytest.raises(SourceError, match="is no file"), writer(tmp_path / "p.csv"):
        pass
