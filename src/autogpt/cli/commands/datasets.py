"""`autogpt datasets`: what comes with the package."""

from __future__ import annotations

from autogpt.cli.screen import Screen


def datasets(screen: Screen) -> None:
    """List the data sets that come with the package; their names can be given as DATA."""
    from autogpt.bundled import described

    found = described()
    rows = [(one["name"], one["summary"], one["license"]) for one in found]
    screen.result({"datasets": found}, screen.table(("name", "holds", "license"), rows))
