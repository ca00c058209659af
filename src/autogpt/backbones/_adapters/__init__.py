"""Parts of a body that cannot be folded into its weights, one file per kind: how they are put in, kept and loaded.

On disk a body is always the plain one; its parts stand in a subfolder beside it.
"""

from __future__ import annotations

import importlib
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Protocol


class Kind(Protocol):
    """A module of this package."""

    def attach(self, body: Any, **settings: Any) -> Any:
        """The body with new parts; everything else of it is frozen."""

    def positions(self, body: Any) -> int:
        """How many places of a text the parts take up."""

    def removed(self, body: Any) -> AbstractContextManager[Any]:
        """The plain body, inside the block."""

    def save(self, body: Any, folder: Path) -> None:
        """Write the parts alone."""

    def load(self, body: Any, folder: Path) -> Any:
        """The body with the parts that `save` wrote."""


def get(name: str) -> Kind:
    """The kind called `name`."""
    found: Any = importlib.import_module(f"autogpt.backbones._adapters.{name}")
    kind: Kind = found
    return kind
