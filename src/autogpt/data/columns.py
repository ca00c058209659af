"""What a column holds, told by its values alone: kind, uniqueness, length, numbers, lists.

The kinds, from most to least structured: `empty`, `constant`, `spans`, `tokens` (lists of strings), `objects`, `date`,
`url`, `media`, `id`, `number`, `text`, `category`, `short` (short strings that rarely repeat).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from autogpt import cells, spans
from autogpt.core import Table
from autogpt.data import dates
from autogpt.data.words import CJK, is_missing, words

SAMPLE = 5000
"""Rows looked at per column, evenly spread over the table."""

_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?")
_URL = re.compile(r"(?:https?|ftp)://\S+|www\.\S+\.\S+|[\w.+-]+@[\w-]+\.[\w.]+", re.IGNORECASE)
_MEDIA = re.compile(r"\S.*\.(?:png|jpe?g|gif|bmp|webp|tiff?|wav|mp3|flac|ogg|m4a|mp4|avi|mov|pdf)", re.IGNORECASE)
_CODE = re.compile(
    r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|(?=.*\d)[0-9a-f]{8,64}|[A-Za-z]{0,12}[-_#:./]?\d{2,}"
    r"|(?=.*\d)[A-Za-z0-9]+(?:[-_:#./][A-Za-z0-9]+)+|(?=(?:.*\d){2})(?=.*[A-Z])[A-Za-z0-9]{5,}",
    re.IGNORECASE,
)
# A small word, a digit or a mark of a sentence, five CJK characters: what names of people and places lack.
_PROSE = re.compile(rf"(?<![^\W\d_])[a-zß-ÿ]{{2,}}|[\d?!:;()\"#]|[{CJK}]{{5}}")
_TRUTH = ({"0", "1"}, {"0.0", "1.0"}, {"true", "false"}, {"yes", "no"}, {"是", "否"}, {"y", "n"}, {"t", "f"})


@dataclass(frozen=True)
class Facts:
    """One column seen through its values. Counts are over the sampled rows.

    `truth`: two values such as 0/1 or yes/no; `codes`: values like `A-1032`; `prose`: share of values that read like
    more than a name; `counts`: rows per value (per item of lists); `sets`: no list holds an item twice.
    """

    name: str
    kind: str
    rows: int
    filled: int
    unique: int
    characters: float = 0.0
    words: float = 0.0
    integer: bool = False
    truth: bool = False
    codes: bool = False
    prose: float = 0.0
    low: float = 0.0
    high: float = 0.0
    counts: Mapping[str, int] = field(default_factory=dict)
    sets: bool = False

    @property
    def unique_share(self) -> float:
        return self.unique / max(1, self.filled)

    @property
    def filled_share(self) -> float:
        return self.filled / max(1, self.rows)


def sample_rows(count: int, limit: int = SAMPLE) -> list[int]:
    """At most `limit` row indices, evenly spread, in order."""
    if count <= limit:
        return list(range(count))
    return [i * count // limit for i in range(limit)]


def describe(table: Table) -> dict[str, Facts]:
    """Facts of every column, in the table's order."""
    places = sample_rows(len(table.rows))
    return {
        column: describe_column(column, [table.rows[place].get(column) for place in places], total=len(table.rows))
        for column in table.columns
    }


def describe_column(name: str, cells_: Sequence[Any], *, total: int | None = None) -> Facts:
    """Facts of one column from its cells, which are a sample of `total` rows."""
    values = [value for value in cells_ if not is_missing(value)]
    if not values:
        return Facts(name, "empty", len(cells_), 0, 0)
    structured = _structured(name, len(cells_), values)
    if structured:
        return structured
    strings = [value if isinstance(value, str) else str(value) for value in values]
    counts = Counter(text.strip() for text in strings)
    facts = Facts(
        name=name,
        kind="category",
        rows=len(cells_),
        filled=len(values),
        unique=len(counts),
        characters=sum(map(len, strings)) / len(strings),
        words=sum(len(words(text)) for text in strings[:1000]) / len(strings[:1000]),
        truth=len(counts) == 2 and {text.lower() for text in counts} in _TRUTH,
        codes=_share(_CODE, strings) >= 0.9,
        prose=sum(_PROSE.search(text) is not None for text in strings[:1000]) / len(strings[:1000]),
        counts=counts,
    )
    if _share(_NUMBER, strings) >= 0.98:
        numbers = [float(text) for text in strings if _NUMBER.fullmatch(text.strip())]
        facts = _with(
            facts,
            kind="number",
            integer=all(number == int(number) for number in numbers if abs(number) < 1e300),
            low=min(numbers),
            high=max(numbers),
        )
        return _with(facts, kind=_number_kind(facts, numbers, (total or len(cells_)) / len(cells_)))
    return _with(facts, kind=_string_kind(facts, strings, values))


