"""What every kind of data reads as: values stay as written, encodings and layouts are found, splits are honoured."""

from __future__ import annotations

import gzip
import json
import math
import sqlite3
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from autogpt.core import Table
from autogpt.data.read import SplitColumn, read, split_column, with_splits
from autogpt.errors import OfflineError, SchemaError, SourceError
from autogpt.sources import split_of

pytestmark = pytest.mark.usefixtures("in_process")  # isolation has its own tests

ROWS = [
    {"text": "good, really", "label": "pos"},
    {"text": 'he said "no"', "label": "neg"},
    {"text": "a\nb", "label": ""},
]
CHINESE = "文本,标签\n这个产品非常好，我很喜欢,好评\n质量太差了，不推荐大家买,差评\n"


def write(path: Path, content: str | bytes, encoding: str = "utf-8") -> Path:
    data = content if isinstance(content, bytes) else content.encode(encoding)
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


def rows_of(path: Path) -> list[dict[str, Any]]:
    return [dict(row) for row in read(path).rows]


# --- text stays text


def test_cells_of_a_csv_are_the_text_that_was_written(tmp_path: Path) -> None:
    odd = ["NA", "None", "null", "nan", "001", "1e5", "True", "-0", " padded ", "", "２", "N/A", "#N/A", "1,5"]
    body = "".join(f'"{cell}",x\n' for cell in odd)
    assert [row["label"] for row in read(write(tmp_path / "a.csv", "label,text\n" + body)).rows] == odd


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("comma.csv", 'text,label\n"good, really",pos\n"he said ""no""",neg\n"a\nb",\n'),
        ("tab.tsv", 'text\tlabel\ngood, really\tpos\n"he said ""no"""\tneg\n"a\nb"\t\n'),
        ("tab.csv", 'text\tlabel\ngood, really\tpos\n"he said ""no"""\tneg\n"a\nb"\t\n'),
        ("semicolon.csv", 'text;label\ngood, really;pos\n"he said ""no""";neg\n"a\nb";\n'),
        ("pipe.txt", 'text|label\ngood, really|pos\n"he said ""no"""|neg\n"a\nb"|\n'),
        ("hint.csv", 'sep=;\ntext;label\ngood, really;pos\n"he said ""no""";neg\n"a\nb";\n'),
        ("apostrophe.csv", "'text','label'\n'good, really','pos'\n'he said \"no\"','neg'\n'a\nb',''\n"),
        ("backslash.csv", 'text,label\n"good, really",pos\n"he said \\"no\\"",neg\n"a\nb",\n'),
        ("spaces.csv", 'text, label\n"good, really", "pos"\n"he said ""no""", "neg"\n"a\nb", ""\n'),
        ("caret.csv", 'text^label\ngood, really^pos\n"he said ""no"""^neg\n"a\nb"^\n'),
        ("trailing.csv", 'text,label,\n"good, really",pos,\n"he said ""no""",neg,\n"a\nb",,\n'),
        ("packed.csv.gz", 'text,label\n"good, really",pos\n"he said ""no""",neg\n"a\nb",\n'),
        ("array.json", json.dumps(ROWS)),
        ("indented.json", json.dumps(ROWS, indent=2)),
        ("columns.json", json.dumps({key: [row[key] for row in ROWS] for key in ("text", "label")})),
        ("pandas.json", json.dumps({key: {str(i): r[key] for i, r in enumerate(ROWS)} for key in ("text", "label")})),
        ("wrapped.json", json.dumps({"version": "1", "data": ROWS})),
        ("packed.json.gz", json.dumps(ROWS)),
        ("lines.jsonl", "\n".join(map(json.dumps, ROWS))),
        ("lines.json", "\n".join(map(json.dumps, ROWS))),
        ("array.jsonl", json.dumps(ROWS)),
        ("packed.jsonl.gz", "\n".join(map(json.dumps, ROWS))),
    ],
)
def test_every_layout_reads_as_the_same_rows(name: str, content: str, tmp_path: Path) -> None:
    rows = rows_of(write(tmp_path / name, content))
    for row in rows:
        row.pop("column_3", None)  # the trailing delimiter
    assert rows == ROWS


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_a_line_ends_as_its_system_ends_it(newline: str, tmp_path: Path) -> None:
    table = read(write(tmp_path / "a.csv", f"text,label{newline}a,b{newline}{newline}c,d{newline}"))
    assert list(table.rows) == [{"text": "a", "label": "b"}, {"text": "c", "label": "d"}]
    assert list(table.lines) == [2, 4]
    assert table.notes == ("1 blank lines are no rows",)


