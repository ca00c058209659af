"""`autogpt prompts`: prompts that are written for a table, tried on its training rows, and shown."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from autogpt import files
from autogpt.cli.flags import Only
from autogpt.cli.live import Live
from autogpt.cli.screen import Screen
from autogpt.config import RunConfig

_SHOWN = 12


def prompts(
    screen: Screen,
    config: Annotated[
        RunConfig,
        Only("data", "goal", "time_limit", "seed", "query", "offline", "columns", "backbone", "revision", "remote"),
    ],
    *,
    form: Annotated[
        str | None,
        typer.Option(
            "--form", metavar="FORM", help="cloze, instruction or description (default: what the model can read)"
        ),
    ] = None,
    save: Annotated[
        str | None,
        typer.Option("--save", metavar="FILE", help="write the best prompts as JSON, for --prompts of a run"),
    ] = None,
) -> None:
    """Write prompts for DATA, try them on its training rows, and print the best; train nothing."""
    from autogpt.regimes.prompt_writing import write

    with Live(screen, limit=config.time_limit) as listen:
        found = write(config, form=form, ask=screen.ask if screen.interactive else None, listen=listen)
    if save is not None:
        document = {"form": found.form, "prompts": list(found.prompts)}
        files.write_text(Path(save), json.dumps(document, indent=1, ensure_ascii=False) + "\n")
    best = [one["turns"] for one in found.prompts]
    measure = next(name for name in ("likelihood", "score", "separation") if name in found.tried[0])
    rows = [
        (
            "✓" if one["turns"] in best else "",
            one["turns"][0][1],
            _words(one["words"]),
            f"{one[measure]:.3f}",
            one["origin"],
        )
        for one in found.tried[:_SHOWN]
    ]
    screen.result(
        found.plain(),
        screen.heading("Prompts"),
        screen.table(("", "prompt", "words", f">{measure}", "origin"), rows),
        "",
        "\n".join(found.said),
    )
    if save is not None:
        screen.note("use them with:  autogpt run DATA --prompts {file}", file=save)


def _words(words: dict[str, list[str]]) -> str:
    return "; ".join(f"{label}: {', '.join(own)}" for label, own in words.items())[:80]
