"""`autogpt extend`: more time for a run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from autogpt.cli.commands.run import show
from autogpt.cli.live import Live
from autogpt.cli.screen import Screen


def extend(
    screen: Screen,
    run: Annotated[str, typer.Argument(help="folder of the run", metavar="RUN", show_default=False)],
    *,
    time_limit: Annotated[
        str,
        typer.Option("--time-limit", "-t", metavar="DURATION", help="+10m: ten minutes more; 20m: the new total"),
    ] = "+10m",
) -> None:
    """Go on with a finished or stopped run: what was tried is kept, and a better model replaces the tested one."""
    from autogpt.autopilot import run as autopilot

    with Live(screen) as listen:
        found = autopilot.extend(Path(run), time_limit, listen=listen)
    show(screen, found)
