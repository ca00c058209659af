"""Two marked spans of a text: written into it as tags, or beside it as places. Problems are ValueErrors."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from autogpt import cells
from autogpt.core import Row

Spans = tuple[tuple[int, int], tuple[int, int]]

_NUMBERED = r"(?:e|ent|entity|arg)[ _-]?\d{1,2}"
_NAMED = r"head|tail|subj(?:ect)?|obj(?:ect)?"
_TAG = re.compile(rf"[<\[](?P<end>/?)(?P<name>{_NUMBERED}|{_NAMED})[>\]]", re.IGNORECASE)
_FIRST, _SECOND = {"head", "h", "subj", "subject", "s"}, {"tail", "t", "obj", "object", "o"}


def rank(name: str) -> int | None:
    """Which argument a name means: `e2` -> 2, `head` -> 1; None: it does not say."""
    lowered = name.strip().lower()
    if lowered in _FIRST | _SECOND:
        return 1 if lowered in _FIRST else 2
    number = re.fullmatch(r"(?:e|ent|entity|arg)?[ _-]?(\d{1,2})", lowered)
    return int(number[1]) if number else None


def untagged(sentence: str, column: str) -> tuple[str, Spans]:
    """A text with tags such as `<e1>..</e1>` or `[HEAD]..[/HEAD]` around two spans: without them, and the spans."""
    plain, last = "", 0
    opened: dict[int, int] = {}
    found: dict[int, tuple[int, int]] = {}
    for tag in _TAG.finditer(sentence):
        plain += sentence[last : tag.start()]
        last = tag.end()
        argument = rank(tag["name"]) or 0
        if not tag["end"] and argument not in opened.keys() | found.keys():
            if not plain or plain[-1].isspace():  # white space on both sides of a tag: one is enough
                last += len(sentence[last:]) - len(sentence[last:].lstrip())
            opened[argument] = len(plain)
        elif tag["end"] and argument in opened:
            if not sentence[last:] or sentence[last].isspace():
                plain = plain.rstrip()
            found[argument] = (opened.pop(argument), len(plain))
        else:
            raise _unmarked(sentence, column)
    plain += sentence[last:]
    if opened or len(found) != 2:
        raise _unmarked(sentence, column)
    first, second = (trimmed(plain, *found[argument]) for argument in sorted(found))
    if first[0] >= first[1] or second[0] >= second[1]:
        raise _unmarked(sentence, column)
    return plain, (first, second)


def _unmarked(sentence: str, column: str) -> ValueError:
    shown = sentence if len(sentence) <= 60 else sentence[:59] + "…"
    return ValueError(f"column {column!r} has {shown!r}; two spans must be marked in it, as <e1>...</e1> <e2>...</e2>")


def trimmed(sentence: str, start: int, end: int) -> tuple[int, int]:
    """A span without the white space at its ends."""
    part = sentence[start:end]
    return start + len(part) - len(part.lstrip()), end - (len(part) - len(part.rstrip()))


def beside(row: Row, column: str, spans: Sequence[str]) -> tuple[str, Spans]:
    """A text (or a list of words, joined) and the two spans of it that other columns give.

    One column holds both spans, two hold one each, four hold start, end, start, end. Spans count characters of a text
    or words of a list; ends are exclusive, but for words in four columns (as in TACRED) they are inclusive.
    """
    words = cells.sequence(row.get(column))
    told = _told(row, spans)
    sentence = " ".join(map(str, words)) if words is not None else cells.text(row, column)
    limit = len(words) if words is not None else len(sentence)
    found = []
    for start, end in told:
        end += words is not None and len(spans) == 4
        if not 0 <= start < end <= limit:
            unit = "words" if words is not None else "characters"
            raise ValueError(f"column {', '.join(map(repr, spans))} has {start} to {end}, but there are {limit} {unit}")
        if words is not None:
            edges = (len(" ".join(map(str, words[:place]))) for place in (start, end))
            start, end = edges
            start += start > 0  # the space before the word
        start, end = trimmed(sentence, start, end)
        if start >= end:
            raise ValueError(f"column {', '.join(map(repr, spans))} marks nothing but white space in {sentence[:60]!r}")
        found.append((start, end))
    return sentence, (found[0], found[1])


def _told(row: Row, columns: Sequence[str]) -> list[tuple[int, int]]:
    """The two spans as they stand in the row, first argument first."""
    if len(columns) == 4:
        numbers = [_whole(row.get(column), row.get(column), column) for column in columns]
        return [(numbers[0], numbers[1]), (numbers[2], numbers[3])]
    if len(columns) == 2:
        return [_span(row.get(column), column) for column in columns]
    column = columns[0]
    listed = cells.sequence(row.get(column))
    if listed is None or len(listed) != 2:
        raise ValueError(f"column {column!r} has {row.get(column)!r}; it must be a list of two spans")
    found = [_span(span, column) for span in listed]
    first, second = (_role(span) for span in listed)
    return found[::-1] if first is not None and second is not None and first > second else found


def _role(span: Any) -> int | None:
    """Which argument a span record says that it is, under any of the names in common use."""
    named = [span.get(key) for key in ("role", "label", "type", "name", "tag")] if isinstance(span, Mapping) else []
    return next((found for name in named if (found := rank(str(name))) is not None), None)


def _span(value: Any, column: str) -> tuple[int, int]:
    """(start, end) of `{"start": 3, "end": 9}`, `{"pos": [3, 9]}` or `[3, 9]`."""
    given = value
    if isinstance(value, Mapping):
        value = (value["start"], value["end"]) if {"start", "end"} <= value.keys() else value.get("pos")
    pair = cells.sequence(value)
    if pair is None or len(pair) != 2:
        raise ValueError(f"column {column!r} has {given!r}; a span needs whole numbers 'start' and 'end'")
    return _whole(pair[0], given, column), _whole(pair[1], given, column)


def _whole(value: Any, given: Any, column: str) -> int:
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = float("nan")
    if not number.is_integer():
        raise ValueError(f"column {column!r} has {given!r}; a span needs whole numbers 'start' and 'end'")
    return int(number)
