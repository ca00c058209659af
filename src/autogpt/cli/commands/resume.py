"""`autogpt resume`: go on where a run was stopped."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from autogpt.cli.commands.run import show
from autogpt.cli.live import Live
from autogpt.cli.screen import Screen


def resume(
    screen: Screen,
    run: Annotated[str, typer.Argument(help="folder of the run", metavar="RUN", show_default=False)],
) -> None:
    """Finish a run that was stopped or killed; what was done is not done again."""
    from autogpt.autopilot import run as autopilot

    with Live(screen) as listen:
        found = autopilot.resume(Path(run), listen=listen)
    show(screen, found)
