"""Numbers as people write them: `3,20`, `1.234,50`, `$45,000.00`, `27%`, `1 234`.

A column is read as numbers only where its own values say which mark divides thousands and which the decimals. `12,500`
alone does not: it may be 12.5 or 12500, so such a column stays text, and is told of.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import Any

from autogpt.core import Row
from autogpt.data.columns import sample_rows
from autogpt.data.targets import find_separator
from autogpt.data.words import is_missing
from autogpt.sources._values import shown

_SPACES = "\u0020\u00a0\u2009\u202f'’"
_SIGNS = r"[$€£¥￥₹%％]"
_PLAIN = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?")
_WRITTEN = re.compile(rf"([+−-]?)\s*{_SIGNS}?\s*([+−-]?)(\d+(?:[.,{_SPACES}]\d+)*)\s*{_SIGNS}?")
_GROUPED = re.compile(rf"[1-9]\d{{0,2}}(?:([.,{_SPACES}])\d{{3}})(?:\1\d{{3}})*(?:(?!\1)([.,])\d+)?")
_DECIMAL = re.compile(r"\d+([.,])\d+")
_ONE_GROUP = re.compile(r"(?<![\d.,])[1-9]\d{0,2},\d{3}(?![\d.,])")
ENOUGH = 0.98
"""Share of a column's values that must be numbers, of one notation."""


def read(rows: list[Row], columns: Sequence[str]) -> list[str]:
    """Puts numbers into the columns that hold written ones, and gives a note for each column of that kind."""
    marks: dict[str, str] = {}
    notes = []
    for column in columns:
        found = _written([rows[place].get(column) for place in sample_rows(len(rows))])
        if not found:
            continue
        mark, example = decimal_mark(found)
        either = [_number(example, mark) for mark in ".,"]
        if mark is not None:
            marks[column] = mark
            notes.append(f"column {shown(column)} is read as numbers: {shown(example)} is {_number(example, mark)}")
        elif all(isinstance(number, (int, float)) for number in either):
            told = f"may be {either[1]} or {either[0]}; write it without the comma"
            notes.append(f"column {shown(column)} is read as text: {shown(example)} {told}")
    for place, row in enumerate(rows if marks else ()):
        rows[place] = {name: _number(value, marks[name]) if name in marks else value for name, value in row.items()}
    return notes


def _written(values: Sequence[Any]) -> list[str]:
    """The texts of a column of written numbers, those that need to be read first; none for a column of another kind.

    Numbers that Python itself reads (`3.5`) are another kind, and so are sets of labels (`1,2`).
    """
    filled = [value for value in values if not is_missing(value)]
    texts = [value.strip() for value in filled if isinstance(value, str)]
    if len(texts) < len(filled) or not texts:
        return []
    if sum(_WRITTEN.fullmatch(text) is not None for text in texts) < ENOUGH * len(texts):
        return []
    plain = [text for text in texts if _PLAIN.fullmatch(text)]
    if len(plain) == len(texts) or find_separator(Counter(texts)) is not None:
        return []
    return [text for text in texts if not _PLAIN.fullmatch(text)] + plain


def decimal_mark(texts: Sequence[str]) -> tuple[str | None, str]:
    """The mark before decimals by which (nearly) all of these are numbers, None where they do not tell; an example."""
    told = Counter(mark for text in texts for mark in [_mark(text)] if mark is not None)
    unclear = next((text for text in texts if _mark(text) is None and _ONE_GROUP.search(text)), None)
    mark = max(told, key=lambda mark: told[mark]) if told else "." if unclear is None else None
    if mark is None:
        return None, unclear or ""
    numbers = sum(isinstance(_number(text, mark), (int, float)) for text in texts)
    contrary = sum(told.values()) - told[mark]
    return (mark if numbers - contrary >= ENOUGH * len(texts) else None), texts[0]


def _mark(text: str) -> str | None:
    """The mark before decimals that this number by itself tells; None where it has none, or may be read in two ways."""
    found = _WRITTEN.fullmatch(text)
    digits = found[3] if found else ""
    if grouped := _GROUPED.fullmatch(digits):
        several = len(re.findall(r"\D", digits)) > 1
        return grouped[2] or ({",": ".", ".": ","}.get(grouped[1]) if several else None)
    single = _DECIMAL.fullmatch(digits)
    return single[1] if single else None


def _number(value: Any, mark: str) -> Any:
    """The number, or the value itself where it is none in this notation."""
    found = _WRITTEN.fullmatch(value.strip()) if isinstance(value, str) else None
    if found is None:
        return value
    whole, _, part = found[3].partition(mark)
    if not (whole.isdigit() or _GROUPED.fullmatch(whole)) or not (part.isdigit() or not part):
        return value
    digits = re.sub(r"\D", "", whole)
    sign = -1 if {"-", "−"} & {found[1], found[2]} else 1
    return sign * (float(f"{digits}.{part}") if part else int(digits))