def _with(facts: Facts, **changes: Any) -> Facts:
    return Facts(**{**vars(facts), **changes})


def _share(pattern: re.Pattern[str], strings: Sequence[str]) -> float:
    sample = strings[:1000]
    return sum(pattern.fullmatch(text.strip()) is not None for text in sample) / len(sample)


def _structured(name: str, rows: int, values: Sequence[Any]) -> Facts | None:
    """Facts of a column of lists or objects (as such, or written as JSON text); None for plain cells."""
    lists = [cells.sequence(value) for value in values]
    read = (spans.read(value if cells_ is None else cells_) for value, cells_ in zip(values, lists, strict=True))
    marked = [found for found in read if found is not None]
    stretches = [span for found in marked for span in found]
    if len(marked) >= 0.98 * len(values) and stretches and all(span.is_placed for span in stretches):
        counts = Counter(span.label or "" for span in stretches)
        return Facts(name, "spans", rows, len(values), len(values), counts=counts)
    listed = [found for found in lists if found is not None]
    if len(listed) < 0.98 * len(values):
        listed = [found for found in map(cells.label_items, values) if found is not None]
    if len(listed) < 0.98 * len(values):
        if any(isinstance(value, Mapping) for value in values):
            return Facts(name, "objects", rows, len(values), len(values))
        return None
    items = [item for found in listed for item in found]
    named = [cells.label_items(found) or [] for found in listed]
    items = [item for found in named for item in found]
    single = items and all(
        isinstance(value, list) and len(value) == 1 and isinstance(value[0], str) for value in values
    )
    if single and (alone := describe_column(name, items)).kind == "category" and alone.filled >= 2 * alone.unique:
        return _with(alone, rows=rows)  # a label in a list of its own
    strings = all(isinstance(item, (str, int, bool)) for item in items)
    if not items or not strings:
        return Facts(name, "objects", rows, len(values), len(values))
    return Facts(
        name,
        "tokens",
        rows,
        len(values),
        len({str(found) for found in listed}),
        words=len(items) / len(listed),
        integer=not any(isinstance(item, str) for item in items),
        counts=Counter(str(item) for item in items),
        sets=all(len(set(found)) == len(found) for found in named) if strings else False,
    )


def _number_kind(facts: Facts, numbers: Sequence[float], rows_per_sample: float) -> str:
    """`id` for whole numbers that only count or name rows, else `number` (or `constant`)."""
    if facts.unique == 1 and facts.filled > 1:
        return "constant"
    if not facts.integer or facts.filled < 8 or facts.unique_share < 0.98:
        return "number"
    if dates.parse(next(iter(facts.counts))) is not None and facts.low > 1e9:
        return "date"
    dense = facts.high - facts.low + 1 <= 1.5 * facts.unique * rows_per_sample
    rising = all(a < b for a, b in pairwise(numbers))
    same_digits = facts.low >= 10_000 and len({len(str(int(number))) for number in numbers}) == 1
    even = facts.filled >= 50 and _is_even(numbers)
    return "id" if dense or rising or same_digits or even or facts.low >= 1e9 else "number"


def _is_even(numbers: Sequence[float]) -> bool:
    """Whether numbers lie as evenly as drawn row numbers would (Kolmogorov-Smirnov at 5 %); quantities rarely do."""
    low, high = min(numbers), max(numbers)
    places = [(number - low) / (high - low) for number in sorted(numbers)]
    gap = max(max(abs(place - i / len(places)), abs(place - (i + 1) / len(places))) for i, place in enumerate(places))
    return bool(gap < 1.36 / len(places) ** 0.5)


def _string_kind(facts: Facts, strings: Sequence[str], values: Sequence[Any]) -> str:
    if facts.unique == 1 and facts.filled > 1:
        return "constant"
    if sum(found is not None for found in dates.parse_column(values[:500])) >= 0.95 * len(values[:500]):
        return "date"
    if _share(_URL, strings) >= 0.9:
        return "url"
    if _share(_MEDIA, strings) >= 0.9:
        return "media"
    if facts.codes and facts.unique_share >= 0.9 and facts.filled >= 8:
        return "id"
    long_text = facts.words >= 9
    some_words = facts.words >= 2.2
    if facts.unique_share > 0.5 and (some_words or long_text):
        return "text"
    if long_text and facts.characters >= 30 and facts.unique >= 0.02 * facts.filled and facts.unique > 20:
        return "text"
    if facts.unique_share <= 0.5:
        return "category"
    return "short"
