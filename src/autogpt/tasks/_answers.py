"""Answers that stand in a text, in the forms that data sets use. Problems are ValueErrors."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from autogpt import cells
from autogpt.core import Row

Told = list[tuple[str, int | None]]
"""Answer texts, with the character at which each begins where that is known."""

_STARTS = ("answer_start", "answer_starts", "start", "starts")


def read(row: Row, columns: Sequence[str]) -> Told:
    """Answers of a row: SQuAD's record of lists, a list of records, texts (and their starts in a second column)."""
    value, column = row.get(columns[0]), columns[0]
    if isinstance(value, str) and value.lstrip().startswith("{"):
        value = _record(value)
    listed = cells.sequence(value)
    if isinstance(value, Mapping):
        return _paired(_many(value.get("text")), _first(value, _STARTS), column)
    if listed is not None and listed and all(isinstance(item, Mapping) for item in listed):
        found = [_paired(_many(item.get("text")), _first(item, _STARTS), column) for item in listed]
        return [answer for part in found for answer in part]
    return _paired(_many(value), row.get(columns[1]) if len(columns) > 1 else None, column)


def place(answer: str, start: int | None, context: str) -> tuple[int, int]:
    """Where an answer stands in its context: at `start`, or else where it is found (as whole words if it is so)."""
    if start is not None and context[start : start + len(answer)] == answer and start >= 0:
        return start, start + len(answer)
    found = [match.start() for match in re.finditer(re.escape(answer), context)]
    if not found:
        shown = answer if len(answer) <= 60 else answer[:59] + "…"
        raise ValueError(f"the answer {shown!r} is not in the text; it must be a part of it, or empty for no answer")
    if start is None:
        whole = re.compile(rf"(?<!\w){re.escape(answer)}(?!\w)").search(context)
        begin = whole.start() if whole else found[0]
    else:
        begin = min(found, key=lambda place: abs(place - start))
    return begin, begin + len(answer)


def _paired(texts: Sequence[Any], starts: Any, column: str) -> Told:
    places = _many(starts)
    if places and len(places) != len(texts):
        raise ValueError(f"column {column!r} has {len(texts)} answers and {len(places)} places; as many are needed")
    numbers = [_whole(number, column) for number in places] if places else [None] * len(texts)
    told = [_trimmed(str(text), number) for text, number in zip(texts, numbers, strict=True) if text is not None]
    return [(text, number) for text, number in told if text]


def _trimmed(text: str, start: int | None) -> tuple[str, int | None]:
    return text.strip(), None if start is None else start + len(text) - len(text.lstrip())


def _many(value: Any) -> list[Any]:
    listed = cells.sequence(value)
    if listed is not None:
        return list(listed)
    return [] if value is None or not str(value).strip() else [value]


def _first(record: Mapping[str, Any], names: Sequence[str]) -> Any:
    return next((record[name] for name in names if record.get(name) is not None), None)


def _record(cell: str) -> Any:
    """A record written as JSON or as Python writes it; the text itself when it is none."""
    for reader in (json.loads, ast.literal_eval):
        try:
            found = reader(cell.strip())
        except (ValueError, SyntaxError, RecursionError, MemoryError):
            continue
        if isinstance(found, Mapping) and "text" in found:
            return found
    return cell


def _whole(value: Any, column: str) -> int:
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = float("nan")
    if not number.is_integer():
        raise ValueError(f"column {column!r} has an answer at {value!r}; its place must be a whole number")
    return int(number)
