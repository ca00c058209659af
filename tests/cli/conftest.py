"""A command line as a user types it: `autogpt("runs", "--json")` runs in this process, `shell(...)` in its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from autogpt.cli.app import execute


@dataclass(frozen=True)
class Outcome:
    """What a command left behind."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        """Standard output as the one JSON document it must be."""
        return json.loads(self.out)


@pytest.fixture
def autogpt(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Outcome]:
    """Run a command in this process; English unless the test says otherwise."""
    for name in ("LC_ALL", "LC_MESSAGES", "AUTOGPT_DEBUG"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("LANG", "en_US.UTF-8")

    def run(*arguments: str) -> Outcome:
        code = execute(arguments)
        captured = capsys.readouterr()
        return Outcome(code, captured.out, captured.err)

    return run


@pytest.fixture
def shell() -> Callable[..., Outcome]:
    """Run a command in a process of its own, with standard input given as text."""

    def run(*arguments: str, stdin: str = "", environment: dict[str, str] | None = None) -> Outcome:
        found = subprocess.run(
            [sys.executable, "-m", "autogpt.cli", *arguments],
            input=stdin, capture_output=True, text=True, encoding="utf-8", timeout=120,
            env={**os.environ, "LANG": "en_US.UTF-8", "PYTHONIOENCODING": "utf-8", **(environment or {})},
        )  # fmt: skip
        return Outcome(found.returncode, found.stdout, found.stderr)

    return run
