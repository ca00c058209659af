"""Where rows come from: one file per kind of data, found by its name (`csv.py` -> `csv`).

A source turns what the user gave (a path, a name, a frame) into a stream of items, in the order of the original:

    (line, row)   one record; `line` is its place there (line of a text file, record or sheet row elsewhere)
    Rejection     one record that cannot be used, with the reason
    Note          something the user should know about the whole (an encoding, a renamed column)
    Split         the rows that follow belong to this split
    Part          something else to be read in its place (a file of a folder), by whichever source accepts it
    Left          so many rows were not drawn (see `Request.share`)
    Cut           the rows that follow are drawn in blocks, of which those that are not drawn need not be read

Files are parsed in a child process (`autogpt.data._child`); a source never guards against hostile input itself, but
keeps its memory bounded and raises `SourceError` for what it can name.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, Protocol, runtime_checkable

from autogpt.core import Rejection, Row
from autogpt.errors import ConfigError

_WORD = (1 << 64) - 1
ROW = 300
"""Bytes that a row counts beside its texts: objects around short texts take most."""
FILLED = 0.9
"""Of what may be held, where a part is to be drawn that fits."""
_SPLITS = {
    "train": ("train", "training", "trn", "训练", "训练集", "訓練", "訓練集"),
    "validation": ("validation", "validate", "valid", "val", "dev", "devel", "development", "eval", "验证", "验证集",
                   "開發集", "开发集", "驗證集"),
    "test": ("test", "testing", "tst", "heldout", "held-out", "holdout", "测试", "测试集", "測試集"),
}  # fmt: skip
_SPLIT_OF = {word: split for split, words in _SPLITS.items() for word in words}


def split_of(word: object) -> str | None:
    """`train`, `validation` or `test` for a word that names a split (`Dev`, `val`, `测试集`), else None."""
    return _SPLIT_OF.get(word.strip().casefold()) if isinstance(word, str) else None


@dataclass(frozen=True, slots=True)
class Limits:
    """What reading may cost. A file that needs more is refused with the number; each limit can be raised."""

    field_bytes: int = field(default=10_000_000, metadata={"help": "characters in one cell"})
    memory: int = field(default=2 << 30, metadata={"help": "bytes for parsing, and bytes of parsed rows"})
    timeout: float = field(default=120.0, metadata={"help": "seconds for one file"})
    rows: int = field(default=10_000_000, metadata={"help": "rows of one file, rejected ones included"})

    def __post_init__(self) -> None:
        for name in self.__slots__:
            value = getattr(self, name)
            if not value > 0:
                raise ConfigError(f"limits.{name} is {value!r}; it must be more than 0")


@dataclass(frozen=True, slots=True)
class Request:
    """What a source is told beside the data itself."""

    query: str | None = None
    revision: str | None = None
    offline: bool = False
    limits: Limits = field(default_factory=Limits)
    share: float = 1.0
    """Of the rows to draw, where not all can be held; whoever reads may leave out lines early that are not `drawn`."""
    most: int | None = None
    """Bytes of values (and `ROW` for each row) to hold of this source; who can tell beforehand that it has more, and
    can draw without reading all of it, draws a smaller share and says so (`Cut`)."""

    def fitting(self, held: float) -> float:
        """The share to draw of a source whose rows would all take so many bytes: what is drawn varies by a little."""
        return min(self.share, FILLED * self.most / held) if self.most is not None and held > 0 else self.share


def drawn(line: int, share: float) -> bool:
    """Whether the row at a place is one of a share that is drawn at random: the same ones each time, and those of a
    smaller share are among those of a larger one (the finalizer of SplitMix64, Steele et al. 2014, as the die)."""
    if share >= 1:
        return True
    number = (line * 0x9E3779B97F4A7C15) & _WORD
    number = ((number ^ (number >> 30)) * 0xBF58476D1CE4E5B9) & _WORD
    number = ((number ^ (number >> 27)) * 0x94D049BB133111EB) & _WORD
    return (number ^ (number >> 31)) < share * _WORD


@dataclass(frozen=True, slots=True)
class Note:
    """A remark about the data that the user should see."""

    text: str


@dataclass(frozen=True, slots=True)
class Split:
    """The rows that follow belong to this split (None: to no particular one)."""

    name: str | None


@dataclass(frozen=True, slots=True)
class Part:
    """Something to be read here, and the split its rows belong to."""

    source: Any
    split: str | None


@dataclass(frozen=True, slots=True)
class Left:
    """So many rows were not drawn."""

    count: int


@dataclass(frozen=True, slots=True)
class Cut:
    """Rows are drawn by blocks of `block` places (bytes or records): the die of a row is thrown for `line // block`.
    `estimated`: how many were not drawn is reckoned from those that were read, and `line` is the byte a row begins at.
    """

    block: int
    share: float
    estimated: bool = False


Item = tuple[int, Row] | Rejection | Note | Split | Part | Left | Cut


class Source(Protocol):
    """A kind of data. `suffixes` are those of its files, lower case, packing left out; none for what is no file."""

    name: str
    summary: str
    suffixes: tuple[str, ...]
    takes_query: bool

    def accepts(self, source: Any) -> bool:
        """Whether this, which is no file with a known suffix, is of this kind."""

    def claims(self, head: bytes) -> bool:
        """Whether a file that begins with these (unpacked) bytes is unmistakably of this kind."""

    def items(self, source: Any, request: Request) -> Iterator[Item]:
        """Its contents."""


class RowWriter(Protocol):
    """Writes rows to a stream that it was made for."""

    def write(self, row: Row) -> None: ...

    def close(self) -> None:
        """Finishes the file's structure; the stream itself stays open."""


@runtime_checkable
class Writable(Protocol):
    """A kind of file that can also be written."""

    def writer(self, out: BinaryIO, like: Path | None, suffix: str) -> RowWriter:
        """Writes in the manner of `like`, which is of the same kind; None: in the usual manner for `suffix`."""


def suffix_of(path: str | Path) -> str:
    """The suffix that tells a file's kind: `.csv` for `a.CSV.gz`."""
    return Path(re.sub(r"\.(gz|bz2|xz)$", "", Path(path).name.lower())).suffix


def is_folder(source: Any) -> bool:
    """Whether this is the path of a folder (any string may be asked, however long or odd)."""
    try:
        return isinstance(source, (str, Path)) and bool(str(source)) and Path(source).is_dir()
    except (OSError, ValueError):
        return False


def is_there(source: str) -> bool:
    """Whether a path exists (any string may be asked)."""
    try:
        return Path(source).exists()
    except (OSError, ValueError):
        return False