@pytest.mark.parametrize(
    "encoding",
    ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "gb18030", "gbk", "gb2312"],
)
def test_chinese_is_read_in_every_encoding(encoding: str, tmp_path: Path) -> None:
    table = read(write(tmp_path / "a.csv", CHINESE.replace("，", "。") if encoding == "gb2312" else CHINESE, encoding))
    assert table.columns == ("文本", "标签")
    assert [row["标签"] for row in table.rows] == ["好评", "差评"]
    assert table.rejected == ()


@pytest.mark.parametrize(
    ("encoding", "text"),
    [
        ("latin-1", "Das Frühstück war großartig, café olé"),
        ("cp1252", "“It’s fine” – naïve, 5 € …"),
        ("cp1251", "очень хороший товар, всем советую"),
        ("koi8-r", "очень хороший товар, всем советую"),
        ("big5", "這個產品非常好，我很喜歡，會再購買。服務態度也很好"),
        ("shift_jis", "この商品はとても良いです。また買いたいと思います"),
        ("euc-kr", "이 제품은 아주 좋아요. 다시 구매하고 싶습니다"),
    ],
)
def test_older_encodings_are_recognised_and_said(encoding: str, text: str, tmp_path: Path) -> None:
    table = read(write(tmp_path / "a.jsonl", f'{{"text": "{text}"}}\n' * 3, encoding))
    assert [row["text"] for row in table.rows] == [text] * 3
    assert any("by the look of its letters" in note for note in table.notes)


def test_a_file_without_a_header_loses_no_row(tmp_path: Path) -> None:
    table = read(write(tmp_path / "a.tsv", "ham\tsee you, later\nspam\twin now\nham\tok\nham\tyes, please\n"))
    assert table.columns == ("column_1", "column_2")
    assert len(table) == 4
    assert any("looks like data" in note for note in table.notes)


def test_plain_lines_are_a_column_of_text(tmp_path: Path) -> None:
    lines = ["I love it, really.", "It is bad; very bad", "ok"]
    assert rows_of(write(tmp_path / "a.txt", "\n".join(lines))) == [{"text": line} for line in lines]
    assert rows_of(write(tmp_path / "b.txt", "review\n" + "\n".join(lines))) == [{"review": line} for line in lines]
    assert rows_of(write(tmp_path / "c.csv", "review\n" + "\n".join(lines))) == [{"review": line} for line in lines]


def test_quotes_are_letters_where_cells_have_none(tmp_path: Path) -> None:
    cells = ['"Alone" it stands', '"never closed', 'at the "end"', 'no"ne']
    tsv = "text\tlabel\n" + "".join(f"{cell}\tx\n" for cell in cells)
    assert [row["text"] for row in read(write(tmp_path / "a.tsv", tsv)).rows] == cells
    assert [row["text"] for row in read(write(tmp_path / "a.txt", "\n".join(cells))).rows] == cells


def test_a_header_in_the_middle_is_no_row(tmp_path: Path) -> None:
    table = read(write(tmp_path / "a.csv", "text,label\na,x\nb,y\n" * 3))
    assert [row["text"] for row in table.rows] == ["a", "b"] * 3
    assert [item.line for item in table.rejected] == [4, 7]


def test_numbers_of_json_stay_numbers_and_absent_cells_are_none(tmp_path: Path) -> None:
    lines = (
        '{"a": 1, "b": 1.5}\n{"a": "1", "c": true}\n{"a": null, "b": [1, {"x": "y"}]}\n{"a": 12345678901234567890}\n'
    )
    table = read(write(tmp_path / "a.jsonl", lines))
    assert list(table.rows) == [
        {"a": 1, "b": 1.5, "c": None},
        {"a": "1", "b": None, "c": True},
        {"a": None, "b": [1, {"x": "y"}], "c": None},
        {"a": 12345678901234567890, "b": None, "c": None},
    ]
    assert "2 rows have no column 'b': it is empty (None) there" in table.notes


# --- other files


