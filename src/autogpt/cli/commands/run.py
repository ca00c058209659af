"""`autogpt run`: one autonomous session."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any

import typer

from autogpt.cli.live import Live
from autogpt.cli.screen import Screen
from autogpt.config import RunConfig
from autogpt.errors import ConfigError

if TYPE_CHECKING:
    from autogpt.autopilot.run import Run


def run(
    screen: Screen,
    config: RunConfig,
    *,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="print the plan with estimates of time and memory; train nothing")
    ] = False,
) -> None:
    """Read DATA, find out what it is, try methods within the time limit, test the best once, and save it."""
    start(screen, config, dry_run=dry_run)


def start(screen: Screen, config: RunConfig, *, dry_run: bool) -> None:
    """Run or plan a configuration and show what came of it."""
    if not config.data:
        raise ConfigError("there is nothing to learn from; give DATA (a file, folder or bundled name) or --config FILE")
    from autogpt.autopilot import run as autopilot

    ask = screen.ask if screen.interactive else None
    if dry_run:
        plan = autopilot.plan(config, ask=ask)
        screen.result(plan.to_dict(), "\n".join(screen.t.translate(line) for line in plan.lines()))
        return
    with Live(screen, limit=config.time_limit) as listen:
        found = autopilot.run(config, ask=ask, listen=listen)
    show(screen, found)


def show(screen: Screen, found: Run) -> None:
    """The report of a finished run, and what can be done with it next."""
    document: dict[str, Any] = {"run": found.folder, "model": found.folder / "model", "report": found.report.to_dict()}
    report = found.report if screen.t.language == "en" else replace(found.report, language=screen.t.language)
    verdict, _, rest = str(report).partition("\n")
    screen.result(document, "", screen.heading(verdict), rest)
    screen.note("")
    screen = screen.speaking(report.language)
    if found.model.schema.choices:
        screen.note('use it with:  autogpt predict {folder} "a text" "a choice" "another choice"', folder=found.folder)
        return
    screen.note('use it with:  autogpt predict {folder} "a text"', folder=found.folder)
