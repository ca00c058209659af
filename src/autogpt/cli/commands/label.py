"""`autogpt label`: questions to a person, in the order in which answers help most."""

from __future__ import annotations

import getpass
import shlex
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from autogpt.cli.flags import Only
from autogpt.cli.screen import Screen
from autogpt.config import Labelling, RunConfig
from autogpt.errors import ConfigError

if TYPE_CHECKING:
    from autogpt.core import Table
    from autogpt.labelling.exchange import Imported
    from autogpt.labelling.session import Session


def label(
    screen: Screen,
    config: Annotated[RunConfig, Only("data", "query", "offline", "text", "target", "backbone", "seed")],
    labelling: Labelling,
    *,
    output: Annotated[
        str | None,
        typer.Option("--output", "-o", metavar="FILE", help="file of the answers (default: DATA.labels.jsonl)"),
    ] = None,
    export: Annotated[
        str | None,
        typer.Option("--export", metavar="FILE", help="write the labelled rows for `autogpt run` (.csv, .jsonl)"),
    ] = None,
    imported: Annotated[
        list[str] | None,
        typer.Option("--import", metavar="FILE", help="take labels from other tools: columns of text and label"),
    ] = None,
    most: Annotated[
        int | None, typer.Option("--most", min=1, metavar="NUMBER", help="stop after so many answers")
    ] = None,
) -> None:
    """Label the rows of DATA that help a model most; a killed session goes on, and ? lists the keys."""
    if not config.data:
        raise ConfigError("there is nothing to label; give DATA (a file, folder or bundled name) or --config FILE")
    from autogpt.data.read import read
    from autogpt.labelling import exchange
    from autogpt.labelling.oracle import drive

    if labelling.strategy not in _strategies():
        raise ConfigError(f"no strategy is called {labelling.strategy!r}; there are: {', '.join(_strategies())}")
    with screen.working("reading {data}", data=config.data):
        table = read(config.data, query=config.source.query, offline=config.source.offline)
    path = Path(output or f"{Path(config.data).name.split('.')[0]}.labels.jsonl")
    session = _session(screen, config, labelling, table, path)
    who = labelling.who or _user()
    taken = {file: exchange.take(session, read(file), who=f"import:{Path(file).name}") for file in imported or ()}
    answered = _asked(screen, session, who, most, drive)
    written = exchange.export(session, table, Path(export)) if export else 0
    _show(screen, session, table, answered=answered, taken=taken, export=export, written=written)


def _session(screen: Screen, config: RunConfig, labelling: Labelling, table: Table, path: Path) -> Session:
    """The session of a file, with the vectors of its texts."""
    from autogpt.labelling.pool import read_pool
    from autogpt.labelling.session import Session
    from autogpt.labelling.vectors import vectors

    pool = read_pool(table, columns=config.columns, ask=screen.ask if screen.interactive else None, seed=config.seed)
    if pool.torn:
        screen.note("{count} texts have several labels in the data and are asked again", count=pool.torn)
    if pool.left:
        screen.note("{kept} texts drawn at random are looked at, {left} are not", kept=f"{len(pool.items):,}",
                    left=f"{pool.left:,}")  # fmt: skip
    texts = [item.text for item in pool.items.values()]
    with screen.working("reading {rows} texts (once)", rows=f"{len(texts):,}"):
        found, problem = vectors(
            texts, folder=path.with_suffix(".vectors"), backbone=config.search.backbone,
            offline=config.source.offline, seed=config.seed,
        )  # fmt: skip
    if problem:
        screen.warn("{why}; words and letters are compared instead", why=problem)
    return Session.begin(table, pool, found, path, labelling, seed=config.seed)


def _asked(screen: Screen, session: Session, who: str, most: int | None, drive: Any) -> int:
    """Put the questions; Ctrl-C ends it as q does, since every answer is on disk."""
    from autogpt.cli.labeller import Labeller

    before = session.state.questions
    try:
        drive(session, Labeller(screen, who), most=most)
    except KeyboardInterrupt:
        screen.note("stopped; every answer is saved")
    return session.state.questions - before


def _show(
    screen: Screen, session: Session, table: Table, *, answered: int, taken: dict[str, Imported], export: str | None,
    written: int,
) -> None:  # fmt: skip
    from autogpt.cli.labeller import standing

    t, found = screen.t, session.progress()
    document = {
        "file": session.file.path, "answered": answered, "imported": {name: asdict(one) for name, one in taken.items()},
        **asdict(found), "export": export, "exported": written,
    }  # fmt: skip
    lines = [t("{count} answers, saved in {file}", count=answered, file=session.file.path)]
    for name, one in taken.items():
        message = t("{file}: {taken} labels taken, {known} known, {strange} of other texts, {empty} empty",
                    file=name, **asdict(one))  # fmt: skip
        lines.append(message)
    lines.append(standing(screen, session))
    if found.skipped or found.bad:
        lines.append(t("{skipped} skipped, {bad} bad texts", skipped=found.skipped, bad=found.bad))
    counts = [(name, f"{count:,}") for name, count in sorted(found.labels.items(), key=lambda item: -item[1])]
    parts: list[Any] = [*lines, *([screen.table(("label", ">rows"), counts)] if counts else [])]
    screen.result(document, *parts)
    if export:
        command = _run_command(session, table, export)
        screen.note("{rows} rows written; learn from them with:  {command}", rows=f"{written:,}", command=command)


def _run_command(session: Session, table: Table, export: str) -> str:
    """The command that trains on what was exported, nothing left to be guessed."""
    from autogpt.labelling.exchange import PROVENANCE, split_name

    split = split_name(session, table)
    words = ["autogpt", "run", export, "--text", "+".join(session.settings.text), "--target", session.settings.target]
    words += ["--split", split] if split else []
    return shlex.join([*words, "--ignore", ",".join(PROVENANCE)])


def _strategies() -> tuple[str, ...]:
    from autogpt import registry

    return registry.names("queries")


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container's user without a name
        return "person"
