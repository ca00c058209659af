"""Sources that are larger than memory: a part of the rows is drawn at random, and none is lost count of."""

import codecs
import gzip
import json
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from autogpt.config import Columns
from autogpt.core import Rejection
from autogpt.data.profile import profile
from autogpt.data.read import read
from autogpt.pipeline import prepare
from autogpt.sources import ROW, _blocks, drawn
from autogpt.sources._bytes import Encoding, Lines

ROWS = 6_000


def lines(first: int = 0, count: int = ROWS) -> list[dict[str, str]]:
    return [
        {"text": f"message number {place} of many", "kind": "ab"[place % 2]} for place in range(first, first + count)
    ]


def write(path: Path, rows: list[dict[str, str]]) -> Path:
    content = "\n".join(json.dumps(row) for row in rows) + "\n"
    if path.suffix == ".csv":
        content = "text,kind\n" + "".join(f'"{row["text"]}",{row["kind"]}\n' for row in rows)
    packed = gzip.compress(content.encode()) if path.suffix == ".gz" else content.encode()
    path.write_bytes(packed)
    return path


@given(st.integers(0, 1 << 40), st.floats(0.001, 1), st.floats(0.001, 1))
def test_rows_of_a_smaller_share_are_among_those_of_a_larger_one(line: int, one: float, other: float) -> None:
    assert not drawn(line, min(one, other)) or drawn(line, max(one, other))


@pytest.mark.parametrize("share", [0.01, 0.3, 0.9, 1.0])
def test_a_share_is_that_share_of_any_stretch(share: float) -> None:
    for first in (0, 1_000_000):
        count = sum(drawn(line, share) for line in range(first, first + 20_000))
        assert count == pytest.approx(share * 20_000, abs=4 * (20_000 * share * (1 - share)) ** 0.5)
    odd = sum(drawn(line, share) for line in range(1, 40_000, 2))
    assert odd == pytest.approx(share * 20_000, abs=4 * (20_000 * share * (1 - share)) ** 0.5), "every second row"


@pytest.mark.parametrize("name", ["messages.jsonl", "messages.csv", "messages.jsonl.gz"])
def test_a_part_is_drawn_that_can_be_held(name: str, tmp_path: Path) -> None:
    path = write(tmp_path / name, lines())
    most = 1_000 * (ROW + 30)
    table = read(path, most=most)
    assert 250 <= len(table) <= 1_000
    assert len(table) + table.left == ROWS
    assert any("are drawn at random" in note for note in table.notes)
    assert table.rows == read(path, most=most).rows, "the same rows each time"
    assert profile(table, goal="").rows == ROWS
    places = [int(row["text"].split()[2]) for row in table.rows]
    assert [line - (2 if ".csv" in name else 1) for line in table.lines] == places, "rows know their lines"
    assert sum(places) / len(places) == pytest.approx(ROWS / 2, rel=0.15), "from all of the file"


def test_files_of_a_folder_are_drawn_from_alike(tmp_path: Path) -> None:
    write(tmp_path / "train.jsonl", lines())
    write(tmp_path / "test.jsonl", lines(ROWS))
    table = read(tmp_path, most=1_000 * (ROW + 30))
    assert len(table) + table.left == 2 * ROWS
    held_out = sum(split == "test" for split in table.splits)
    assert held_out / len(table) == pytest.approx(0.5, abs=0.1)


def test_what_can_be_held_is_held(tmp_path: Path) -> None:
    path = write(tmp_path / "few.jsonl", lines(count=50))
    assert read(path, most=1 << 30) == read(path)
    assert read(path).left == 0


MANY, MOST = 40_000, 14_000_000


def wide(path: Path, first: int = 0, *, count: int = MANY) -> Path:
    """Rows of which a good third can be held (`MOST`), in some two hundred blocks."""
    return write(path, [{**row, "text": row["text"] + " and more" * 8} for row in lines(first, count)])


