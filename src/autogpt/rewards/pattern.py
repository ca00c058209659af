"""The whole text is of the form that a regular expression says: the row's own, or one for all rows.

Spaces around the text do not count, and a dot stands for a line break as well. To find something inside of a text,
write `.*` around it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache

from autogpt.core import Row
from autogpt.errors import InputError


class Pattern:
    """See `written.Reward`."""

    name = "pattern"
    summary = "the whole text matches a regular expression: the row's, or pattern:EXPRESSION"
    columns: tuple[str, ...] = ("pattern", "regex", "regexp", "regular_expression")

    def score(self, texts: Sequence[str], row: Row, *, column: str | None, source: str) -> list[float]:
        wanted = source or str((row.get(column) if column else None) or "")
        if not wanted:
            raise InputError("pattern needs a regular expression: a column of the rows, or --reward pattern:EXPRESSION")
        expression = _compiled(wanted)
        return [float(expression.fullmatch(text.strip()) is not None) for text in texts]


@cache
def _compiled(wanted: str) -> re.Pattern[str]:
    try:
        return re.compile(wanted, re.DOTALL)
    except re.error as problem:
        raise InputError(f"pattern {wanted!r} is no regular expression: {problem}; correct it") from None


plugin = Pattern()
