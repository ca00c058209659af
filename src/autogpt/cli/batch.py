"""Answers for a file larger than memory: rows are read, answered and written in small groups."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from autogpt.cli.screen import Screen

if TYPE_CHECKING:
    from autogpt.model import Model

COLUMNS = ("label", "confidence", "runner_up", "abstained")


def as_text(value: Any) -> str:
    """An answer in one cell: several labels or tags are separated by a space."""
    return " ".join(value) if isinstance(value, (tuple, list)) else str(value)


def answer(screen: Screen, model: Model, source: str, target: str, *, abstain: float | None) -> None:
    raise NotImplementedError
