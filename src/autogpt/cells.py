"""How a cell is read: as text, number, labels, or words. Problems are ValueErrors that name column and value."""

from __future__ import annotations

import ast
import json
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

from autogpt.core import Row, Schema

_CJK = r"\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af"
# One CJK character, a run of other word characters (apostrophes inside), or one mark.
_WORD = re.compile(rf"[{_CJK}]|[^\W_{_CJK}]+(?:['’][^\W_{_CJK}]+)*|[^\w\s]|_")


def text(row: Row, column: str) -> str:
    """The column's value as text, of a list with one text that text; ValueError when there is none."""
    value = row.get(column)
    value = alone if isinstance(alone := only(value), str) else value
    found = "" if value is None else str(value)
    if not found.strip():
        raise ValueError(f"column {column!r} is empty")
    return found


def only(value: Any) -> Any:
    """What a list of one has in it; any other value as it is."""
    return value[0] if isinstance(value, (list, tuple)) and len(value) == 1 else value


def texts(row: Row, schema: Schema) -> dict[str, str]:
    """`text`, and `text_pair` when the schema has a second text column; columns that are joined are one text."""
    if schema.joined:
        return {"text": joined(row, schema.text)}
    inputs = {"text": text(row, schema.text[0])}
    if len(schema.text) > 1:
        inputs["text_pair"] = text(row, schema.text[1])
    return inputs


def sample_texts(sample: str, schema: Schema) -> list[dict[str, str]]:
    """Inputs as `texts` gives them, with the same text in each place."""
    return [texts(dict.fromkeys(schema.text, sample), schema)]


def number(row: Row, column: str) -> float:
    """The column's value as a finite number; thousands separators are not guessed at."""
    value = row.get(column)
    try:
        found = float(value) if value is not None else math.nan
    except (TypeError, ValueError):
        raise ValueError(f"column {column!r} has {value!r}, which is not a number") from None
    if not math.isfinite(found):
        raise ValueError(f"column {column!r} has {value!r}, which is not a finite number")
    return found


def sequence(value: Any) -> Sequence[Any] | None:
    """A list as it is, or written out as text; None when the cell is no list."""
    if isinstance(value, str) and value.lstrip().startswith("["):
        value = _listed(value)
    if isinstance(value, Sequence) and not isinstance(value, (str, bytes)):
        return value
    return None


_TAGGED = re.compile(r"\s*(?:<[^<>]+>\s*)+")


def label_items(value: Any) -> Sequence[Any] | None:
    """The labels of a list as they are, the names of objects (`[{"id": 18, "name": "Drama"}]`) or `<these><tags>`.

    None when the cell is no list.
    """
    if isinstance(value, str) and value.lstrip().startswith("<") and _TAGGED.fullmatch(value):
        return re.findall(r"<([^<>]+)>", value)
    listed = sequence(value)
    if not listed or not all(isinstance(item, Mapping) for item in listed):
        return listed
    names = [_only_name(item) for item in listed]
    return listed if None in names else names


def _only_name(item: Mapping[str, Any]) -> str | None:
    """The name (label, tag) of an object that has nothing else but numbers."""
    written = [key for key, value in item.items() if not isinstance(value, (int, float))]
    only = item[written[0]] if len(written) == 1 and written[0] in ("name", "label", "tag") else None
    return only if isinstance(only, str) else None


def _listed(cell: str) -> Any:
    """A list written as JSON, or as Python writes it (`['a', 'b']`, what pandas puts into CSV files)."""
    for read in (json.loads, ast.literal_eval):
        try:
            return read(cell.strip())
        except (ValueError, SyntaxError, RecursionError, MemoryError):
            continue
    return None


def choices(row: Row, columns: Sequence[str]) -> tuple[str, ...]:
    """Candidates of a row: those of a list in one column, or a column each (of which the last ones may be empty)."""
    if len(columns) == 1:
        listed = sequence(row.get(columns[0]))
        if listed is None:
            raise ValueError(f"column {columns[0]!r} has one candidate and no other to compare it with; give a list")
        found = [str(part) for part in listed]
    else:
        found = ["" if row.get(column) is None else str(row.get(column)) for column in columns]
        while found and not found[-1].strip():
            found.pop()
    shown = ", ".join(map(repr, columns))
    if len(found) < 2:
        raise ValueError(f"column {shown} has {len(found)} candidates; at least 2 are needed")
    if not all(text.strip() for text in found):
        raise ValueError(f"column {shown} has an empty candidate before others")
    if len(set(found)) < len(found):
        raise ValueError(f"column {shown} has the same candidate twice")
    return tuple(found)


