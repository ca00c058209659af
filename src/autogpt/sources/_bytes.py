"""Text files as bytes: finding the encoding, and giving out numbered lines, in bounded memory.

Nothing here fails in the middle of a file: what cannot be unpacked or decoded ends the stream, and `damage` says why.
"""

from __future__ import annotations

import codecs
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from autogpt.core import Rejection
from autogpt.errors import SourceError
from autogpt.sources import Item, Note, drawn
from autogpt.sources._packed import CHUNK, HEAD, Unpacked, refuse_doubtful

_EVIDENCE = 1 << 22  # bytes of non-ASCII text that settle the encoding
_SCAN = 1 << 28  # ASCII bytes after which a file counts as ASCII
_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # before UTF-16: it begins with the same two bytes
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


@dataclass(frozen=True, slots=True)
class Encoding:
    """How a file's bytes are letters. `guessed` when nothing in the file proves it."""

    name: str
    bom: bytes = b""
    guessed: bool = False

    def notes(self) -> Iterator[Note]:
        if self.guessed:
            yield Note(f"read as {self.name}, by the look of its letters; if they are wrong, save the file as UTF-8")


def encoding_of(path: Path) -> Encoding:
    """The encoding of a text file; SourceError when it is not text."""
    with io.BufferedReader(Unpacked(path), CHUNK) as stream:
        start = stream.read(HEAD)
        for bom, name in _BOMS:
            if start.startswith(bom):
                return Encoding(name, bom)
        if (wide := _wide(start)) is not None:
            return Encoding(wide, guessed=True)
        _refuse_binary(path, start)
        sample, scanned, chunk = b"", 0, start
        while chunk and scanned < _SCAN and len(sample) < _EVIDENCE:
            sample += b"" if chunk.isascii() else chunk + stream.readline(CHUNK)
            scanned += len(chunk)
            chunk = stream.read(CHUNK)
    return _narrow(sample)


def _wide(start: bytes) -> str | None:
    """UTF-16 without a mark: zeros, nearly all of them at even or at odd places, and many or in what is no UTF-8."""
    even, odd = start[::2].count(0), start[1::2].count(0)
    if even + odd == 0 or min(even, odd) * 20 > max(even, odd):
        return None
    strange = len(start.decode("utf-8", "ignore").encode()) < len(start) * 0.9
    if even + odd < len(start) * (0.01 if strange else 0.25):
        return None
    name = "utf-16-be" if even > odd else "utf-16-le"
    text = start.decode(name, "replace")
    readable = sum(c.isalnum() or c.isspace() for c in text)
    return name if "\0" not in text and readable * 2 > len(text) else None


def _refuse_binary(path: Path, start: bytes) -> None:
    control = len(re.findall(rb"[\x02-\x08\x0b\x0e-\x1a\x1c\x1d\x7f]", start))
    if control * 50 > len(start) or start.count(0) * 3 > len(start):
        raise SourceError(
            f"{path}: line 1: {start[:12]!r} is binary data, not text; give a CSV, TSV, JSON, JSONL, Parquet, XLSX "
            "or CoNLL file"
        )


def _narrow(sample: bytes) -> Encoding:
    """One of the encodings in which ASCII bytes are ASCII letters."""
    try:
        sample.decode("utf-8")
        return Encoding("utf-8")
    except UnicodeDecodeError:
        text = sample.decode("utf-8", "surrogateescape")
    wrong = len(re.findall("[\udc80-\udcff]", text))
    right = len(re.findall("[^\x00-\x7f\udc80-\udcff]", text))
    if right >= 3 * wrong:  # mostly UTF-8: the rows with wrong bytes will be rejected one by one
        return Encoding("utf-8")
    if _chinese(sample):
        return Encoding("gb18030", guessed=True)
    high = sum(len(run) for run in re.findall(rb"[\x80-\xff]+", sample))
    if (cyrillic := _cyrillic(sample)) is not None:
        return Encoding(cyrillic, guessed=True)
    if high * 5 > len(sample):  # a script of its own (Greek, Japanese, Korean, Big5 ...)
        from charset_normalizer import from_bytes

        best = from_bytes(sample[:HEAD]).best()
        if best is not None and best.encoding != "utf_8" and "\r\n,".encode(best.encoding) == b"\r\n,":
            return Encoding(best.encoding, guessed=True)
    try:
        sample.decode("cp1252")
    except UnicodeDecodeError:
        return Encoding("latin-1", guessed=True)
    return Encoding("cp1252", guessed=True)


