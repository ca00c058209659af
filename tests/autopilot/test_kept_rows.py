"""What a run reads of a source that is too large: as much as memory and time allow, the same when it is resumed."""

import json
from pathlib import Path

import pytest

from autogpt.autopilot import kept_rows
from autogpt.config import RunConfig
from autogpt.core import Table
from autogpt.sources import ROW

ROWS, ROOM = 80_000, 8 << 30


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("rows") / "notes.jsonl"
    path.write_text(
        "".join(
            json.dumps({"text": f"note {n} of many" + " and more" * 4, "kind": "ab"[n % 2]}) + "\n" for n in range(ROWS)
        )
    )
    return path


def read(data: Path, folder: Path, *, room: int = ROOM, seconds: float = 20.0) -> Table:
    return kept_rows.table(
        RunConfig(data=str(data)), None, None, kept=folder / "data.jsonl", room=room, seconds=seconds
    )


def test_no_more_is_read_than_the_time_limit_lets_the_run_look_at(data: Path, tmp_path: Path) -> None:
    for seconds in (8.0, 16.0):
        (tmp_path / str(seconds)).mkdir()
        table = read(data, tmp_path / str(seconds), seconds=seconds)
        assert len(table) * ROW < kept_rows.PER_SECOND * seconds
        assert len(table) + table.left == pytest.approx(ROWS, rel=0.02)
        assert any("not looked at within the time limit" in note for note in table.notes)
    assert not read(data, tmp_path, seconds=float("inf")).left


def test_a_resumed_run_draws_what_it_drew_whatever_memory_is_free(data: Path, tmp_path: Path) -> None:
    first = read(data, tmp_path)
    assert first.left
    assert read(data, tmp_path, room=ROOM // 100, seconds=5.0).rows == first.rows


def test_a_machine_that_reads_slowly_draws_less(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in "ab":
        (tmp_path / name).mkdir()
    monkeypatch.setattr(kept_rows, "LOOKING", 0.0)
    usual = read(data, tmp_path / "a")
    monkeypatch.setattr(kept_rows, "LOOKING", 1e9)
    slow = read(data, tmp_path / "b")
    assert 0 < len(slow) < len(usual)
    assert len(slow) * ROW < kept_rows.FEW
    assert read(data, tmp_path / "b").rows == slow.rows, "settled when the run began"
