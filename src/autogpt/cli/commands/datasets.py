"""`autogpt datasets`: what comes with the package."""

from __future__ import annotations

from autogpt.cli.screen import Screen


def datasets(screen: Screen) -> None:
    """List the data sets that come with the package; their names can be given as DATA."""
    from autogpt.datasets import describe, names

    found = [describe(name) for name in names()]
    rows = [(one["name"], one["summary"], _rows(one["rows"]), one["licence"]) for one in found]
    parts = [screen.table(("name", "holds", "rows", "licence"), rows)]
    screen.result({"datasets": found}, *parts, *(f"  {one['attribution']}" for one in found))


def _rows(counts: dict[str, int]) -> str:
    return ", ".join(f"{split} {count:,}" for split, count in counts.items())
