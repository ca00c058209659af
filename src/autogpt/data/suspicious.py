"""Rows whose label is probably wrong, by what a model trained on the other rows says (Northcutt et al. 2021)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from autogpt.core import Example


@dataclass(frozen=True)
class Suspicion:
    """A row, the label it has, the label its neighbours suggest, and how strongly (0 to 1)."""

    id: int
    given: str
    suggested: str
    strength: float


def suspicious(examples: Sequence[Example], *, output: str, limit: int = 200) -> list[Suspicion]:
    """Likely mislabelled rows, most suspicious first; at most `limit`."""
    return []
