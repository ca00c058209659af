"""`autogpt train`: one method, no search; or one backbone for several data sets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from autogpt.cli.commands.run import start, unguided
from autogpt.cli.live import Live
from autogpt.cli.screen import Screen
from autogpt.config import MultiTask, RunConfig
from autogpt.errors import ConfigError

if TYPE_CHECKING:
    from autogpt.regimes.multi_task import MultiRun


def train(
    screen: Screen,
    config: RunConfig,
    several: MultiTask,
    more: Annotated[
        list[str] | None,
        typer.Argument(
            help="with --multi-task: further data sets, each named by its file or as NAME=DATA",
            metavar="MORE",
            show_default=False,
        ),
    ] = None,
    *,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="print the plan with estimates of time and memory; train nothing")
    ] = False,
) -> None:
    """Fit one named method (--method) on DATA, without a search; test and save it."""
    from autogpt import registry

    if several.multi_task:
        _together(screen, config, several, [config.data, *(more or [])], dry_run=dry_run)
        return
    if more:
        raise ConfigError(f"{1 + len(more)} data sets are given; add --multi-task to learn them together")
    if config.search.methods not in (*registry.names("methods"), "auto"):
        names = ", ".join(registry.names("methods"))
        given = f"{config.search.methods!r} is not one method" if config.search.methods else "no method is named"
        raise ConfigError(f"{given}; give --method with auto or one of: {names} (`autogpt run` tries several)")
    start(screen, config, dry_run=dry_run)


def _together(screen: Screen, config: RunConfig, several: MultiTask, given: Sequence[str], *, dry_run: bool) -> None:
    """Train all data sets on one backbone, and show how each fares beside a model of its own."""
    unguided(config, "--multi-task")
    from autogpt.regimes.multi_task import Source, train_many

    if dry_run:
        raise ConfigError("--multi-task makes no plan beforehand; leave --dry-run out")
    if config.source.test is not None:
        raise ConfigError("--test is for one data set; give the test rows of several in a column of splits")
    sources: dict[str, Source] = {}
    for data in filter(None, given):
        name, path = _named(data)
        if name in sources:
            raise ConfigError(f"two data sets are called {name!r}; name them: NAME={path}")
        sources[name] = Source(path)
    with Live(screen, limit=config.time_limit) as listen:
        found = train_many(sources, config, several, ask=screen.ask if screen.interactive else None, listen=listen)
    show_several(screen, found)


def show_several(screen: Screen, found: MultiRun) -> None:
    """The report of a finished run of several tasks."""
    report = replace(found.report, language=screen.t.language)
    document = {"run": found.folder, "model": found.folder / "model", "report": found.report.to_dict()}
    table = screen.table(report.heads(), report.table())
    screen.result(document, "", screen.heading(report.headline), "", table, *report.notes)
    screen.note('use it with:  autogpt predict {folder} --task {task} "a text"', folder=found.folder,
                task=found.model.tasks[0])  # fmt: skip


def _named(data: str) -> tuple[str, str]:
    """`intents=a.csv` or `a.csv`: a task's name and its data."""
    name, equals, path = data.partition("=")
    if equals and not Path(data).exists():
        return name, path
    return Path(data).name.split(".")[0], data
