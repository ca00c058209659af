"""`autogpt distil`: a smaller model out of a saved one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from autogpt.cli import artefact
from autogpt.cli.flags import Only
from autogpt.cli.live import Live
from autogpt.cli.screen import Screen
from autogpt.config import Distilling, RunConfig

if TYPE_CHECKING:
    from rich.console import RenderableType

    from autogpt.regimes.distilling import Distilled


def distil(
    screen: Screen,
    model: Annotated[
        str,
        typer.Argument(help="folder of the model that teaches, or of its run", metavar="MODEL", show_default=False),
    ],
    config: Annotated[
        RunConfig,
        Only("data", "time_limit", "output", "seed", "query", "split", "offline", "memory_limit"),
    ],
    distilling: Distilling,
    *,
    task: Annotated[str | None, typer.Option("--task", help="task of a model that has several", metavar="NAME")] = None,
) -> None:
    """Teach a smaller model (--into) what a saved MODEL answers on DATA, whose rows need no labels; compare them."""
    from autogpt.regimes import distilling as regime

    with screen.working("loading {model}", model=model):
        teacher = artefact.load(model, task=task)
    with Live(screen, limit=config.time_limit) as listen:
        found = regime.distil(teacher, config, distilling, listen=listen)
    show_distilled(screen, found)


def show_distilled(screen: Screen, found: Distilled) -> None:
    """What a student came to, beside its teacher."""
    facts, t = found.facts, screen.t
    names = {"teacher": t("teacher"), "student": t("student"), "labels": t("student of the labels alone")}
    scores = facts.get("scores", {})
    rows = [
        (names[one], _score(scores.get(one)), *_cost(facts["costs"].get(one)))
        for one in names
        if one in scores or one in facts["costs"]
    ]
    agreement = facts["agreement"]
    parts: list[RenderableType] = [
        screen.table(("model", f">{facts['metric']}", ">ms an answer", ">MB on disk"), rows),
        t("held-out rows by the teacher's answers, {metric}: {score}", metric=facts["metric"], score=_score(agreement)),
    ]
    if "behind" in facts:
        parts.append(t("student - teacher: {difference}", difference=_difference(facts["behind"])))
    if "beside_labels" in facts:
        parts.append(t("student - student of the labels alone: {difference}",
                       difference=_difference(facts["beside_labels"])))  # fmt: skip
    if facts["learned"]:
        parts.append(t("the teacher learned most of these rows: its score flatters; give rows it has never seen"))
    screen.result({"run": found.folder, "model": found.folder / "model", **facts}, *parts)
    screen.note('use it with:  autogpt predict {folder} "a text"', folder=found.folder)


def _score(score: Mapping[str, Any] | None) -> str:
    return "" if score is None else f"{score['value']:.3f} ({score['low']:.3f} – {score['high']:.3f})"


def _cost(cost: Mapping[str, Any] | None) -> tuple[str, str]:
    return ("", "") if cost is None else (f"{cost['milliseconds']:.2g}", f"{cost['size'] / 1e6:,.1f}")


def _difference(found: Mapping[str, Any]) -> str:
    return f"{found['delta']:+.3f} ({found['low']:+.3f} – {found['high']:+.3f})"
