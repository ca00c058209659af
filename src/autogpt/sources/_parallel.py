"""Files side by side, a line each for every row: `train.de` and `train.en`, `src-train.txt` and `tgt-train.txt`, or
`seq.in`, `seq.out` and `label`. Corpora of translations, summaries and slots are stored so.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import zip_longest
from pathlib import Path

from autogpt.core import Rejection
from autogpt.errors import SourceError
from autogpt.sources import Item, Left, Request, Split, drawn, split_of
from autogpt.sources._values import fault, shown

Columns = dict[str, Path]
_SIDE = r"src|tgt|trg|source|target|input|output|document|summary|article|title|in|out|label|labels"
_LANGUAGE = re.compile(r"[a-z]{2}(?:[_-][A-Za-z]{2,4})?")
_COLUMN = re.compile(rf"{_SIDE}|{_LANGUAGE.pattern}")
_NO_COLUMN = ("md", "py", "gz", "bz", "xz", "db", "ft", "js", "ts", "sh")
_ORDER = ("train", "validation", "test", None)


def splits(files: Sequence[Path]) -> dict[str | None, Columns]:
    """The columns of each split, where these files are columns; no split is called None. Empty where they are not."""
    found: dict[str | None, Columns] = defaultdict(dict)
    for path in files:
        if (parts := _column(path)) is not None:
            split, column = parts
            if column in found[split]:  # two tables
                return {}
            found[split][column] = path
    columns = {tuple(part) for part in found.values()}
    whole = len(columns) == 1 and len(next(iter(columns))) > 1 and (found.keys() == {None} or "train" in found)
    return {split: found[split] for split in _ORDER if split in found} if whole else {}


def rows(parts: Mapping[str | None, Columns], request: Request) -> Iterator[Item]:
    """A row a line, split by split."""
    number = 0
    for split, columns in parts.items():
        yield Split(split)
        for cells in zip_longest(*map(_lines, columns.values())):
            if None in cells:
                raise _uneven(columns)
            number += 1
            reason = next((reason for cell in cells if (reason := fault(cell)) is not None), None)
            if reason is not None:
                yield Rejection(str(next(iter(columns.values()))), number, reason)
            elif drawn(number, request.share):
                yield number, dict(zip(columns, cells, strict=True))
            else:
                yield Left(1)


def _column(path: Path) -> tuple[str | None, str] | None:
    """(split, column) of a file: (`train`, `de`) of `train.de`, (`train`, `src`) of `src-train.txt`, (None, `label`)
    of `label`; None for another file."""
    stem, end = path.stem, path.suffix[1:]
    if end in _NO_COLUMN:
        return None
    if _COLUMN.fullmatch(end):
        words = re.split(r"[._-]", stem)
        return split_of(stem) or split_of(words[-1]) or split_of(words[0]), end
    if end in ("", "txt"):
        before, _, after = re.sub(r"[._]", "-", stem).rpartition("-")
        for side, split in ((before, after), (after, before)):
            if re.fullmatch(_SIDE, side) and split_of(split):
                return split_of(split), side
        if re.fullmatch(_SIDE, stem):
            return None, stem
    return None


def _lines(path: Path) -> Iterator[str]:
    with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="\n") as file:
        for line in file:
            yield line.rstrip("\r\n")


def _uneven(columns: Columns) -> SourceError:
    counts = {path.name: sum(1 for _ in _lines(path)) for path in columns.values()}
    told = ", ".join(f"{shown(name)} has {count:,}" for name, count in counts.items())
    folder = next(iter(columns.values())).parent
    return SourceError(f"{folder}: these files are columns of one table and differ in lines ({told}); make them equal")
