"""`autogpt compare`: which of several models is better, and whether the difference is real."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from autogpt import registry, runtime
from autogpt.cli import artefact
from autogpt.cli.commands.evaluate import numbers
from autogpt.cli.screen import Screen
from autogpt.errors import ConfigError, ModelError

if TYPE_CHECKING:
    from rich.console import RenderableType

    from autogpt.cli.judged import Judged
    from autogpt.core import Metric
    from autogpt.evaluation.interval import Difference
    from autogpt.model import Model


def compare(
    screen: Screen,
    models: Annotated[list[str], typer.Argument(help="folders of models or runs", metavar="MODEL", show_default=False)],
    *,
    data: Annotated[
        str | None,
        typer.Option("--data", "-d", help="score all on these rows, and test the differences", metavar="DATA"),
    ] = None,
) -> None:
    """Show models side by side: the scores of their own tests, or with --data on the same rows, paired."""
    runtime.forbid_network()
    if data is None:
        _reports(screen, models)
        return
    from autogpt.cli.judged import judge
    from autogpt.data.read import read

    with screen.working("reading {data}", data=data):
        table = read(data, offline=True)
    judged = []
    for name in models:
        with screen.working("answering with {model}", model=name):
            model = artefact.load(name)
            judged.append((name, model, judge(model, table)))
    _paired(screen, data, judged)


def _reports(screen: Screen, models: list[str]) -> None:
    """What each model's own report says. The tests may differ; then so much is said."""
    found = [_described(name) for name in models]
    verdicts = {True: screen.t("ship"), False: screen.t("do not ship"), None: screen.t("not tested")}
    rows = [(one["model"], one["method"], one["metric"], *_interval(one), verdicts[one["ship"]]) for one in found]
    columns = ("model", "method", "metric", ">score", ">95 % interval", ">rows", "verdict")
    parts: list[RenderableType] = [screen.table(columns, rows)]
    if len({one["fingerprint"] for one in found}) > 1:
        parts.append(screen.t("the models were trained on different data; compare them on the same with --data"))
    elif len(found) > 1:
        parts.append(screen.t("with --data DATA the differences are tested on the same rows"))
    screen.result({"models": found}, *parts)


def _described(name: str) -> dict[str, Any]:
    """Method and test score of one model, from its manifest and report."""
    folder = artefact.locate(name)
    try:
        info: dict[str, Any] = json.loads((folder / artefact.MANIFEST).read_text("utf-8"))
        path = folder / "report.json"
        report: dict[str, Any] = json.loads(path.read_text("utf-8")) if path.is_file() else {}
        scores: list[dict[str, Any]] = report["systems"][0]["scores"] if report else []
        score = next((one for one in scores if one["metric"] == report["metric"]), {})
        return {
            "model": name, "task": info["task"], "method": info.get("method", ""), "metric": report.get("metric", ""),
            "score": score.get("value"), "low": score.get("low"), "high": score.get("high"), "rows": score.get("n"),
            "ship": report["verdict"]["ship"] if report else None,
            "fingerprint": info.get("data", {}).get("fingerprint"),
        }  # fmt: skip
    except (OSError, ValueError, KeyError, TypeError, IndexError, AttributeError) as problem:
        raise ModelError(f"{folder} is damaged ({problem}); restore it from a copy or train again") from None


def _interval(one: dict[str, Any]) -> tuple[str, str, str]:
    if one["score"] is None:
        return "", "", ""
    return f"{one['score']:.3f}", f"{one['low']:.3f} - {one['high']:.3f}", f"{one['rows']:,}"


def _paired(screen: Screen, data: str, judged: list[tuple[str, Model, Judged]]) -> None:
    """All on the same rows: each against the best, by paired bootstrap."""
    task = judged[0][1].task
    for name, model, _ in judged:
        if model.task.name != task.name:
            raise ConfigError(
                f"{name} does {model.task.name} and {judged[0][0]} {task.name}; compare models of one task"
            )
    metric: Metric = registry.get("metrics", task.metrics[0])
    judged.sort(key=lambda one: one[2].scores[metric.name].value, reverse=metric.higher_is_better)
    best = judged[0]
    rows, document = [], []
    for name, model, found in judged:
        behind = None if found is best[2] else _difference(metric, best[1], best[2], model, found)
        rows.append((name, *numbers(found.scores[metric.name]), _verdict(screen, behind)))
        document.append({"model": name, **found.to_dict(), "behind_best": None if behind is None else asdict(behind)})
    table = screen.table(("model", f">{metric.name}", ">95 % interval", ">rows", "against the best"), rows)
    screen.result({"data": data, "metric": metric.name, "models": document}, table)


def _difference(metric: Metric, best: Model, its: Judged, other: Model, found: Judged) -> Difference | None:
    """How far the best is ahead on the rows that both answered; None where these or the labels differ."""
    from autogpt.evaluation.interval import Answers, paired_difference

    if [one.id for one in its.rows] != [one.id for one in found.rows] or best.space != other.space:
        return None
    gold = [one.target for one in its.rows]
    sides = [Answers([p.value for p in one.predictions], one.probabilities) for one in (its, found)]
    return paired_difference(metric, gold, *sides, space=best.space)


def _verdict(screen: Screen, behind: Difference | None) -> str:
    if behind is None:
        return ""
    delta, low, high = (0.0 - value for value in (behind.delta, behind.high, behind.low))  # 0.0 - x is never -0
    shown = f"{delta:+.3f} [{low:+.3f}, {high:+.3f}], p = {behind.p:.3f}"
    return shown if behind.clear else f"{shown} {screen.t('(may be chance)')}"
