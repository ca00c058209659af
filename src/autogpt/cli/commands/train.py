"""`autogpt train`: one method, no search."""

from __future__ import annotations

from typing import Annotated

import typer

from autogpt.cli.commands.run import start
from autogpt.cli.screen import Screen
from autogpt.config import RunConfig
from autogpt.errors import ConfigError


def train(
    screen: Screen,
    config: RunConfig,
    *,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="print the plan with estimates of time and memory; train nothing")
    ] = False,
) -> None:
    """Fit one named method (--method) on DATA, without a search; test and save it."""
    from autogpt import registry

    if config.search.methods not in (*registry.names("methods"), "auto"):
        names = ", ".join(registry.names("methods"))
        given = f"{config.search.methods!r} is not one method" if config.search.methods else "no method is named"
        raise ConfigError(f"{given}; give --method with auto or one of: {names} (`autogpt run` tries several)")
    start(screen, config, dry_run=dry_run)
