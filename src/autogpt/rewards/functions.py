"""The user's own checks: a Python file, each public function of it from a text and its row to a number from 0 to 1.

Of several functions the mean counts. The file is run as a program, so it is only ever taken from the command line or
from the caller's own argument, never found in data.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from autogpt.core import Row
from autogpt.errors import InputError
from autogpt.user_functions import functions_of


class Functions:
    """See `written.Reward`."""

    name = "functions"
    summary = "functions of a Python file, functions:FILE: (text, row) -> a number from 0 to 1"
    columns: tuple[str, ...] = ()

    def score(self, texts: Sequence[str], row: Row, *, column: str | None, source: str) -> list[float]:
        known = _known(source)
        return [sum(_asked(one, f"{source}: {name}", text, row) for name, one in known) / len(known) for text in texts]


@cache
def _known(source: str) -> tuple[tuple[str, Callable[..., Any]], ...]:
    found = tuple(functions_of(Path(source).expanduser())) if source else ()
    if not found:
        named = f"{source} has no function" if source else "functions needs a file: functions:FILE.py"
        raise InputError(f"{named}; write one that takes a text and its row and returns a number from 0 to 1")
    return found


def _asked(function: Callable[..., Any], name: str, text: str, row: Row) -> float:
    try:
        value = float(function(text, row))
    except Exception as problem:
        shown = text[:60]
        raise InputError(f"{name} fails on {shown!r}: {type(problem).__name__}: {problem}; correct it") from problem
    if math.isnan(value) or not 0 <= value <= 1:
        raise InputError(f"{name} returned {value}; it must be a number from 0 to 1")
    return value


plugin = Functions()
