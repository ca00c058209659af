"""`autogpt predict`: answers for texts, for standard input, or for a file."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from autogpt import runtime
from autogpt.cli import artefact, batch
from autogpt.cli.screen import Screen, clean
from autogpt.core import Prediction
from autogpt.errors import ConfigError, InputError

if TYPE_CHECKING:
    from rich.console import RenderableType

    from autogpt.model import Model

LINES = 256  # lines of standard input answered at once
_WIDTH = 60  # characters of a text shown beside its answer


def predict(
    screen: Screen,
    model: Annotated[str, typer.Argument(help="folder of a model or of a run", metavar="MODEL", show_default=False)],
    texts: Annotated[
        list[str] | None,
        typer.Argument(
            help="texts (two each for pairs); without any, the lines of standard input (pairs: separated by a tab)",
            metavar="[TEXT]...",
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
    abstain_below: Annotated[
        float | None,
        typer.Option("--abstain-below", help="be unsure below this confidence (0 to 1)", metavar="CONFIDENCE"),
    ] = None,
) -> None:
    """Answer texts, or a file of any size: its rows come back with label, confidence, runner_up and abstained."""
    _check(texts, source, target, abstain_below)
    runtime.forbid_network()  # a saved model is complete
    loaded = artefact.load(model)
    if source is not None and target is not None:
        batch.answer(screen, loaded, source, target, abstain=abstain_below)
    elif texts:
        inputs = list(_inputs(loaded, texts))
        predictions = loaded.predict(inputs, abstain=abstain_below)
        document = [described(one, text) for one, text in zip(predictions, inputs, strict=True)]
        screen.result({"predictions": document}, *_shown(screen, loaded, predictions, inputs))
    else:
        _answer_lines(screen, loaded, abstain_below)


def _check(texts: list[str] | None, source: str | None, target: str | None, abstain_below: float | None) -> None:
    if abstain_below is not None and not 0 <= abstain_below <= 1:
        raise ConfigError(f"--abstain-below {abstain_below:g} must be from 0 to 1")
    if source is not None and texts:
        raise ConfigError("texts and --input are both given; give one of them")
    if (source is None) != (target is None):
        raise ConfigError("--input and --output belong together; give both, or texts, or standard input")
    if source is None and not texts and (sys.stdin is None or sys.stdin.isatty()):
        raise ConfigError("there is nothing to answer; give texts, --input and --output, or lines on standard input")


def _inputs(model: Model, texts: Sequence[str]) -> Iterator[Any]:
    """Texts as the model reads them: a pair is a row with both columns."""
    columns = artefact.text_columns(model)
    if len(columns) == 1:
        yield from texts
        return
    if len(texts) % 2:
        given = f"{len(texts)} texts are given"
        raise InputError(f"the model reads pairs ({columns[0]}, {columns[1]}), but {given}; give two for each answer")
    for first, second in zip(texts[::2], texts[1::2], strict=True):
        yield dict(zip(columns, (first, second), strict=True))


def _answer_lines(screen: Screen, model: Model, abstain: float | None) -> None:
    """Every line of standard input gets one line (or one JSON entry): answer, confidence, runner-up, unsure or not."""
    answered: list[dict[str, Any]] = []
    sys.stdin.reconfigure(encoding="utf-8-sig", errors="backslashreplace")  # type: ignore[union-attr]
    numbered = enumerate((line.rstrip("\r\n") for line in sys.stdin), start=1)
    for lines in batched(numbered, LINES):
        inputs = [_line(model, text, number) for number, text in lines]
        usable = [one for one in inputs if one is not None]
        predictions = iter(model.predict(usable, abstain=abstain) if usable else [])
        for (_, text), given in zip(lines, inputs, strict=True):
            one = described(next(predictions), given) if given is not None else _empty(text)
            if screen.json:
                answered.append(one)
            else:
                screen.line("\t".join(_cell(one[name]) for name in batch.COLUMNS))
    if screen.json:
        screen.result({"predictions": answered})


def _line(model: Model, text: str, number: int) -> Any:
    """One line as the model reads it, or None for an empty one (its answer is empty: lines stay in step)."""
    columns = artefact.text_columns(model)
    if not text.strip():
        return None
    if len(columns) == 1:
        return text
    parts = text.split("\t")
    if len(parts) != 2:
        raise InputError(f"standard input, line {number}: the model reads two texts; separate them by one tab")
    return dict(zip(columns, parts, strict=True))


def described(one: Prediction, text: Any) -> dict[str, Any]:
    """A prediction as JSON."""
    found = {"input": text, "label": one.value, "confidence": one.confidence, "runner_up": one.runner_up,
             "abstained": one.abstained}  # fmt: skip
    if one.spans:
        found["spans"] = [
            {"label": s.label, "text": s.text, "start": s.start, "end": s.end, "char_start": s.char_start,
             "char_end": s.char_end} for s in one.spans
        ]  # fmt: skip
    return found


def _empty(text: str) -> dict[str, Any]:
    return {"input": text, "label": None, "confidence": None, "runner_up": None, "abstained": True,
            "reason": "the line is empty"}  # fmt: skip


def _shown(
    screen: Screen, model: Model, predictions: Sequence[Prediction], inputs: Sequence[Any]
) -> list[RenderableType]:
    """Answers for people: spans below their text for token tasks, else one line each."""
    from rich.text import Text

    if artefact.output(model) == "tokens":
        return [_spans(screen, one, text) for one, text in zip(predictions, inputs, strict=True)]
    rows = []
    for one, text in zip(predictions, inputs, strict=True):
        label = Text(clean(batch.as_text(one.value)), style="yellow" if one.abstained else "bold")
        sure = "" if one.confidence is None else f"{one.confidence:.2f}"
        unsure = screen.t("unsure") if one.abstained else ""
        rows.append((label, sure, unsure or one.runner_up or "", _short(text)))
    return [screen.table(("answer", ">confidence", "runner-up", "text"), rows)]


def _spans(screen: Screen, one: Prediction, text: Any) -> RenderableType:
    from rich.text import Text

    found = Text(clean(_short(text, width=500)), style="dim")
    for span in one.spans:
        found.append(f"\n  {clean(span.label):<12} ", style="bold cyan").append(clean(span.text), style="not dim")
    if not one.spans:
        found.append("\n  " + screen.t("nothing found"))
    return found


def _short(text: Any, *, width: int = _WIDTH) -> str:
    joined = text if isinstance(text, str) else " | ".join(str(value) for value in text.values())
    flat = " ".join(joined.split())
    return flat if len(flat) <= width else flat[: width - 1] + "…"


def _cell(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4f}"
    return "" if value is None else clean(batch.as_text(value)).replace("\t", " ").replace("\n", " ")


def batched(items: Iterable[Any], size: int) -> Iterator[list[Any]]:
    """Lists of up to `size` items."""
    iterator = iter(items)
    while chunk := list(itertools.islice(iterator, size)):
        yield chunk
