"""Files are parsed in a process of their own: light, limited, ended with the reader, and deaf to the working folder."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from autogpt.data.read import read
from autogpt.data.stream import rows
from autogpt.errors import ConfigError, SourceError
from autogpt.sources import Limits


def write(path: Path, content: str) -> Path:
    path.write_text(content, "utf-8")
    return path


def test_what_the_child_sends_is_what_the_source_reads(tmp_path: Path) -> None:
    lines = [
        {"a": 1, "b": 0.1},
        {"a": "好\n\u2028", "b": None},
        {"b": [1, {"x": [True]}], "a": 10**400},
        {"c": float("inf")},
    ]
    table = read(write(tmp_path / "a.jsonl", "\n".join(map(json.dumps, lines)) + "\n{broken\n"))
    assert list(table.rows) == [{"a": None, "b": None, "c": None, **row} for row in lines]
    assert table.columns == ("a", "b", "c")
    assert [item.line for item in table.rejected] == [5]


def test_reading_imports_nothing_heavy_and_is_quick(tmp_path: Path) -> None:
    body = "".join(
        f'"Row {i}, with a text of the usual length of a customer message",class {i % 77}\n' for i in range(10_000)
    )
    path = write(tmp_path / "a.csv", "text,label\n" + body)
    code = (
        "import sys; from autogpt.data.read import read; import autogpt.datasets; "
        f"assert len(read({str(path)!r})) == 10000; "
        "heavy = {'torch', 'pandas', 'numpy', 'datasets', 'pyarrow', 'transformers'} & set(sys.modules); "
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    took = []
    for _ in range(3):
        start = time.perf_counter()
        assert len(read(path)) == 10_000
        took.append(time.perf_counter() - start)
    assert min(took) < 3.0  # 0.3 s alone on the machine; the figure is in EXPERIMENTS.md


def test_a_module_of_the_working_folder_is_not_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "a.csv", "text,label\na,b\n")
    for name in ("json", "csv", "autogpt"):
        write(tmp_path / f"{name}.py", f"open({str(tmp_path / 'ran')!r}, 'w')")
    monkeypatch.chdir(tmp_path)
    assert len(read(path)) == 1
    assert not (tmp_path / "ran").exists()


def test_limits_must_be_positive() -> None:
    with pytest.raises(ConfigError, match=r"limits\.timeout is 0"):
        Limits(timeout=0)


def test_the_limit_of_memory_holds_for_the_rows_that_come_back(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", "text,label\n" + f"{'x' * 1000},y\n" * 5000)
    with pytest.raises(SourceError, match=r"rows take more than 1,000,000 bytes.*raise limits\.memory"):
        read(path, limits=Limits(memory=1_000_000))


def test_a_stream_that_is_left_ends_its_child(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("text,label\n" + "a,b\n" * 500_000, "utf-8")
    stream = rows(path)
    assert next(stream)[0] == 2
    stream.close()  # type: ignore[attr-defined]
    children = subprocess.run(["ps", "--ppid", str(os.getpid()), "-o", "args"], capture_output=True, text=True)
    assert "_child" not in children.stdout


MEMORY = """
import resource, sys
from pathlib import Path
from autogpt.core import Rejection
from autogpt.data.stream import rows
from autogpt.data.write import writer
source, target = Path(sys.argv[1]), Path(sys.argv[2])
count = 0
with writer(target, like=source) as write:
    for _, row in rows(source):
        assert not isinstance(row, Rejection)
        write({**row, "answer": "x"})
        count += 1
own = int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0])
child = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
print(count, own // 1024, child // 1024)
"""


@pytest.mark.parametrize(
    ("name", "count"),
    [("a.csv", 25_000), ("a.jsonl", 25_000), pytest.param("big.csv", 1_000_000, marks=pytest.mark.nightly)],
)
def test_memory_does_not_grow_with_the_file(name: str, count: int, tmp_path: Path) -> None:
    """25 MB (nightly: 1 GB) go through; each of the two processes stays under 48 MB, of which Python itself is 20."""
    path = tmp_path / name
    cell = "word " * 200
    with path.open("w", encoding="utf-8") as file:
        file.write("text,label\n" if "csv" in name else "")
        for number in range(count):
            file.write(f"{cell}{number},x\n" if "csv" in name else json.dumps({"text": f"{cell}{number}"}) + "\n")
    done = subprocess.run(
        [sys.executable, "-c", MEMORY, str(path), str(tmp_path / f"out_{name}")],
        capture_output=True,
        text=True,
        check=True,
    )
    written, own, child = map(int, done.stdout.split())
    assert written == count
    assert max(own, child) < 48, (own, child)
