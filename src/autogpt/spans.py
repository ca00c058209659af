"""Stretches of a text with a label, as people, annotation tools and public sets write them.

* records: `{"start": 0, "end": 4, "label": "name"}`, and the same by other names (`start_offset`, `begin`, `start_idx`;
  `offset` and `length`; a pair in `offsets`), or as `[0, 4, "name"]`
* objects by label: `{"name": {"Anna": [[0, 3]]}}`, or `{"name": [[0, 4]]}`

Ends are exclusive, as Python counts. Where a record says its own words too, these decide: an end that is inclusive, and
a place that is counted in other units (bytes, UTF-16), is where the words stand; so is one that is not given.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from autogpt import cells

PAST, LAST = "past", "last"
"""How the end of a span over tokens is counted: the token after it, or its own last one."""
_EDGE = r"(?:offset|idx|index|char|pos)?"
_START = re.compile(rf"(?:start|begin|from){_EDGE}|charstart")
_END = re.compile(rf"(?:end|stop|to){_EDGE}|charend")
_PAIRS = ("offsets", "span", "pos", "position", "indices", "range")
_LABELS = (
    "label", "slot", "type", "entity_type", "entityType", "tag", "category", "class", "labels", "entity_group",
    "entity",
)  # fmt: skip
_WORDS = ("text", "word", "mention", "surface", "phrase", "entity")


@dataclass(frozen=True, slots=True)
class Span:
    """One stretch: where it is said to stand (None: nowhere), its label (None: none), the words it is said to have."""

    start: int | None
    end: int | None
    label: str | None
    words: str | None
    written: Any

    @property
    def is_placed(self) -> bool:
        """Whether it has a label and says where it stands."""
        return self.label is not None and self.start is not None and self.end is not None


def read(value: Any) -> list[Span] | None:
    """The spans of a cell; None when it is something else."""
    if isinstance(value, Mapping):
        return _by_label(value)
    listed = cells.sequence(value)
    if listed is None:
        return None
    found = [_span(item) for item in listed]
    return [span for span in found if span is not None] if None not in found else None


def place(spans: Sequence[Span], text: str) -> list[tuple[int, int, str]]:
    """(start, end, label) of every span in its text; ValueError for one without place or label."""
    found: list[tuple[int, int, str]] = []
    for span in spans:
        if span.label is None:
            raise ValueError(f"span {span.written!r} needs a 'label'")
        start, end = _placed(span, text, found)
        found.append((start, end, span.label))
    return found


def bio_tags(inputs: Mapping[str, Any], placed: Sequence[tuple[int, int, str]]) -> tuple[str, ...]:
    """BIO tags of spans given in characters. A span that cuts a token takes the whole token."""
    tags = ["O"] * len(inputs["tokens"])
    for start, end, label in sorted(placed):
        inside = [i for i, (a, b) in enumerate(inputs["offsets"]) if a < end and b > start]
        if not inside:
            raise ValueError(f"span {label!r} at {start}-{end} covers no word of the text")
        for nth, token in enumerate(inside):
            tags[token] = ("B-" if nth == 0 else "I-") + label
    return tuple(tags)


def token_tags(count: int, spans: Sequence[Span], *, inclusive: bool) -> tuple[str, ...]:
    """BIO tags of `count` tokens from spans that say from which token to which; ValueError for one beyond them."""
    tags = ["O"] * count
    for span in spans:
        if span.start is None or span.end is None or span.label is None:
            raise ValueError(f"span {span.written!r} needs whole numbers 'start' and 'end', and a 'label'")
        end = span.end + inclusive
        if not 0 <= span.start < end <= count:
            raise ValueError(
                f"span {span.label!r} from token {span.start} to {span.end} lies outside of {count} tokens"
            )
        tags[span.start : end] = [f"B-{span.label}"] + [f"I-{span.label}"] * (end - span.start - 1)
    return tuple(tags)


def counting(rows: Sequence[tuple[Sequence[Span], int]]) -> str | None:
    """How ends over tokens are counted, from rows of spans with their number of tokens; None where they do not fit.

    A span of one token that ends where it begins is one whose end is its last token.
    """
    found = [(span, count) for spans, count in rows for span in spans]
    if not all(span.is_placed for span, _ in found):
        return None
    how = LAST if any(span.start == span.end for span, _ in found) else PAST
    good = sum(0 <= (span.start or 0) < (span.end or 0) + (how == LAST) <= count for span, count in found)
    return how if found and good >= 0.98 * len(found) else None


def _placed(span: Span, text: str, before: Sequence[tuple[int, int, str]]) -> tuple[int, int]:
    """Where a span stands; one without a place is the first behind those `before` it with its label, or the first."""
    words = (span.words or "").strip()
    if span.start is None or span.end is None:
        last = max((end for _, end, label in before if label == span.label), default=0)
        start = (text.find(words, last) if words in text[last:] else text.find(words)) if words else -1
        if start < 0:
            raise ValueError(f"span {span.written!r} needs whole numbers 'start' and 'end', or words of its text")
        return start, start + len(words)
    if not words or text[span.start : span.end].strip() == words:
        return span.start, span.end
    where = [match.start() for match in re.finditer(re.escape(words), text)]
    if not where:
        return span.start, span.end
    start = min(where, key=lambda at: abs(at - (span.start or 0)))
    return start, start + len(words)


def _by_label(value: Mapping[str, Any]) -> list[Span] | None:
    """Spans by label: pairs of numbers, or the words with such pairs (whose ends are as the words say)."""
    found: list[Span] = []
    for label, inner in value.items():
        by_words = inner.items() if isinstance(inner, Mapping) else [(None, inner)]
        for words, pairs in by_words:
            places = list(_pairs(pairs))
            if not places:
                return None
            found += [Span(start, end, str(label), words, value) for start, end in places]
    return found


def _span(item: Any) -> Span | None:
    if isinstance(item, Mapping):
        return _record(item)
    whole = isinstance(item, Sequence) and len(item) == 3 and all(type(at) is int for at in item[:2])
    return Span(item[0], item[1], item[2], None, item) if whole and isinstance(item[2], str) else None


def _record(item: Mapping[str, Any]) -> Span:
    plain = {re.sub(r"[^a-z]", "", key.lower()): _whole(value) for key, value in item.items()}
    start, end = (
        next((at for key, at in plain.items() if at is not None and name.fullmatch(key)), None)
        for name in (_START, _END)
    )
    offset, length = plain.get("offset"), plain.get("length")
    pairs = next((found for key in _PAIRS if (found := list(_pairs(item.get(key))))), None)
    if start is None and offset is not None and length is not None:
        start, end = offset, offset + length
    elif start is None and pairs:
        start, end = pairs[0][0], pairs[-1][1]
    named = next((key for key in _LABELS if _text(item.get(key)) is not None), None)
    label = None if named is None else _text(item[named])
    words = next((item[key] for key in _WORDS if key != named and isinstance(item.get(key), str)), None)
    return Span(start, end, label, words, dict(item))


def _pairs(value: Any) -> Iterator[tuple[int, int]]:
    """`[3, 9]`, or pairs in a list; nothing where it is something else."""
    if isinstance(value, Sequence) and not isinstance(value, str) and value:
        parts = [value] if type(value[0]) is int else value
        if all(isinstance(part, Sequence) and len(part) == 2 and all(type(at) is int for at in part) for part in parts):
            yield from ((part[0], part[1]) for part in parts)


def _whole(value: Any) -> int | None:
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        return int(value)
    except (ValueError, OverflowError):
        return None


def _text(value: Any) -> str | None:
    """A label: text, a number, or the one in a list."""
    value = cells.only(value)
    return str(value) if isinstance(value, (str, int)) and not isinstance(value, bool) else None
