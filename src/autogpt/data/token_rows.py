"""Tables with a token a row: the rows of a sentence become one, with lists of its tokens and their tags.

Corpora of named entities come as CSV so: a column that numbers the sentences (on each row, or on the first of each),
one of words, one or more of tags. CoNLL files, which have blank lines between sentences, are read by their own source.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import chain, islice, pairwise

from autogpt.core import Rejection, Row
from autogpt.data.columns import sample_rows
from autogpt.data.words import is_missing

_TAG = re.compile(r"O|[BIESLUM][-_]\S+")
_LEAST, _LOOKED_AT, _LONGEST = 10, 5000, 1000
"""Rows for a table to be looked at; rows looked at; tokens of a sentence."""


def joined(rows: list[Row], columns: Sequence[str], lines: list[int]) -> tuple[list[Row], list[int], str] | None:
    """The rows of sentences, the line that each begins at, and the name of the column that numbers them."""
    tags = [name for name in columns if len(rows) >= _LEAST and _are_tags(rows, name)]
    others = [name for name in columns if tags and name not in tags]
    number, starts = next(((name, at) for name in others if (at := _starts(rows, name))), ("", []))
    if not starts or not any(_are_words(rows, name) for name in others if name != number):
        return None
    sentences = [rows[start:end] for start, end in pairwise([*starts, len(rows)])]
    whole = [_sentence(sentence, columns, number) for sentence in sentences]
    return whole, [lines[start] for start in starts], number


def _sentence(rows: Sequence[Row], columns: Sequence[str], number: str) -> Row:
    return {name: rows[0].get(name) if name == number else [row.get(name) for row in rows] for name in columns}


def _are_tags(rows: Sequence[Row], name: str) -> bool:
    """Whether a column holds tags of spans: B-, I- and O, of which not all are O."""
    values = [rows[place].get(name) for place in sample_rows(len(rows), _LOOKED_AT)]
    tags = [value for value in values if isinstance(value, str) and _TAG.fullmatch(value)]
    return len(tags) >= 0.98 * len(values) and 0 < sum(tag == "O" for tag in tags) < len(tags)


def _are_words(rows: Sequence[Row], name: str) -> bool:
    """Whether a column holds single words, and many different ones."""
    values = [str(rows[place].get(name)) for place in sample_rows(len(rows), _LOOKED_AT)]
    single = sum(" " not in value and len(value) < 40 for value in values)
    return single >= 0.98 * len(values) and len(set(values)) > max(5, 0.02 * len(values))


def _starts(rows: Sequence[Row], name: str) -> list[int]:
    """Where sentences begin by a column that numbers them; empty where it does not.

    It has a value on the first row of each sentence only, or the same one on all rows of a sentence.
    """
    values = [row.get(name) for row in rows]
    filled = [place for place, value in enumerate(values) if not is_missing(value)]
    if not filled or filled[0] != 0:
        return []
    if len(filled) == len(values):
        filled = [0, *(place for place in range(1, len(values)) if values[place] != values[place - 1])]
    names = {str(values[place]) for place in filled}
    lengths = [end - start for start, end in pairwise([*filled, len(values)])]
    several = len(filled) >= 2 and len(values) >= 2 * len(filled) and max(lengths) <= _LONGEST
    return filled if several and len(names) == len(filled) else []


def streamed(rows: Iterator[tuple[int, Row | Rejection]], words: str) -> Iterator[tuple[int, Row | Rejection]]:
    """The rows of a stream, those of one sentence as one where `words` has a token a row, as `joined` does it."""
    head = list(islice(rows, _LOOKED_AT))
    seen = [row for _, row in head if not isinstance(row, Rejection)]
    found = chain(head, rows)
    columns = list(seen[0]) if seen and words in seen[0] else []
    single = len(seen) >= _LEAST and bool(columns) and _are_words(seen, words)
    number = next((name for name in columns if single and name != words and _starts(seen, name)), None)
    return found if number is None else _sentences(found, columns, number)


def _sentences(
    rows: Iterator[tuple[int, Row | Rejection]], columns: Sequence[str], number: str
) -> Iterator[tuple[int, Row | Rejection]]:
    first, held = 0, list[Row]()
    for line, row in rows:
        if isinstance(row, Rejection):
            yield line, row
            continue
        value = row.get(number)
        if held and not is_missing(value) and value != held[0].get(number):
            yield first, _sentence(held, columns, number)
            held = []
        first = first if held else line
        held.append(row)
    if held:
        yield first, _sentence(held, columns, number)
