"""Looking around costs nothing: no command that only looks may import what trains."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

HEAVY = ("torch", "pandas", "transformers", "datasets", "sklearn", "peft", "accelerate", "pyarrow", "numpy", "scipy")
LOOKING = (
    ["--help"], ["--version"], ["run", "--help"], ["predict", "--help"], ["runs"], ["runs", "--json"], ["datasets"],
    ["doctor", "--quick"], ["doctor", "--quick", "--json"], ["run", "--seed", "x"], ["--help", "--lang", "zh"],
)  # fmt: skip


def test_looking_imports_nothing_heavy() -> None:
    code = (
        "import sys\nfrom autogpt.cli.app import execute\n"
        f"for arguments in {LOOKING!r}:\n"
        "    code = execute(arguments)\n"
        f"    heavy = sorted(set(sys.modules) & set({HEAVY!r}))\n"
        "    print('did', *arguments, 'code', code, 'heavy', *heavy, file=sys.stderr)\n"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    told = [line for line in found.stderr.splitlines() if line.startswith("did ")]
    assert told == [f"did {' '.join(one)} code {2 if 'x' in one else 0} heavy" for one in LOOKING]


def least_seconds(command: list[str], *, times: int = 3) -> float:
    """Processor seconds of a command, the least of some: what it costs when nobody else uses the machine."""
    found = []
    for _ in range(times):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(command, capture_output=True, check=True, timeout=60)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        found.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return min(found)


def test_help_is_there_in_less_than_600_milliseconds() -> None:
    assert least_seconds([sys.executable, "-m", "autogpt.cli", "--help"]) < 0.6


def test_the_import_takes_less_than_300_milliseconds() -> None:
    assert least_seconds([sys.executable, "-c", "import autogpt"]) < 0.3


def test_the_version_is_the_packages(autogpt: Callable[..., Any]) -> None:
    from importlib.metadata import version

    assert autogpt("--version").out == f"autogpt {version('autogpt')}\n"


def test_without_a_command_the_commands_are_listed(autogpt: Callable[..., Any]) -> None:
    shown = autogpt().out
    for name in ("run", "train", "predict", "evaluate", "profile", "compare", "resume", "runs", "models", "datasets",
                 "doctor"):  # fmt: skip
        assert f" {name} " in shown


@pytest.mark.parametrize("arguments", [["run", "--help"], ["runs"], ["doctor", "--quick", "--json"]], ids=" ".join)
def test_a_reader_that_has_left_is_no_error(arguments: list[str]) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    command = [sys.executable, "-m", "autogpt.cli", *arguments]
    found = subprocess.run(command, stdout=writing, stderr=subprocess.PIPE, text=True, timeout=60, check=False)
    os.close(writing)
    assert found.stderr == ""
