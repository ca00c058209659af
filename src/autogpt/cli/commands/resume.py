"""`autogpt resume`: go on where a run was stopped."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from autogpt.cli.commands.pretrain import show_pretrained
from autogpt.cli.commands.run import show
from autogpt.cli.commands.train import show_several
from autogpt.cli.live import Live
from autogpt.cli.screen import Screen


def resume(
    screen: Screen,
    run: Annotated[str, typer.Argument(help="folder of the run", metavar="RUN", show_default=False)],
) -> None:
    """Finish a run that was stopped or killed; what was done is not done again."""
    from autogpt.autopilot import run as autopilot

    if autopilot.SEVERAL in autopilot.read_state(Path(run)):
        from autogpt.regimes import multi_task

        with Live(screen) as listen:
            several = multi_task.resume_many(Path(run), listen=listen)
        show_several(screen, several)
        return
    if autopilot.TEXTS in autopilot.read_state(Path(run)):
        from autogpt.regimes import pretraining

        with Live(screen) as listen:
            show_pretrained(screen, pretraining.resume_pretraining(Path(run), listen=listen))
        return
    if autopilot.ALIGNED in autopilot.read_state(Path(run)):
        from autogpt.regimes import alignment

        alignment.refuse_to_resume(Path(run))
    with Live(screen) as listen:
        found = autopilot.resume(Path(run), listen=listen)
    show(screen, found)
