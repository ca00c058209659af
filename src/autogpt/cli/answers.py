"""Answers in files: rows are read, answered and written in small groups, so that a file may be larger than memory.

Every row is accounted for. A row that was read but has nothing to answer (its text is empty) stays in its place with
an empty label and `abstained` true; a row that could not be read at all is left out. Both are listed with line and
reason in `OUTPUT.rejected.jsonl`, and counted in the result.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from autogpt import files
from autogpt.cli.screen import Screen
from autogpt.core import Prediction, Rejection, Row
from autogpt.errors import ConfigError, SourceError

if TYPE_CHECKING:
    from autogpt.model import Model

COLUMNS = ("label", "confidence", "runner_up", "abstained")
NOTHING = dict.fromkeys(COLUMNS) | {"abstained": True}  # the answer of a row that cannot have one
MORE = {
    "tokens": "spans",
    "span": "spans",
    "choices": "ranking",
    "ranking": "ranking",
    "path": "steps",
}  # output kind: what its answers have beside these
GROUP = 256  # rows answered at once


@dataclass(slots=True)
class Count:
    """What became of the rows: read = answered + unanswered + unreadable."""

    read: int = 0
    answered: int = 0
    abstained: int = 0
    unanswered: int = 0
    unreadable: int = 0
    rejected: list[dict[str, Any]] = field(default_factory=list)


def answer_file(
    screen: Screen,
    model: Model,
    source: str,
    target: str,
    *,
    abstain_below: float | None,
    controls: Mapping[str, str] | None = None,
) -> None:
    """The rows of `source` with their answers, in `target`. `controls`: see `Model.inputs`."""
    from autogpt.data import token_rows
    from autogpt.data.stream import rows
    from autogpt.data.write import writer

    if Path(source).resolve() == Path(target).resolve():
        raise ConfigError(f"--output {target} is the input itself; give another name")
    count = Count()
    found = rows(source)
    if model.output.name == "tokens":
        found = token_rows.streamed(found, model.schema.text[0])
    with screen.counting("answering {name}", name=Path(source).name) as advance, writer(target, like=source) as write:
        for group in grouped(found, GROUP):
            _answer_group(model, group, count, write, abstain_below=abstain_below, controls=controls)
            _refuse_unanswerable(source, count)
            advance(len(group))
    count.rejected.sort(key=lambda one: one["line"] or 0)
    document = {"output": target, **{name: value for name, value in asdict(count).items() if name != "rejected"}}
    listed = Path(f"{target}.rejected.jsonl")
    if count.rejected:
        files.write_text(listed, "".join(json.dumps(one, ensure_ascii=False) + "\n" for one in count.rejected))
        document["rejected"] = str(listed)
    else:
        listed.unlink(missing_ok=True)  # of an earlier answer to the same output
    _show(screen, document, count)


def attempt(
    model: Model, items: Sequence[Any], *, abstain_below: float | None, controls: Mapping[str, str] | None = None
) -> list[Prediction | str]:
    """One call of the model for all items that can be read; for each other the reason why not, in its place."""
    inputs, reasons = [], []
    for item in items:
        try:
            inputs.append(model.inputs(item, controls=controls))
            reasons.append("")
        except ValueError as problem:
            reasons.append(str(problem))
    answers = iter(model.answers(inputs, abstain_below=abstain_below))
    return [reason or next(answers) for reason in reasons]


def _answer_group(
    model: Model,
    group: Sequence[tuple[int, Row | Rejection]],
    count: Count,
    write: Callable[[Row], None],
    *,
    abstain_below: float | None,
    controls: Mapping[str, str] | None,
) -> None:
    """Answer the rows of a group, and write them in their order."""
    rows = [(line, row) for line, row in group if not isinstance(row, Rejection)]
    count.read += len(group)
    count.unreadable += len(group) - len(rows)
    for _, row in group:
        if isinstance(row, Rejection):
            count.rejected.append({"line": row.line, "reason": row.reason, "written": False})
    answers = attempt(model, [row for _, row in rows], abstain_below=abstain_below, controls=controls)
    for (line, row), answer in zip(rows, answers, strict=True):
        if isinstance(answer, str):
            count.unanswered += 1
            count.rejected.append({"line": line, "reason": answer, "written": True})
        else:
            count.answered += 1
            count.abstained += answer.abstained
        write(_with_answer(model, row, answer))


def _refuse_unanswerable(source: str, count: Count) -> None:
    """A file of which nothing in the first group can be answered is the wrong file: say so instead of writing it."""
    if count.rejected and not count.answered:
        first = count.rejected[0]
        raise SourceError(
            f"{source}: none of the first {count.read} rows can be answered; line {first['line']}: {first['reason']}"
        )


def _with_answer(model: Model, row: Row, found: Prediction | str) -> Row:
    """The row with four columns more (five for tokens and orders); a name that is taken gets `predicted_` in front."""
    answer: dict[str, Any] = dict(NOTHING)
    if isinstance(found, Prediction):
        sure = None if found.confidence is None else round(found.confidence, 6)
        values = (cell(found.value, model.schema.separator), sure, found.runner_up, found.abstained)
        answer = dict(zip(COLUMNS, values, strict=True))
    if model.output.name in MORE:
        answer[MORE[model.output.name]] = more(model, found) if isinstance(found, Prediction) else []
    return {**row, **{f"predicted_{name}" if name in row else name: value for name, value in answer.items()}}


def cell(value: Any, separator: str | None = None) -> Any:
    """An answer as it is written in the training data: several labels are joined where that has a separator."""
    if isinstance(value, (tuple, list)):
        return separator.join(value) if separator else list(value)
    return value


def more(model: Model, prediction: Prediction) -> list[Any]:
    """What `MORE` names, as JSON-able values: spans, the first answers in order, or the steps of a path."""
    return spans(prediction) if model.output.token_level else ranking(prediction)


def spans(prediction: Prediction) -> list[dict[str, Any]]:
    """The spans of an answer as JSON-able values."""
    return [{name: value for name, value in asdict(span).items() if value is not None} for span in prediction.spans]


def ranking(prediction: Prediction) -> list[dict[str, Any]]:
    """The first answers of a ranking as JSON-able values."""
    return [{"label": label, "confidence": round(sure, 6)} for label, sure in prediction.best]


def _show(screen: Screen, document: Mapping[str, Any], count: Count) -> None:
    t = screen.t
    lines = [t("{answered} of {read} rows answered, written to {output}", answered=f"{count.answered:,}",
               read=f"{count.read:,}", output=document["output"])]  # fmt: skip
    if count.abstained:
        lines.append(t("{count} answers are unsure", count=f"{count.abstained:,}"))
    if count.rejected:
        lines.append(
            t("{empty} rows have nothing to answer (their label is empty), {broken} could not be read; see {path}",
              empty=f"{count.unanswered:,}", broken=f"{count.unreadable:,}", path=document["rejected"])
        )  # fmt: skip
    screen.result(document, *lines)


def grouped(items: Iterable[Any], size: int) -> Iterator[list[Any]]:
    """Lists of up to `size` items."""
    iterator = iter(items)
    while group := list(itertools.islice(iterator, size)):
        yield group
