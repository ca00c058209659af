"""A data set that comes with the package (folder `bundled/<name>`: files of splits, `card.json`, NOTICE)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from autogpt.sources import Item, Part, Request, is_there

FOLDER = Path(__file__).parents[1] / "bundled"


class Bundled:
    name = "bundled"
    summary = "a bundled data set"
    suffixes: tuple[str, ...] = ()
    takes_query = False

    def accepts(self, source: Any) -> bool:
        return isinstance(source, str) and source in bundled_names() and not is_there(source)

    def claims(self, head: bytes) -> bool:
        return False

    def items(self, source: Any, request: Request) -> Iterator[Item]:
        for path in sorted((FOLDER / source).glob("*.jsonl.gz")):
            yield Part(path, path.name.split(".")[0])


def bundled_names() -> list[str]:
    """Names of the bundled data sets, sorted."""
    return sorted(card.parent.name for card in FOLDER.glob("*/card.json"))


plugin = Bundled()