def _chinese(sample: bytes) -> bool:
    """GBK or GB18030: the pairs are mostly in GB2312, and reach beyond the leads that Korean EUC-KR uses."""
    try:
        sample.decode("gb18030")
    except UnicodeDecodeError as error:
        if error.start < len(sample) * 0.9:
            return False
    pairs = re.findall(rb"[\x81-\xfe][\x40-\xfe]", sample)
    common = [pair for pair in pairs if 0xA1 <= pair[0] <= 0xF7 and pair[1] >= 0xA1]
    chinese = [pair for pair in common if pair[0] > 0xC8]
    return len(common) * 10 >= len(pairs) * 8 and len(chinese) * 10 >= len(common)


def _cyrillic(sample: bytes) -> str | None:
    """The Cyrillic encoding under which the commonest small letters of Russian are common."""
    shares = {}
    for name in ("cp1251", "koi8-r", "cp866", "iso8859-5"):
        letters = [c for c in sample[:HEAD].decode(name, "replace") if c.isalpha() and ord(c) > 0x7F]
        shares[name] = sum(c in "оеаинтсрвл" for c in letters) / max(1, len(letters))
    best = max(shares, key=lambda name: shares[name])
    return best if shares[best] > 0.5 else None


class Lines:
    """The numbered lines of a text file, ends included. A line that is too long comes as a Rejection."""

    def __init__(self, path: Path, encoding: Encoding, limit: int, share: float = 1.0) -> None:
        self.path = path
        self.encoding = encoding
        self.number = 0
        self._limit, self._share = limit, share
        self._raw = Unpacked(path)
        buffered = io.BufferedReader(self._raw, CHUNK)
        buffered.read(len(encoding.bom))
        errors = "surrogatepass" if encoding.name.startswith("utf-16") else "surrogateescape"
        self._text = io.TextIOWrapper(buffered, encoding=encoding.name, errors=errors, newline="")
        self._damage: str | None = None
        self._cut = False

    @property
    def damage(self) -> str | None:
        return self._damage or self._raw.damage

    def __iter__(self) -> Iterator[tuple[int, str] | Rejection]:
        with self._text:
            while line := self._read():
                self.number += 1
                if len(line) > self._limit:
                    yield self._too_long(line)
                elif self.damage is not None and not line.endswith(("\n", "\r")):
                    self._cut = True  # in the middle: what is left of the line may look whole and be wrong
                    break
                else:
                    yield self.number, line

    def begin(self) -> Iterator[Item]:
        """All lines are read: there is nothing to say of how they are drawn."""
        return iter(())

    def wants(self, line: int) -> bool:
        """Whether the row that begins at a line is drawn."""
        return drawn(line, self._share)

    def end(self) -> Iterator[Rejection]:
        """The end of a file that could not be read to its end; SourceError when no row of it can be trusted."""
        if self.damage is None:
            return
        line = self.number if self._cut else self.number + 1
        refuse_doubtful(self.path, line, self._raw)
        yield Rejection(str(self.path), line, self.damage)

    def _read(self) -> str:
        try:
            return self._text.readline(self._limit + 1)
        except UnicodeError as error:
            self._damage = f"the {self.encoding.name} text is damaged ({error}); save the file as UTF-8"
            return ""

    def _too_long(self, line: str) -> Rejection:
        length = len(line)
        while not line.endswith(("\n", "\r")) and (line := self._read()):
            length += len(line)
        return too_long(self.path, self.number, length, self._limit)


def too_long(path: Path, line: int, length: int, limit: int) -> Rejection:
    """A line that is not read because of its length."""
    what = f"a line of {length:,} characters is over the limit of {limit:,}"
    return Rejection(str(path), line, f"{what}; shorten its longest cell or raise limits.field_bytes")
