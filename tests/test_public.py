"""The face: what `import autogpt` offers, and what it costs."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from pathlib import Path

import pytest

import autogpt

HEAVY = ("torch", "transformers", "pandas", "sklearn", "datasets", "numpy", "pyarrow", "accelerate", "peft", "scipy")
COMMAND = Path(sys.executable).with_name("autogpt")


def best_of(command: list[str], tries: int = 5) -> float:
    """Seconds of processor time of the fastest try: what the code costs, whatever else the machine is doing."""
    times = []
    for _ in range(tries):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(command, check=True, capture_output=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        times.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return min(times)


def loaded_after(statement: str) -> list[str]:
    """Heavy packages that are in memory after a statement in a fresh interpreter."""
    code = f"import json, sys\n{statement}\nprint(json.dumps([m for m in {HEAVY!r} if m in sys.modules]))"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    return list(json.loads(done.stdout.splitlines()[-1]))


def test_every_public_name_is_there_and_documented() -> None:
    assert {"AutoGPT", "datasets"} <= set(autogpt.__all__)
    assert list(autogpt.__all__) == sorted(autogpt.__all__)
    undocumented = [name for name in autogpt.__all__ if name != "__version__" and not getattr(autogpt, name).__doc__]
    assert undocumented == []


def test_the_version_is_the_packages_version() -> None:
    from importlib.metadata import version

    assert autogpt.__version__ == version("autogpt")


def test_importing_the_face_loads_nothing_heavy() -> None:
    assert loaded_after("import autogpt") == []


def test_the_help_page_loads_nothing_heavy() -> None:
    assert loaded_after("from autogpt.cli import main\ntry:\n    sys.argv = ['autogpt', '--help']\n    main()\n"
                        "except SystemExit:\n    pass") == []  # fmt: skip


def test_the_check_for_heavy_packages_sees_one() -> None:
    assert loaded_after("import numpy") == ["numpy"]


def test_importing_the_face_is_quick() -> None:
    assert best_of([sys.executable, "-c", "import autogpt"]) < 0.3


def test_the_help_page_is_quick() -> None:
    if not COMMAND.exists():
        pytest.skip("the command is not installed")
    assert best_of([str(COMMAND), "--help"]) < 0.6
