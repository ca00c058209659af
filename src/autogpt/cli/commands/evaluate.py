"""`autogpt evaluate`: how good a saved model is on other data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from autogpt import runtime
from autogpt.cli import artefact
from autogpt.cli.screen import Screen

if TYPE_CHECKING:
    from rich.console import RenderableType

    from autogpt.cli.judged import Judged
    from autogpt.evaluation.score import Score


def evaluate(
    screen: Screen,
    model: Annotated[str, typer.Argument(help="folder of a model or of a run", metavar="MODEL", show_default=False)],
    data: Annotated[
        str, typer.Argument(help="file, folder or bundled name with answers", metavar="DATA", show_default=False)
    ],
    *,
    task: Annotated[str | None, typer.Option("--task", help="task of a model that has several", metavar="NAME")] = None,
) -> None:
    """Score a saved model on DATA, with intervals. Where DATA names splits, its test rows are taken."""
    runtime.forbid_network()  # a saved model is complete
    from autogpt.cli.judged import judge
    from autogpt.data.read import read

    with screen.working("reading {data}", data=data):
        table = read(data, offline=True)
    with screen.working("loading {model}", model=model):
        loaded = artefact.load(model, task=task)
    with screen.working("answering {name}", name=data):
        found = judge(loaded, table)
    screen.result({"model": model, "data": data, **found.to_dict()}, *_parts(screen, found))


def _parts(screen: Screen, found: Judged) -> list[RenderableType]:
    rows = [(score.metric, *numbers(score)) for score in found.scores.scores]
    parts = [screen.table(("metric", ">score", ">95 % interval", ">rows"), rows)]
    if found.split:
        parts.append(screen.t("only the rows of the split {split} were taken", split=found.split))
    if found.learned:
        parts.append(screen.t("the model learned most of these rows: the score flatters; give rows it has never seen"))
    if found.rejected:
        first = found.rejected[0]
        parts.append(
            screen.t("{count} rows could not be used; the first, at line {line}: {reason}",
                     count=f"{len(found.rejected):,}", line=first.line, reason=screen.t.translate(first.reason))
        )  # fmt: skip
    if found.unknown:
        labels = ", ".join(f"{label} ({count})" for label, count in found.unknown.most_common(5))
        parts.append(screen.t("labels the model never saw, counted as wrong: {labels}", labels=labels))
    return parts


def numbers(score: Score) -> tuple[str, str, str]:
    """Value, interval and rows for a table."""
    d = score.decimals
    return f"{score.value:.{d}f}", f"{score.low:.{d}f} - {score.high:.{d}f}", f"{score.n:,}"
