"""Cells: what may stand in one, how it is shown in a message, and how foreign values become plain ones."""

from __future__ import annotations

import base64
import math
import numbers
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from autogpt.sources import Limits, Note

_DEPTH = 100


def shown(value: Any, width: int = 40) -> str:
    """A value for a message: short, on one line, quoted."""
    text = value if isinstance(value, str) else repr(value)
    short = text if len(text) <= width else text[: width - 1] + "…"
    return repr(short).encode("utf-8", "backslashreplace").decode("utf-8")


def fault(text: str, encoding: str = "utf-8") -> str | None:
    """Why a string cannot be used, or None. Undecodable bytes arrive as lone surrogates (PEP 383)."""
    if "\0" in text:
        return f"{shown(text)} holds a NUL character; remove it (the file may be damaged)"
    if text.isascii():
        return None
    try:
        text.encode("utf-8")
        return None
    except UnicodeEncodeError as error:
        code = ord(text[error.start])
    if 0xDC80 <= code <= 0xDCFF:
        return f"byte 0x{code - 0xDC00:02x} in {shown(text)} is not {encoding}; save the file as UTF-8"
    return f"{shown(text)} holds half of a surrogate pair (\\u{code:04x}), which is no character; remove it"


def unique_names(names: Iterable[str]) -> tuple[list[str], list[Note]]:
    """Column names that can be told apart: blank ones are numbered, repeated ones get a number behind."""
    seen: set[str] = set()
    kept: list[str] = []
    notes: list[Note] = []
    for place, raw in enumerate(names, start=1):
        name = raw.strip()
        free = name or f"column_{place}"
        number = 1
        while free in seen:
            number += 1
            free = f"{name or f'column_{place}'}_{number}"
        if free != name:
            why = "has no name" if not name else f"is a second {shown(name)}"
            notes.append(Note(f"column {place} {why}; it is called {free!r} here"))
        seen.add(free)
        kept.append(free)
    return kept, notes


class Plain:
    """Rows of foreign values as rows of strings, numbers, booleans, lists, dicts and None; counts what it changes."""

    def __init__(self, limits: Limits) -> None:
        self._limit = limits.field_bytes
        self._counts: Counter[tuple[str, str]] = Counter()
        self._column = ""

    def row(self, row: Mapping[Any, Any]) -> dict[str, Any]:
        """The row, or ValueError with the column, the value and what to do."""
        plain: dict[str, Any] = {}
        for column, value in row.items():
            self._column = str(column)
            try:
                plain[self._column] = self._value(value, 0)
            except (ValueError, RecursionError) as error:
                raise ValueError(f"column {shown(self._column)}: {error}") from None
            if (reason := fault(self._column)) is not None:
                raise ValueError(f"a column name, {reason}")
        return plain

    def notes(self) -> Iterator[Note]:
        for (column, what), count in self._counts.items():
            yield Note(f"column {shown(column)}: {count} {what}")

    def _value(self, value: Any, depth: int) -> Any:
        if isinstance(value, str):
            if len(value) > self._limit:
                raise ValueError(
                    f"a cell of {len(value):,} characters ({shown(value, 20)}) is over the limit of "
                    f"{self._limit:,}; shorten it or raise limits.field_bytes"
                )
            if (reason := fault(value)) is not None:
                raise ValueError(reason)
            return str(value)
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, (Mapping, list, tuple)):
            if depth == _DEPTH:
                raise ValueError(f"{shown(value, 20)} is nested deeper than {_DEPTH} levels; flatten it")
            if isinstance(value, Mapping):
                return {self._key(key): self._value(item, depth + 1) for key, item in value.items()}
            return [self._value(item, depth + 1) for item in value]
        return self._scalar(value, depth)

    def _key(self, key: Any) -> str:
        text = str(key)
        if (reason := fault(text)) is not None:
            raise ValueError(reason)
        return text

    def _scalar(self, value: Any, depth: int) -> Any:
        if isinstance(value, numbers.Integral):
            return _integer(int(value))
        if isinstance(value, Decimal):
            return self._decimal(value)
        if isinstance(value, numbers.Real):
            number = float(value)
            return self._missing("not-a-number cells (NaN) are read as empty") if math.isnan(number) else number
        if isinstance(value, (datetime, date, time)):
            return value.isoformat() if value == value else self._missing("missing dates (NaT) are read as empty")
        if isinstance(value, timedelta):
            return str(value)
        if isinstance(value, (bytes, bytearray)):
            return self._bytes(bytes(value))
        numpy = sys.modules.get("numpy")
        if numpy is not None and isinstance(value, (numpy.generic, numpy.ndarray)):
            return self._value(value.tolist(), depth)
        raise ValueError(
            f"{shown(value)} is of type {type(value).__name__}; only text, numbers, booleans, lists, dicts and None "
            "can be read: convert it"
        )

    def _missing(self, what: str) -> None:
        self._counts[self._column, what] += 1

    def _decimal(self, value: Decimal) -> Any:
        if value.is_nan():
            return self._missing("not-a-number cells (NaN) are read as empty")
        if value == value.to_integral_value():
            return _integer(int(value))
        number = float(value)
        if Decimal(repr(number)) == value:
            return number
        self._counts[self._column, "decimals with more digits than a float are read as text"] += 1
        return str(value)

    def _bytes(self, value: bytes) -> Any:
        try:
            text = value.decode("utf-8")
        except UnicodeDecodeError:
            text = None
        if text is not None and "\0" not in text:
            return self._value(text, 0)
        self._counts[self._column, "cells of binary data are read as base64 text"] += 1
        return self._value(base64.b64encode(value).decode("ascii"), 0)


def _integer(value: int) -> int:
    """An integer that can be written out again: Python refuses more than 4,300 digits."""
    if value.bit_length() > 14_000:
        raise ValueError("a whole number of more than 4,200 digits cannot be read; write it as text")
    return value
