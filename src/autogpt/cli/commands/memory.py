"""`autogpt memory`: what is remembered of past runs on this machine."""

from __future__ import annotations

from typing import Annotated

import typer

from autogpt.cli.screen import Screen
from autogpt.errors import ConfigError

ACTIONS = ("show", "forget")


def memory(
    screen: Screen,
    action: Annotated[
        str, typer.Argument(help="show: what is kept; forget: delete it", metavar="ACTION", show_default=False)
    ] = "show",
) -> None:
    """Look at or delete what runs with --remember kept: numbers and method names, no texts and no labels."""
    from autogpt.autopilot import past

    if action not in ACTIONS:
        raise ConfigError(f"memory cannot {action!r}; it can: {', '.join(ACTIONS)}")
    path = past.place()
    if action == "forget":
        count = past.forget()
        screen.result({"file": path, "forgotten": count}, screen.t("{count} runs are forgotten", count=count))
        return
    runs = past.load()
    rows = [
        (one.when, one.features.output, f"{one.features.rows:,}", f"{one.features.labels:,}", one.winner,
         f"{max((trial.score for trial in one.trials), default=float('nan')):.4f} {one.metric}")
        for one in runs
    ]  # fmt: skip
    head = ("when", "output", ">rows", ">labels", "chosen", ">score")
    document = {"file": path, "runs": [one.to_dict() for one in runs]}
    if not runs:
        screen.result(document, screen.t("nothing is remembered; `autogpt run DATA --remember` begins"))
        return
    screen.result(document, screen.table(head, rows))
    screen.note("kept in {path}; delete it with: autogpt memory forget", path=path)
