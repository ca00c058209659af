"""`autogpt run`: one autonomous session."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any

import typer

from autogpt.cli.live import Live
from autogpt.cli.screen import Screen
from autogpt.config import FewLabels, Guide, RunConfig
from autogpt.errors import ConfigError

if TYPE_CHECKING:
    from autogpt.autopilot.run import Run


def run(
    screen: Screen,
    config: RunConfig,
    labelling: FewLabels,
    *,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="print the plan with estimates of time and memory; train nothing")
    ] = False,
) -> None:
    """Read DATA, find out what it is, try methods within the time limit, test the best once, and save it."""
    if labelling.labels is not None:
        _without_labels(screen, config, labelling, dry_run=dry_run)
        return
    if labelling.patterns or labelling.functions:
        raise ConfigError("votes need the names of the labels; give --labels")
    start(screen, config, dry_run=dry_run)


def _without_labels(screen: Screen, config: RunConfig, labelling: FewLabels, *, dry_run: bool) -> None:
    """Learn from label names and other votes, and show what can be told of it without labels."""
    from autogpt.regimes.few_labels import learn

    unguided(config, "--labels")
    if dry_run or not config.data:
        raise ConfigError("--labels needs DATA, and makes no plan beforehand; leave --dry-run out")
    with Live(screen, limit=config.time_limit) as listen:
        found = learn(config, labelling, ask=screen.ask if screen.interactive else None, listen=listen)
    told = found.findings
    document = {"run": found.folder, "model": found.folder / "model", "findings": told.to_dict()}
    measured = screen.t(told.measured)
    headline = measured if told.score is None else f"{told.score.metric} {told.score}: {measured}"
    shares = [(label, f"{share:.1%}") for label, share in told.shares.items()]
    prompts = [(template, one["origin"]) for one in told.prompts for _, template in one["turns"]]
    shown = (screen.heading("Prompts"), screen.table(("prompt", "origin"), prompts), "") if prompts else ()
    check = [(row["label"], f"{row['confidence']:.2f}", row["text"][:80]) for row in told.to_check]
    screen.result(
        document,
        screen.heading(headline),
        screen.table(("label", ">share of the rows"), shares),
        "",
        *shown,
        screen.heading("Rows to check"),
        screen.table(("label", ">confidence", "text"), check),
    )
    screen.note('use it with:  autogpt predict {folder} "a text"', folder=found.folder)


def unguided(config: RunConfig, flag: str) -> None:
    """ConfigError where a planner, the memory of runs or limits of serving were given, and there is no ladder."""
    if config.guide != Guide():
        raise ConfigError(f"--planner and --remember advise a run that tries methods; leave them out with {flag}")
    if config.serving.given:
        raise ConfigError(f"{config.serving.given} chooses among methods, and none are tried; leave it out with {flag}")


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
