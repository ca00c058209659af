"""One of several data sets of a run, and how `run.json` tells of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import NoneType
from typing import Any, Self

from autogpt import config as settings
from autogpt.config import Columns


@dataclass(frozen=True, slots=True)
class Source:
    """One data set: anything with rows, its test rows where they stand elsewhere, and what it is told by itself.

    Without `data` its rows were given in memory to a run that has kept them in its folder.
    """

    data: Any = None
    test: Any = None
    goal: str | None = None
    columns: Columns | None = None

    @property
    def on_disk(self) -> bool:
        """Whether the rows are read from a place with a name."""
        return isinstance(self.data, (str, Path))

    @property
    def in_memory(self) -> bool:
        """Whether any of its rows are in memory alone."""
        return not self.on_disk or not isinstance(self.test, (str, Path, NoneType))

    def plain(self) -> dict[str, Any]:
        """For `run.json`: names of places as they are, rows not at all."""
        return {
            "data": str(self.data) if self.on_disk else None,
            "test": str(self.test) if isinstance(self.test, (str, Path)) else None,
            "goal": self.goal,
            "in_memory": self.in_memory,
            "columns": settings.plain(self.columns) if self.columns is not None else None,
        }

    @classmethod
    def of(cls, told: Mapping[str, Any], *, origin: str) -> Self:
        """What `plain` told."""
        columns = settings.build(Columns, told["columns"], origin=origin) if told["columns"] is not None else None
        return cls(told["data"], told["test"], told["goal"], columns)
