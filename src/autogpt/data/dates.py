"""Dates as sortable numbers: ISO, slashes, dots, month names, Chinese dates, epoch seconds, date objects.

Whether `03/04/2024` is March or April is decided for a whole column: day first only if some first number exceeds 12.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Sequence
from typing import Any

_NAMES = "january february march april may june july august september october november december"
_MONTHS = {name[:size]: number for number, name in enumerate(_NAMES.split(), 1) for size in (3, 4, len(name))}
_TIME = r"(?:[T ,]+(\d{1,2}):(\d{2})(?::(\d{2}))?(?:[.,]\d+)?\s*(am|pm|AM|PM)?\s*(Z|UTC|GMT|[+-]\d{2}:?\d{2})?)?"
_YEAR_FIRST = re.compile(r"(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})" + _TIME)
_CHINESE = re.compile(r"(\d{4})年(\d{1,2})月(\d{1,2})[日号]" + _TIME)
_YEAR_LAST = re.compile(r"(\d{1,2})[-/.](\d{1,2})[-/.](\d{4}|\d{2})" + _TIME)
_DAY_NAME = re.compile(r"(?:[A-Za-z]{3,9},?\s+)?(\d{1,2})(?:st|nd|rd|th)?[ -]([A-Za-z]{3,9})\.?,?[ -](\d{4})" + _TIME)
_NAME_DAY = re.compile(r"(?:[A-Za-z]{3,9},?\s+)?([A-Za-z]{3,9})\.?\s+(\d{1,2})(?:st|nd|rd|th)?,?\s+(\d{4})" + _TIME)
_EPOCH = re.compile(r"1\d{9}(?:\d{3})?(?:\.\d+)?")


def _stamp(year: int, month: int, day: int, clock: Sequence[str | None]) -> float | None:
    hour, minute, second, half, zone = clock
    hours = int(hour or 0) % 12 + 12 * (half.lower() == "pm") if half else int(hour or 0)
    year += 0 if year > 99 else 2000 if year < 70 else 1900
    try:
        moment = dt.datetime(year, month, day, hours, int(minute or 0), int(second or 0), tzinfo=dt.UTC)
    except ValueError:
        return None
    offset = 0
    if zone and zone[0] in "+-":
        offset = int(zone[0] + "1") * (int(zone[1:3]) * 60 + int(zone[-2:])) * 60
    return moment.timestamp() - offset if year >= 1000 else None


def parse(value: Any, *, day_first: bool = False) -> float | None:
    """Seconds since 1970 of a date, or None when it is none. Plain numbers are dates only as epoch seconds."""
    if isinstance(value, dt.datetime):
        return (value if value.tzinfo else value.replace(tzinfo=dt.UTC)).timestamp()
    if isinstance(value, dt.date):
        return dt.datetime(value.year, value.month, value.day, tzinfo=dt.UTC).timestamp()
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        return None
    text = str(value).strip()
    if len(text) > 40 or not any(c.isdigit() for c in text):
        return None
    if _EPOCH.fullmatch(text):
        number = float(text)
        return number / 1000 if number > 1e11 else number
    for pattern in (_YEAR_FIRST, _CHINESE):
        if match := pattern.fullmatch(text):
            year, month, day, *clock = match.groups()
            return _stamp(int(year), int(month), int(day), clock)
    if match := _YEAR_LAST.fullmatch(text):
        first, second, year, *clock = match.groups()
        day, month = (first, second) if day_first else (second, first)
        return _stamp(int(year), int(month), int(day), clock)
    if match := _DAY_NAME.fullmatch(text):
        day, name, year, *clock = match.groups()
        return _stamp(int(year), _MONTHS.get(name.lower(), 0), int(day), clock)
    if match := _NAME_DAY.fullmatch(text):
        name, day, year, *clock = match.groups()
        return _stamp(int(year), _MONTHS.get(name.lower(), 0), int(day), clock)
    return None


def parse_column(values: Sequence[Any]) -> list[float | None]:
    """All dates of a column, read with one order of day and month (the one that reads more of them)."""
    month_first = [parse(value) for value in values]
    if None not in month_first:
        return month_first
    day_first = [parse(value, day_first=True) for value in values]
    return day_first if day_first.count(None) < month_first.count(None) else month_first
