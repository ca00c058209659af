"""Fixtures of the tests about data."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from autogpt import registry
from autogpt.data import _child
from autogpt.sources import Item, Request


@pytest.fixture
def in_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files are parsed here instead of in a child process, which takes 0.2 s to start (`test_isolation.py` has it)."""

    def parse(plugin: str, source: str | Path, request: Request, *, streaming: bool = False) -> Iterator[Item]:
        yield from registry.get("sources", plugin).items(str(source), request)

    monkeypatch.setattr(_child, "parse", parse)