def joined(row: Row, columns: Sequence[str], *, between: str = "\n") -> str:
    """All texts of these columns that are there; a list is divided by bars. ValueError when there is none."""
    parts = [row.get(column) for column in columns]
    lists = [sequence(part) for part in parts]
    found = [
        "" if part is None else str(part) if listed is None else " | ".join(map(str, listed))
        for part, listed in zip(parts, lists, strict=True)
    ]
    whole = between.join(text for text in found if text.strip())
    if not whole:
        raise ValueError(f"column {', '.join(map(repr, columns))} is empty")
    return whole


def labels(row: Row, column: str, separator: str | None) -> tuple[str, ...]:
    """Labels of one cell: a list, or text split at the separator. An empty cell means no label."""
    value = row.get(column)
    parts = label_items(value)
    if parts is None:
        cell = "" if value is None else str(value)
        parts = [part.strip() for part in cell.split(separator)] if separator else [cell]
    return tuple(dict.fromkeys(str(part) for part in parts if str(part).strip()))


_YES = {"1", "1.0", "true", "yes", "y", "t", "是"}
_NO = {"", "0", "0.0", "false", "no", "n", "f", "否"}


def flag(row: Row, column: str) -> bool:
    """A 0/1 (true/false, yes/no) cell."""
    value = str(row.get(column) if row.get(column) is not None else "").strip().lower()
    if value not in _YES | _NO:
        raise ValueError(f"column {column!r} has {row.get(column)!r}; allowed are 0/1, true/false, yes/no")
    return value in _YES


def words(sentence: str) -> tuple[tuple[str, ...], tuple[tuple[int, int], ...]]:
    """Tokens of plain text with their places: words, single CJK characters, single marks."""
    found = list(_WORD.finditer(sentence))
    return tuple(m.group() for m in found), tuple(m.span() for m in found)


def tokens(row: Row, column: str) -> dict[str, Any]:
    """Token input from a list of tokens (as it is), or from plain text (split, with character offsets)."""
    listed = sequence(row.get(column))
    if listed is not None:
        if not listed:
            raise ValueError(f"column {column!r} has no tokens")
        return {"tokens": tuple(str(token) for token in listed)}
    sentence = text(row, column)
    found, offsets = words(sentence)
    if not found:
        raise ValueError(f"column {column!r} has no words in {sentence!r}")
    return {"tokens": found, "offsets": offsets, "text": sentence}


def marked(
    sentence: str, marks: Sequence[tuple[int, int]], signs: Sequence[tuple[str, str]]
) -> tuple[str, list[tuple[int, int]]]:
    """The text with a sign before and after each marked span, and where the spans, signs included, stand in it.

    Spans (start, end) in characters may touch, lie within each other or overlap.
    """
    edges: list[tuple[int, int, int, int]] = []  # at one place: what ends, shortest first, then what begins
    for place, (start, end) in enumerate(marks):
        edges += [(end, 0, end - start, -place), (start, 1, start - end, place)]
    found, last = "", 0
    begins, ends = [0] * len(marks), [0] * len(marks)
    for position, opens, _, place in sorted(edges):
        found += sentence[last:position]
        last = position
        if opens:
            begins[place] = len(found)
            found += signs[place][0]
        else:
            found += signs[-place][1]
            ends[-place] = len(found)
    return found + sentence[last:], list(zip(begins, ends, strict=True))


TAGS = (("<e1>", "</e1>"), ("<e2>", "</e2>"))
"""Signs around the first and the second span of a text, as a person reads and writes them."""


STEP = " > "
"""What stands between the steps of a path where it is written as one label."""


def path(row: Row, columns: Sequence[str], separator: str | None) -> str:
    """A path of labels, its steps joined by `STEP`: one cell split at the separator (">" if none), or nested columns.

    The last columns may be empty: the path ends above them. ValueError for an empty step before others.
    """
    if len(columns) == 1:
        cell = text(row, columns[0])
        steps = [step.strip() for step in cell.strip().split((separator or STEP).strip() or separator)]
    else:
        steps = ["" if row.get(column) is None else str(row.get(column)).strip() for column in columns]
        while steps and not steps[-1]:
            steps.pop()
    shown = ", ".join(map(repr, columns))
    if not steps:
        raise ValueError(f"column {shown} is empty")
    if not all(steps):
        raise ValueError(f"column {shown} has an empty step in the path {steps}")
    if any(STEP in step for step in steps):
        raise ValueError(f"column {shown} has {STEP!r} inside a step of the path {steps}; give it as --separator")
    return STEP.join(steps)


def ancestors(label: str) -> tuple[str, ...]:
    """A path and what it lies under, from the top: "a > b" -> ("a", "a > b")."""
    steps = label.split(STEP)
    return tuple(STEP.join(steps[: depth + 1]) for depth in range(len(steps)))