@given(
    st.lists(st.tuples(st.text("ab ✓", max_size=60), st.sampled_from(["\n", "\r\n", "\n\n"])), max_size=30),
    st.booleans(),
    st.sampled_from([1.0, 0.5, 0.1]),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_blocks_are_the_lines_that_begin_in_them(
    tmp_path: Path, content: list[tuple[str, str]], marked: bool, share: float
) -> None:
    bom = codecs.BOM_UTF8 if marked else b""
    raw = bom + "".join(text + end for text, end in content).encode() + b"last"
    (tmp_path / "a.txt").write_bytes(raw)
    encoding = Encoding("utf-8", bom)
    found = list(_blocks.Blocks(tmp_path / "a.txt", encoding, 1000, share, 16))
    whole, place = [], len(bom) + 1
    for _, text in [item for item in Lines(tmp_path / "a.txt", encoding, 1000) if not isinstance(item, Rejection)]:
        whole.append((place, text))
        place += len(text.encode())
    wanted = [one for one in whole if one[0] // 16 == 0 or drawn(one[0] // 16, share)]
    assert found == wanted


def test_a_line_that_is_too_long_is_passed_over_without_being_held(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"one\n" + b"x" * 40_000 + b"\ntwo\n" + b"y" * 40_000)
    first, second, third, fourth = _blocks.Blocks(tmp_path / "a.txt", Encoding("utf-8"), 10_000, 1.0)
    assert first == (1, "one\n")
    assert third == (40_006, "two\n")
    assert isinstance(second, Rejection)
    assert second.line == 5
    assert "40,001 characters is over the limit of 10,000" in second.reason
    assert isinstance(fourth, Rejection)
    assert "40,000 characters" in fourth.reason


@pytest.mark.parametrize("name", ["messages.jsonl", "messages.csv"])
def test_a_file_that_can_be_cut_is_read_in_part(name: str, tmp_path: Path) -> None:
    path = wide(tmp_path / name)
    table = read(path, most=MOST)
    assert 0.5 * MOST < len(table) * (ROW + 100) <= MOST
    assert table.about
    assert len(table) + table.left == pytest.approx(MANY, rel=0.01), "what is not read is estimated"
    assert any(f"of about {len(table) + table.left:,} rows" in note for note in table.notes)
    content = path.read_bytes()
    for line, row in list(zip(table.lines, table.rows, strict=True))[:: len(table) // 50]:
        assert row["text"].encode() in content[line - 1 :].split(b"\n", 1)[0], "a row is known by its byte"
    places = [int(row["text"].split()[2]) for row in table.rows]
    assert sum(places) / len(places) == pytest.approx(MANY / 2, rel=0.15), "from all of the file"
    few = read(path, most=MOST // 8)
    assert few.about
    assert len(few) + few.left == pytest.approx(MANY, rel=0.05), "of a small part blocks are smaller"
    assert read(path, most=MOST).rows == table.rows, "the same rows each time"


def test_what_is_broken_or_said_twice_is_found_in_what_is_drawn(tmp_path: Path) -> None:
    rows = [json.dumps(row) for row in lines(0, 60_000)]
    rows[5::10] = ["{broken" + "-" * 50] * len(rows[5::10])
    rows[7::10] = [json.dumps({"text": "the same sentence again", "kind": "a"})] * len(rows[7::10])
    path = tmp_path / "broken.jsonl"
    path.write_text("\n".join(rows) + "\n", "utf-8")
    table = read(path, most=MOST)
    assert len(table) + len(table.rejected) + table.left == pytest.approx(60_000, rel=0.01)
    assert len(table.rejected) == pytest.approx(len(table) / 9, rel=0.05)
    prepared = prepare(table, goal="", columns=Columns(), seed=0, ask=None, deep=False)
    sides = [{row.inputs["text"] for row in side} for side in (prepared.train, prepared.test.open())]
    assert "the same sentence again" in sides[0] | sides[1] | {row.inputs["text"] for row in prepared.validation}
    assert not sides[0] & sides[1], "equal rows stay on one side, from whichever blocks they come"


def test_a_file_with_lines_in_quotes_is_read_to_its_end(tmp_path: Path) -> None:
    path = wide(tmp_path / "a.csv")
    content = path.read_text("utf-8").replace("message number 7", "message\nnumber 7")
    path.write_text(content, "utf-8")
    table = read(path, most=MOST)
    assert len(table) + table.left == MANY, "nothing is estimated"
    assert not table.about
    assert not table.rejected
    assert not any("about" in note for note in table.notes)


def test_files_beside_each_other_are_cut_alike(tmp_path: Path) -> None:
    wide(tmp_path / "train.jsonl")
    write(tmp_path / "test.jsonl", lines(MANY, 2 * MANY))
    table = read(tmp_path, most=2 * MOST)
    assert len(table) + table.left == pytest.approx(3 * MANY, rel=0.02)
    held_out = sum(split == "test" for split in table.splits)
    assert held_out / len(table) == pytest.approx(2 / 3, abs=0.05)


def test_rows_of_parquet_are_drawn_before_they_are_made(tmp_path: Path) -> None:
    pa = pytest.importorskip("pyarrow")
    pq = pytest.importorskip("pyarrow.parquet")
    path = tmp_path / "a.parquet"
    pq.write_table(pa.Table.from_pylist(lines(0, 50_000)), path, row_group_size=1_000)
    table = read(path, most=2_000_000)
    assert 2_000 < len(table) < 2_000_000 / ROW
    assert len(table) + table.left == 50_000, "rows are counted in the footer"
    assert [int(row["text"].split()[2]) + 1 for row in table.rows] == list(table.lines)
    assert set(Counter(line // 64 for line in table.lines).values()) <= {64, 63, 50_000 % 64 + 1}, "64 at a time"
