"""`autogpt predict`: answers for texts, for standard input, or for a file."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from autogpt import controls, runtime
from autogpt.cli import artefact
from autogpt.cli.answers import COLUMNS, GROUP, MORE, NOTHING, answer_file, attempt, cell, grouped, more
from autogpt.cli.screen import Screen, clean
from autogpt.config import byte_count
from autogpt.core import Prediction
from autogpt.errors import ConfigError, InputError
from autogpt.memory import Guard

if TYPE_CHECKING:
    from rich.console import RenderableType

    from autogpt.model import Model

_WIDTH = 60  # characters of a text shown beside its answer
_SHOWN = 3  # answers of a ranking


def predict(
    screen: Screen,
    model: Annotated[str, typer.Argument(help="folder of a model or of a run", metavar="MODEL", show_default=False)],
    texts: Annotated[
        list[str] | None,
        typer.Argument(
            help="texts (two each for pairs); without any, the lines of standard input (pairs: separated by a tab)",
            metavar="TEXT",
            show_default=False,
        ),
    ] = None,
    *,
    source: Annotated[
        str | None, typer.Option("--input", "-i", help="file with the columns the model reads", metavar="FILE")
    ] = None,
    target: Annotated[
        str | None, typer.Option("--output", "-o", help="file for the answers, in the input's format", metavar="FILE")
    ] = None,
    task: Annotated[str | None, typer.Option("--task", help="task of a model that has several", metavar="NAME")] = None,
    abstain_below: Annotated[
        float | None,
        typer.Option("--abstain-below", help="be unsure below this confidence (0 to 1)", metavar="CONFIDENCE"),
    ] = None,
    control: Annotated[
        list[str] | None,
        typer.Option(
            "--control",
            help="what a written answer is to be like, where its row does not say so (style=formal; may be repeated)",
            metavar="NAME=VALUE",
        ),
    ] = None,
    memory_limit: Annotated[
        str | None,
        typer.Option(
            "--memory-limit",
            help="most memory that answering may take (512MB, 2GB; default: what the machine leaves it)",
            metavar="SIZE",
        ),
    ] = None,
) -> None:
    """Answer texts, or a file of any size: its rows come back with label, confidence, runner_up and abstained."""
    _check(texts, source, target, abstain_below)
    runtime.forbid_network()  # a saved model is complete
    limit = byte_count(memory_limit)
    guard = None if limit is None else Guard(limit, say=screen.warn)
    loaded = artefact.load(model, task=task, guard=guard)
    told = controls.parsed(control or [], loaded.schema.controls)
    if source is not None and target is not None:
        answer_file(screen, loaded, source, target, abstain_below=abstain_below, controls=told)
    elif texts:
        items = _items(loaded, texts)
        predictions = loaded.predict(items, abstain_below=abstain_below, controls=told)
        document = [described(loaded, one, item) for one, item in zip(predictions, items, strict=True)]
        screen.result({"predictions": document}, *_shown(screen, loaded, predictions, items))
    else:
        _answer_lines(screen, loaded, abstain_below, told)


def _check(texts: list[str] | None, source: str | None, target: str | None, abstain_below: float | None) -> None:
    if abstain_below is not None and not 0 <= abstain_below <= 1:
        raise ConfigError(f"--abstain-below {abstain_below:g} must be from 0 to 1")
    if source is not None and texts:
        raise ConfigError("texts and --input are both given; give one of them")
    if (source is None) != (target is None):
        raise ConfigError("--input and --output belong together; give both, or texts, or standard input")
    if source is None and not texts and (sys.stdin is None or sys.stdin.isatty()):
        raise ConfigError("there is nothing to answer; give texts, --input and --output, or lines on standard input")


def _items(model: Model, texts: Sequence[str]) -> list[Any]:
    """Texts as the model reads them: two make one item where it compares pairs."""
    columns = model.schema.text
    if model.schema.choices:
        return [_parted(model, texts)]
    if model.schema.texts == 1:
        return list(texts)
    if len(texts) % 2:
        given = f"{len(texts)} texts are given"
        raise InputError(f"the model reads pairs ({columns[0]}, {columns[1]}), but {given}; give two for each answer")
    return list(zip(texts[::2], texts[1::2], strict=True))


def _parted(model: Model, parts: Sequence[str]) -> tuple[Any, ...]:
    """One item of several texts; where it orders candidates, these are all that follow its texts."""
    count = model.schema.texts
    return (*parts[:count], list(parts[count:])) if model.schema.choices else tuple(parts)


def _answer_lines(screen: Screen, model: Model, abstain_below: float | None, told: Mapping[str, str]) -> None:
    """Every line of standard input gets one line (or one JSON entry), an empty one as well: they stay in step."""
    answered: list[dict[str, Any]] = []
    unanswered: list[tuple[int, str]] = []
    if isinstance(sys.stdin, io.TextIOWrapper):
        sys.stdin.reconfigure(encoding="utf-8-sig", errors="backslashreplace")
    several = model.schema.texts > 1 or bool(model.schema.choices)
    names = (*COLUMNS, MORE[model.output.name]) if model.output.name in MORE else COLUMNS
    numbered = enumerate((line.rstrip("\r\n") for line in sys.stdin), start=1)
    for lines in grouped(numbered, GROUP):
        items = [_parted(model, line.split("\t")) if several else line for _, line in lines]
        answers = attempt(model, items, abstain_below=abstain_below, controls=told)
        for (number, _), item, answer in zip(lines, items, answers, strict=True):
            if isinstance(answer, str):
                unanswered.append((number, answer))
                one = {"input": item, **NOTHING, "reason": answer}
            else:
                one = described(model, answer, item)
            if screen.json:
                answered.append(one)
            else:
                screen.line("\t".join(_field(one.get(name)) for name in names))
    if screen.json:
        screen.result({"predictions": answered})
    elif unanswered:
        line, why = unanswered[0]
        count = len(unanswered)
        screen.warn("{count} lines have no answer; the first is line {line}: {why}", count=count, line=line, why=why)


def described(model: Model, one: Prediction, item: Any) -> dict[str, Any]:
    """A prediction as JSON."""
    values = (cell(one.value), one.confidence, one.runner_up, one.abstained)
    found = {"input": item, **dict(zip(COLUMNS, values, strict=True))}
    kind = model.output.name
    return {**found, MORE[kind]: more(model, one)} if kind in MORE else found


def _shown(
    screen: Screen, model: Model, predictions: Sequence[Prediction], items: Sequence[Any]
) -> list[RenderableType]:
    """Answers for people: spans below their text for token tasks, else one line each."""
    from rich.text import Text

    if model.output.name == "tokens":
        return [_spans(screen, one, item) for one, item in zip(predictions, items, strict=True)]
    if predictions and predictions[0].best:
        return [_best(one, item) for one, item in zip(predictions, items, strict=True)]
    rows = []
    for one, item in zip(predictions, items, strict=True):
        label = Text(clean(_words(one.value)), style="yellow" if one.abstained else "bold")
        sure = "" if one.confidence is None else f"{one.confidence:.2f}"
        rows.append((label, sure, screen.t("unsure") if one.abstained else one.runner_up or "", _short(item)))
    if model.output.name == "value":
        return [screen.table((">answer", "text"), [(row[0], row[3]) for row in rows])]
    return [screen.table(("answer", ">confidence", "runner-up", "text"), rows)]


def _spans(screen: Screen, one: Prediction, item: Any) -> RenderableType:
    from rich.text import Text

    found = Text(clean(_short(item, width=500)), style="dim")
    for span in one.spans:
        found.append(f"\n  {clean(span.label):<12} ", style="bold cyan").append(clean(span.text), style="not dim")
    if not one.spans:
        found.append("\n  " + screen.t("nothing found"))
    return found


def _best(one: Prediction, item: Any) -> RenderableType:
    """The first answers of a ranking below what was asked."""
    from rich.text import Text

    found = Text(clean(_short(item, width=500)), style="dim")
    for label, sure in one.best[:_SHOWN]:
        found.append(f"\n  {sure:.2f}  ", style="bold cyan").append(
            clean(_short(str(label), width=160)), style="not dim"
        )
    return found


def _short(item: Any, *, width: int = _WIDTH) -> str:
    whole = [item] if isinstance(item, str) else item
    parts = [text for part in whole for text in (part if isinstance(part, list) else [part])]
    flat = " ".join(" | ".join(parts).split())
    return flat if len(flat) <= width else flat[: width - 1] + "…"


def _words(value: Any) -> str:
    """An answer for people: `refund, card` for several labels, a number without its last digits."""
    if isinstance(value, float):
        return f"{value:.4g}"
    return ", ".join(value) or "-" if isinstance(value, (tuple, list)) else str(value)


def _field(value: Any) -> str:
    """A value between two tabs."""
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, (bool, list)):
        return json.dumps(value, ensure_ascii=False)
    return "" if value is None else clean(str(value)).replace("\t", " ").replace("\n", " ")
