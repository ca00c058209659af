"""Records within records: `{"ticket": {"subject": ..., "body": ...}}` has the columns `ticket.subject`, `ticket.body`.

Only objects of plain values are opened so. What is one thing stays whole: a span or an answer with its place, a list,
and an object whose keys differ from row to row.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from autogpt import spans
from autogpt.core import Row
from autogpt.data.columns import sample_rows

DEEPEST, MOST_FIELDS = 5, 50
_LISTED = {"text", "label"}
"""Choices as lists side by side: `{"text": ["blue", "red"], "label": ["A", "B"]}`."""
_PLACES = ({"start", "end"}, {"answer_start"}, {"pos"})


def open_columns(rows: list[Row], columns: Sequence[str]) -> tuple[str, ...]:
    """Replaces columns of objects by their fields, in `rows` itself; the columns as they are then."""
    names = tuple(columns)
    for _ in range(DEEPEST):
        fields = {name: _fields([rows[place].get(name) for place in sample_rows(len(rows))]) for name in names}
        plain = {name for name in names if not fields[name]}
        clash = {name for name in names if any(f"{name}.{field}" in plain for field in fields[name])}
        fields = {name: () if name in clash else found for name, found in fields.items()}
        if not any(fields.values()):
            break
        for place, row in enumerate(rows):
            rows[place] = {key: value for name in names for key, value in _opened(name, row.get(name), fields[name])}
        names = tuple(part for name in names for part in ([f"{name}.{field}" for field in fields[name]] or [name]))
    return names


def opened(row: Mapping[str, Any], columns: Sequence[str]) -> Mapping[str, Any]:
    """A row with those fields of its objects that `columns` name: `{"a": {"b": 1}}` has `a.b`."""
    found = {name: _at(row, name.split(".")) for name in columns if name not in row and "." in name}
    return {**row, **{name: value for name, value in found.items() if value is not None}} if found else row


def _at(value: Any, path: Sequence[str]) -> Any:
    for step in path:
        value = value.get(step) if isinstance(value, Mapping) else None
    return value


def _fields(values: Sequence[Any]) -> tuple[str, ...]:
    """The keys of a column of like objects; none where it is of another kind."""
    filled = [value for value in values if value is not None]
    if not filled or not all(isinstance(value, Mapping) for value in filled):
        return ()
    counts = Counter(str(key) for value in filled for key in value)
    plain = any(not isinstance(part, (list, tuple)) for value in filled for part in value.values())
    plain = plain or counts.keys() == _LISTED
    alike = sum(counts.values()) >= 0.5 * len(counts) * len(filled)
    whole = any(place <= counts.keys() for place in _PLACES) or all(spans.read(value) is not None for value in filled)
    return tuple(counts) if plain and alike and not whole and len(counts) <= MOST_FIELDS else ()


def _opened(name: str, value: Any, fields: Sequence[str]) -> list[tuple[str, Any]]:
    if not fields:
        return [(name, value)]
    inner = value if isinstance(value, Mapping) else {}
    return [(f"{name}.{field}", inner.get(field)) for field in fields]
