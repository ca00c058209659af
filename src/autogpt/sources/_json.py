"""JSON, read strictly: a repeated key or a number of thousands of digits is an error of that record, not a surprise."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from autogpt.sources._values import shown

_BLANK = re.compile(r"[ \t\r\n\ufeff]*")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    record = dict(pairs)
    if len(record) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"column {shown(twice)} stands twice in one object; keep one")
    return record


_STRICT = json.JSONDecoder(object_pairs_hook=_unique)
_LENIENT = json.JSONDecoder(parse_int=str)  # only to find where a value ends


class BrokenError(ValueError):
    """Text that is no JSON from `position` on: nothing behind it can be read."""

    def __init__(self, reason: str, position: int) -> None:
        super().__init__(reason)
        self.position = position


def blank(text: str, position: int) -> int:
    """The next place that is not white space."""
    match = _BLANK.match(text, position)
    return match.end() if match else position


def value(text: str, position: int) -> tuple[Any, int]:
    """The value at a place, and the place behind it. A value that is JSON and cannot be used is a ValueError object."""
    try:
        return _STRICT.raw_decode(text, position)
    except json.JSONDecodeError as error:
        raise BrokenError(_reason(text, error), error.pos) from None
    except RecursionError:
        raise BrokenError("the value is nested too deeply; flatten it", position) from None
    except ValueError as error:  # valid JSON with a repeated key or an endless number
        reason = str(error) if "twice" in str(error) else "a whole number of more than 4,300 digits; write it as text"
    return ValueError(reason), _LENIENT.raw_decode(text, position)[1]


def _reason(text: str, error: json.JSONDecodeError) -> str:
    near = text[max(0, error.pos - 15) : error.pos + 15]
    end = "the text ends too early" if error.pos >= len(text.rstrip()) else f"{error.msg[0].lower()}{error.msg[1:]}"
    return f"column {error.colno}: no valid JSON near {shown(near)}: {end}"


def elements(text: str, position: int) -> Iterator[tuple[Any, int]]:
    """The elements of the array that opens at a place, each with the place behind it; the last with that of `]`."""
    position = blank(text, position + 1)
    if text[position : position + 1] == "]":
        return
    while True:
        item, position = value(text, position)
        position = blank(text, position)
        yield item, position
        mark = text[position : position + 1]
        if mark == "]":
            return
        if mark != ",":
            near = shown(text[position : position + 20])
            raise BrokenError(
                f"a comma or ] is missing before {near}" if mark else "the array never ends: add ]", position
            )
        position = blank(text, position + 1)


def line_of(text: str, position: int) -> int:
    return text.count("\n", 0, position) + 1