def test_parquet_keeps_numbers_and_spells_dates(tmp_path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    columns = {
        "text": ["a", "好", None],
        "n": [1, 2, None],
        "x": [0.5, math.nan, 2.0],
        "day": [date(2024, 1, 2), None, date(2024, 1, 3)],
        "at": [datetime(2024, 1, 2, 3, 4), None, datetime(2024, 1, 2)],
        "price": [Decimal("1.50"), Decimal("2.00"), None],
        "tags": [["O"], [], None],
        "raw": [b"plain", b"\xff\x00", None],
    }
    pq.write_table(pa.table(columns), tmp_path / "a.parquet")
    table = read(tmp_path / "a.parquet")
    first = {"text": "a", "n": 1, "x": 0.5, "day": "2024-01-02", "at": "2024-01-02T03:04:00", "price": 1.5,
             "tags": ["O"], "raw": "plain"}  # fmt: skip
    assert dict(table.rows[0]) == first
    assert table.rows[1]["x"] is None
    assert table.rows[1]["price"] == 2
    assert table.rows[1]["raw"] == "/wA="
    assert [note for note in table.notes if "NaN" in note] == [
        "column 'x': 1 not-a-number cells (NaN) are read as empty"
    ]


def test_a_workbook_reads_as_its_sheet_shows_it(tmp_path: Path) -> None:
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    book.active.append(["text", "n", "day", "yes"])
    book.active.append(["好 = good", 1, datetime(2024, 1, 2), True])
    book.active.append([])
    book.active.append(["001", 1.5, None, None])
    book.create_sheet("notes").append(["x"])
    book.save(tmp_path / "a.xlsx")
    table = read(tmp_path / "a.xlsx")
    assert list(table.rows) == [
        {"text": "好 = good", "n": 1, "day": "2024-01-02", "yes": True},
        {"text": "001", "n": 1.5, "day": None, "yes": None},
    ]
    assert list(table.lines) == [2, 4]
    assert "only sheet 'Sheet' is read, not 'notes'" in table.notes


def test_sheets_named_after_splits_are_splits(tmp_path: Path) -> None:
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    book.active.title = "Train"
    for title in ("Train", "测试集"):
        sheet = book[title] if title in book.sheetnames else book.create_sheet(title)
        sheet.append(["text", "label"])
        sheet.append([title, "x"])
    book.save(tmp_path / "a.xlsx")
    table = read(tmp_path / "a.xlsx")
    assert [(row["text"], split) for row, split in zip(table.rows, table.splits, strict=True)] == [
        ("Train", "train"),
        ("测试集", "test"),
    ]


CONLL = """-DOCSTART- -X- -X- O

# id = 1
EU NNP B-NP B-ORG
rejects VBZ B-VP O
# CD I-NP O

京\u3000 NR B-NP B-LOC

"""


@pytest.mark.parametrize("name", ["a.conll", "a.txt", "a.bio", "noname"])
def test_conll_gives_tokens_and_tags(name: str, tmp_path: Path) -> None:
    table = read(write(tmp_path / name, CONLL))
    assert list(table.rows) == [
        {"tokens": ["EU", "rejects", "#"], "tags": ["B-ORG", "O", "O"]},
        {"tokens": ["京\u3000"], "tags": ["B-LOC"]},
    ]
    assert list(table.lines) == [4, 8]


def test_a_database_gives_what_the_query_selects(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "a.db") as connection:
        connection.execute("CREATE TABLE t (text, n)")
        connection.executemany("INSERT INTO t VALUES (?, ?)", [("a", 1), ("好", None), ("c", 2.5)])
    connection.close()
    query = "SELECT n AS label, text, text FROM t WHERE text <> 'c' ORDER BY text"
    expected = [{"label": 1, "text": "a", "text_2": "a"}, {"label": None, "text": "好", "text_2": "好"}]
    assert list(read(tmp_path / "a.db", query=query).rows) == expected
    assert list(read(f"sqlite:///{tmp_path / 'a.db'}", query=query).rows) == expected
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.db"]


def test_a_duckdb_file_is_read_without_reaching_other_files(tmp_path: Path) -> None:
    duckdb = pytest.importorskip("duckdb")
    with duckdb.connect(tmp_path / "a.duckdb") as connection:
        connection.execute("CREATE TABLE t AS SELECT 'a' AS text, 1 AS label")
    path = tmp_path / "a.duckdb"
    assert list(read(path, query="FROM t").rows) == [{"text": "a", "label": 1}]
    with pytest.raises(SourceError, match="needs a query; its tables are 't'"):
        read(path)
    with pytest.raises(SourceError, match="disabled"):
        read(path, query="FROM '" + str(write(tmp_path / "b.csv", "a,b")) + "'")
    with pytest.raises(SourceError, match="read-only"):
        read(path, query="DELETE FROM t")


# --- memory


def test_a_frame_a_list_and_a_dict_read_alike() -> None:
    import pandas as pd

    frame = pd.DataFrame({"text": ["a", None, "001"], "n": [1, 2, 3], "x": [0.5, None, 1.0]})
    expected = [{"text": "a", "n": 1, "x": 0.5}, {"text": None, "n": 2, "x": None}, {"text": "001", "n": 3, "x": 1.0}]
    assert list(read(frame).rows) == expected
    assert list(read(expected).rows) == expected
    assert list(read({key: [row[key] for row in expected] for key in expected[0]}).rows) == expected
    assert all(type(row["n"]) is int for row in read(frame).rows)
    splits = read({"train": frame, "dev": expected[:1]}).splits
    assert list(splits) == ["train"] * 3 + ["validation"]


def test_a_frame_with_odd_names_and_types_reads() -> None:
    import pandas as pd

    frame = pd.DataFrame([[pd.Timestamp("2024-01-02"), pd.NaT, "x"]], columns=["at", "at", 3])
    frame["kind"] = pd.Categorical(["b"])
    table = read(frame.set_index(pd.Index(["k"], name="key")))
    assert list(table.rows) == [{"at": "2024-01-02T00:00:00", "at_2": None, "3": "x", "kind": "b"}]
    assert any("index (key) is not read" in note for note in table.notes)


def test_a_list_with_something_else_in_it_rejects_that() -> None:
    table = read([{"a": 1}, "b", {"a": object}])
    assert len(table) == 1
    assert [item.line for item in table.rejected] == [2, 3]
    assert "type type" in table.rejected[1].reason


def test_a_table_reads_as_itself() -> None:
    table = read([{"a": "x", "split": "train"}, {"a": "y", "split": "test"}])
    again = read(table)
    assert (again.rows, again.splits, again.lines, again.origin) == (table.rows, table.splits, table.lines, "list")


def test_a_hub_data_set_in_memory_has_its_splits_and_class_names() -> None:
    import datasets

    features = datasets.Features({"text": datasets.Value("string"), "label": datasets.ClassLabel(names=["no", "yes"])})
    part = datasets.Dataset.from_dict({"text": ["a", "b", "c"], "label": [1, 0, -1]}, features=features)
    table = read(datasets.DatasetDict({"train": part, "test": part}))
    assert [row["label"] for row in table.rows] == ["yes", "no", None] * 2
    assert list(table.splits) == ["train"] * 3 + ["test"] * 3
    assert "column 'label': class numbers are read as their names" in table.notes


def test_a_hub_name_needs_the_network_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(OfflineError, match=r"'someone/something' is no file here.*forbids"):
        read("someone/something", offline=True)
    import datasets

    asked: list[Any] = []

    def load(name: str, config: str | None, revision: str | None) -> Any:
        asked.append((name, config, revision))
        if name == "someone/gone":
            raise ConnectionError("no route")
        return datasets.Dataset.from_dict({"text": ["a"]})

    monkeypatch.setattr(datasets, "load_dataset", load)
    assert list(read("someone/something:small", revision="v1").rows) == [{"text": "a"}]
    assert asked == [("someone/something", "small", "v1")]
    with pytest.raises(OfflineError, match="'someone/gone' is no file here, and the Hub cannot be reached"):
        read("someone/gone")


# --- folders


@pytest.mark.parametrize(
    "names",
    [
        ("train.csv", "validation.csv", "test.csv"),
        ("train.tsv", "dev.tsv", "test.tsv"),
        ("train.csv.gz", "val.csv", "test.csv"),
        ("reviews_train.csv", "reviews-valid.csv", "reviews_test.csv"),
        ("训练集.csv", "验证集.csv", "测试集.csv"),
    ],
)
def test_a_folder_has_a_file_for_each_split(names: tuple[str, ...], tmp_path: Path) -> None:
    for name in names:
        write(tmp_path / name, f"text,label\n{name},x\n".replace(",", "\t" if "tsv" in name else ","))
    write(tmp_path / "README.md", "about")
    table = read(tmp_path)
    found = {row["text"]: split for row, split in zip(table.rows, table.splits, strict=True)}
    assert found == dict(zip(names, ("train", "validation", "test"), strict=True))


def test_shards_of_one_split_are_read_in_order(tmp_path: Path) -> None:
    for number in range(3):
        write(tmp_path / f"train-0000{number}-of-00003.jsonl", json.dumps({"n": number}))
    write(tmp_path / "test-00000-of-00001.jsonl", '{"n": 9}')
    table = read(tmp_path)
    assert [(row["n"], split) for row, split in zip(table.rows, table.splits, strict=True)] == [
        (9, "test"), (0, "train"), (1, "train"), (2, "train")
    ]  # fmt: skip


def test_a_rejected_row_of_a_folder_names_its_file(tmp_path: Path) -> None:
    write(tmp_path / "train.csv", "text,label\na,b\nbroken\n")
    write(tmp_path / "test.csv", "text,label\na,b\n")
    assert [(item.origin, item.line) for item in read(tmp_path).rejected] == [(str(tmp_path / "train.csv"), 3)]


# --- the split column


@pytest.mark.parametrize("column", ["split", "Set", "fold", "task", "data_split", "subset", "划分", "Partition "])
@pytest.mark.parametrize(
    "words", [("train", "dev", "test"), ("Training", "VALIDATION", "testing"), ("训练集", "验证", "测试")]
)
def test_a_split_column_is_honoured(column: str, words: tuple[str, ...]) -> None:
    rows = [{"text": str(i), column: words[i % 3]} for i in range(6)]
    table = read(rows)
    assert list(table.splits) == ["train", "validation", "test"] * 2
    assert table.columns == ("text", column)


@pytest.mark.parametrize(
    ("column", "values"),
    [
        ("task", ["train", "train", "train"]),
        ("task", ["train", "test", "summarise"]),
        ("split", ["val", "test", "test"]),
        ("split", ["train", "test", ""]),
        ("fold", ["1", "2", "3"]),
        ("label", ["train", "test", "train"]),
    ],
)
def test_a_column_that_is_plainly_no_split_is_left_alone(column: str, values: list[str]) -> None:
    assert read([{"text": "a", column: value} for value in values]).splits == ()


def test_the_user_decides_what_the_split_column_is() -> None:
    rows = [{"text": "a", "label": "train", "part": "train"}, {"text": "b", "label": "test", "part": ""}]
    columns = ("text", "label", "part")
    assert split_column(columns, rows).name is None
    assert "--split label" in split_column(columns, rows).note
    assert split_column(columns, rows, override="label").splits == ("train", "test")
    assert split_column(columns, rows, override="part").splits == ("train", None)
    assert split_column(columns, rows, override="none") == SplitColumn(note="the split column is ignored, as asked")
    with pytest.raises(SchemaError, match="'size' is not there; choose one of 'text', 'label', 'part'"):
        split_column(columns, rows, override="size")
    with pytest.raises(SchemaError, match="column 'text', row 1: 'a' names no split; allowed are train"):
        split_column(columns, rows, override="text")


def test_none_ignores_a_split_column_and_keeps_the_splits_of_files(tmp_path: Path) -> None:
    table = read([{"text": "a", "split": "train"}, {"text": "b", "split": "test"}])
    assert list(table.splits) == ["train", "test"]
    assert with_splits(table, "none").splits == ()
    write(tmp_path / "train.csv", "text,label\na,b\n")
    write(tmp_path / "test.csv", "text,label\na,b\n")
    assert sorted(map(str, with_splits(read(tmp_path), "none").splits)) == ["test", "train"]


def test_words_for_splits() -> None:
    assert [split_of(word) for word in ("Train", " dev ", "held-out", "trains", "", None, 1)] == [
        "train", "validation", "test", None, None, None, None
    ]  # fmt: skip


# --- nothing to read


@pytest.mark.parametrize("source", [5, None, b"text", "", "what a fine day it is", "x" * 5000, "a\0b"])
def test_what_is_nothing_readable_is_said_with_what_is(source: Any) -> None:
    with pytest.raises(SourceError, match="delimited text"):
        read(source, offline=True)


# --- real data


def test_real_data_sets_read_whole(shared_data: Path) -> None:
    expected = {"mr/all": 10662, "weibo_ner/dev": 270, "stsb/zh_dev": 1500, "nlupp/hotels": 1009}
    for name, count in expected.items():
        table: Table = read(shared_data / f"{name}.jsonl.gz")
        assert (len(table), table.rejected) == (count, ())
