"""`autogpt select`: which rows of a table teach most, what a policy learned of them, and whether that wins."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from autogpt.cli.flags import Only
from autogpt.cli.screen import Screen
from autogpt.config import RunConfig
from autogpt.errors import ConfigError, InputError

if TYPE_CHECKING:
    from rich.console import RenderableType

    from autogpt.autopilot.choosing import Chosen
    from autogpt.core import Example

_SHOWN, _WIDTH = 8, 70


def select(
    screen: Screen,
    config: Annotated[RunConfig, Only("data", "goal", "seed", "query", "offline", "columns", "backbone", "revision")],
    *,
    policy: Annotated[str, typer.Option("--policy", metavar="NAME", help="how rows are chosen")] = "reinforce",
    explain: Annotated[bool, typer.Option("--explain", help="show rows that were left out, and why")] = False,
    weights: Annotated[
        str | None, typer.Option("--weights", metavar="FILE", help="write the training rows with a weight column")
    ] = None,
) -> None:
    """Choose training rows of DATA by a policy that its validation rows (given or drawn) reward; train nothing."""
    if not config.data:
        raise ConfigError("there is nothing to choose from; give DATA (a file or bundled name) or --config FILE")
    from autogpt import registry
    from autogpt.autopilot import choosing
    from autogpt.selection._guard import LEAST_TRUSTED

    registry.get("selection", policy)  # a wrong name is told before anything is read
    with screen.working("reading {data}", data=config.data):
        bench, table = choosing.prepared(config, ask=screen.ask if screen.interactive else None)
    with screen.working("choosing among {rows} rows", rows=f"{len(bench.train):,}"):
        known = choosing.world_of(bench)
        found = choosing.chosen(*known, policy) if known is not None else None
        phrases = choosing.suspicious_phrases(*known, bench.train) if known is not None else []
    if found is None:
        raise InputError(
            f"{config.data}: rows cannot be chosen; it takes a label per row and {LEAST_TRUSTED} validation rows"
        )
    share = found.weights(len(bench.train))
    if weights is not None:
        choosing.write(weights, table, bench.train, share, like=config.data)
    verdict = found.verdict
    document: dict[str, Any] = {"policy": policy, **verdict.told()}
    less = sum(0 < weight < 1 for weight in share)
    document |= {"rows": len(share), "left_out": share.count(0.0), "less": less}
    document["planted"] = [
        {**asdict(one), "rows": [bench.train[found.places[row]].id + 1 for row in one.rows]} for one in phrases
    ]
    for one in phrases:
        screen.warn(str(one))
    rows = _left_out(found, bench.train) if explain or screen.json else []
    if explain:
        document["rows_left_out"] = rows
    screen.result(document, *_parts(screen, document, rows if explain else []))


def _left_out(found: Chosen, train: Any) -> list[dict[str, Any]]:
    """The rows that weigh least, with what speaks against them."""
    weight = found.verdict.proposal.weight
    order = weight.argsort(kind="stable")[: 10 * _SHOWN]
    return [_row(found, int(number), train[found.places[int(number)]]) for number in order]


def _row(found: Chosen, number: int, example: Example) -> dict[str, Any]:
    from autogpt.data.words import inputs_text

    weight = float(found.verdict.proposal.weight[number])
    told = {"row": example.id + 1, "label": str(example.target), "weight": round(weight, 3), "why": found.why(number)}
    return {**told, "text": inputs_text(example.inputs)}


def _parts(screen: Screen, document: dict[str, Any], rows: list[dict[str, Any]]) -> list[RenderableType]:
    t = screen.t
    accuracy = f"{100 * document['accuracy']:+.1f}"
    gain = f"{document['gain']:+.3f} [{document['low']:+.3f}, {document['high']:+.3f}]"
    facts = [
        (t("policy"), document["policy"]),
        (t("verdict"), t.translate(document["reason"])),
        (t("signal that labels lost"), f"{max(document['noise'], 0.0):.0%}"),
        (t("gain in log probability"), gain),
        (t("gain of a quick model, points"), accuracy),
        (t("rows left out"), f"{document['left_out']:,} / {document['rows']:,}"),
        (t("rows that weigh less"), f"{document['less']:,}"),
    ]
    parts: list[RenderableType] = [screen.table(("", ""), facts, header=False)]
    if document["weighing"]:
        most = max(abs(value) for value in document["weighing"].values()) or 1.0
        bars = [
            (name, f"{value:+.2f}", "▇" * round(20 * abs(value) / most)) for name, value in document["weighing"].items()
        ]
        parts += ["", screen.heading("What the policy learned"), screen.table(("feature", ">weighs", ""), bars)]
    if rows:
        shown = [(row["row"], row["label"], row["weight"], row["why"], row["text"][:_WIDTH]) for row in rows[:_SHOWN]]
        parts += ["", screen.heading("Rows that weigh least")]
        parts.append(screen.table((">row", "label", ">weight", "why", "text"), shown))
    return parts
