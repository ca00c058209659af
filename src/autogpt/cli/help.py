"""Help pages in the style of everything else here: no frames, one language, Chinese lines broken and never cut."""

from __future__ import annotations

import sys
from collections import defaultdict
from typing import TYPE_CHECKING, Any

import typer
from typer.core import TyperArgument, TyperCommand, TyperGroup

from autogpt.cli.catalogue import Catalogue

if TYPE_CHECKING:
    from rich.console import Console

_WIDEST = 100  # columns; longer lines are hard to read


def classes(t: Catalogue) -> tuple[type[TyperGroup], type[TyperCommand]]:
    """The classes of group and command for a Typer application in one language."""

    class Group(TyperGroup):
        def format_help(self, ctx: Any, formatter: Any) -> None:
            _page(self, ctx, t)

    class Command(TyperCommand):
        def format_help(self, ctx: Any, formatter: Any) -> None:
            _page(self, ctx, t)

    return Group, Command


def _page(command: Any, ctx: typer.Context, t: Catalogue) -> None:
    """Usage, what it does, arguments and options by panel, commands by panel, the closing words."""
    console = _console()
    parameters = command.get_params(ctx)
    arguments = [_usage(one) for one in parameters if isinstance(one, TyperArgument)]
    ending = ["COMMAND"] if isinstance(command, TyperGroup) else arguments
    console.print(t("Usage:"), ctx.command_path, "[OPTIONS]", *ending, style="bold")
    console.print()
    console.print(command.help or "")
    panels: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for parameter in parameters:
        if isinstance(parameter, TyperArgument):
            panels[t("Arguments")].append((str(parameter.metavar or parameter.name), parameter.help or ""))
        elif not parameter.hidden:
            panels[parameter.rich_help_panel or t("Options")].append((_names(parameter), t(parameter.help or "")))
    for title, rows in panels.items():
        _print_panel(console, title, rows)
    if isinstance(command, TyperGroup):
        _print_commands(console, command, ctx)
    if command.epilog:
        console.print("\n" + command.epilog, style="dim")


def _print_commands(console: Console, group: TyperGroup, ctx: Any) -> None:
    panels: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for name in group.list_commands(ctx):
        command: Any = group.get_command(ctx, name)
        panels[command.rich_help_panel].append((name, command.help or ""))
    for title, rows in panels.items():
        _print_panel(console, title, rows)


def _usage(argument: Any) -> str:
    """`MODEL`, `[TEXT]...`."""
    name = str(argument.metavar or argument.name)
    return (name if argument.required else f"[{name}]") + ("..." if argument.nargs == -1 else "")


def _names(option: Any) -> str:
    """`-t, --time-limit DURATION`: short names first."""
    names = sorted([*option.opts, *option.secondary_opts], key=lambda name: name.startswith("--"))
    return ", ".join(names) + (f" {option.metavar}" if option.metavar else "")


def _print_panel(console: Console, title: str, rows: list[tuple[str, str]]) -> None:
    from rich.table import Table
    from rich.text import Text

    console.print()
    console.print(title, style="bold")
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    for name, text in rows:
        grid.add_row(Text("  " + name, style="cyan"), text)
    console.print(grid)


def _console() -> Console:
    from rich.console import Console

    console = Console(file=sys.stdout, markup=False, highlight=False, emoji=False)
    console.width = min(console.width, _WIDEST)
    return console
