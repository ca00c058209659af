"""Sources that are larger than memory: a part of the rows is drawn at random, and none is lost count of."""

import gzip
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autogpt.data.profile import profile
from autogpt.data.read import read
from autogpt.sources import ROW, drawn

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
