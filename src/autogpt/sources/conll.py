"""CoNLL columns: a token and its tag per line, a blank line between sentences.

The token is the first column and the tag the last, separated by a tab or by spaces. `-DOCSTART-` lines and comments
are no tokens. One row per sentence, with the columns `tokens` and `tags`; its line is that of its first token.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from autogpt.core import Rejection, Row
from autogpt.errors import SourceError
from autogpt.sources import Item, Note, Request, RowWriter
from autogpt.sources._bytes import Encoding, Lines, encoding_of
from autogpt.sources._values import fault, shown

_TAG = re.compile(r"O|[BIESLUM][-_]\S+")


class Conll:
    name = "conll"
    summary = "CoNLL/BIO (.conll .bio .iob): a token and its tag per line, a blank line between sentences"
    suffixes = (".conll", ".conll2003", ".bio", ".iob", ".iob2", ".bioes")
    takes_query = False

    def accepts(self, source: Any) -> bool:
        return False

    def claims(self, head: bytes) -> bool:
        if head.startswith(b"-DOCSTART-"):
            return True
        lines = head.decode("utf-8", "replace").splitlines()[:-1][:500]
        cells = [_cells(line) for line in lines if line.strip()]
        if len(cells) < 3 or len(cells) == len(lines) or "," in lines[0]:
            return False
        tagged = [row for row in cells if len(row) > 1 and _TAG.fullmatch(row[-1])]
        return len(tagged) >= 0.95 * len(cells) and any(row[-1] != "O" for row in tagged)

    def items(self, source: Any, request: Request) -> Iterator[Item]:
        path = Path(source)
        encoding = encoding_of(path)
        yield from encoding.notes()
        lines = Lines(path, encoding, request.limits.field_bytes)
        skipped = 0
        sentence = _Sentence(str(path))
        for item in lines:
            if isinstance(item, Rejection):
                sentence.refuse(item.line or 0, item.reason)
            elif not item[1].strip():
                yield from sentence.end()
            elif item[1].startswith("-DOCSTART-") or _is_comment(item[1]):
                skipped += 1
            else:
                sentence.add(item[0], item[1].strip("\r\n"), encoding.name)
        for damaged in lines.end():
            sentence.refuse(damaged.line or 0, damaged.reason)
        yield from sentence.end()
        if skipped:
            yield Note(f"{skipped} comment and -DOCSTART- lines are no tokens")

    def writer(self, out: BinaryIO, like: Path | None, suffix: str) -> RowWriter:
        return ConllWriter(out, Encoding("utf-8") if like is None else encoding_of(like))


def _cells(line: str) -> list[str]:
    line = line.strip("\r\n")
    return line.split("\t") if "\t" in line else re.split(" +", line.strip(" "))


def _is_comment(line: str) -> bool:
    return (
        line.startswith("#") and (line.startswith("# ") or line.strip() == "#") and not _TAG.fullmatch(_cells(line)[-1])
    )


class _Sentence:
    """The sentence under way. One bad line makes it unusable as a whole: a gap would shift its tags."""

    def __init__(self, origin: str) -> None:
        self._origin = origin
        self._clear()

    def _clear(self) -> None:
        self.line = 0
        self._tokens: list[str] = []
        self._tags: list[str] = []
        self._refused: Rejection | None = None

    def refuse(self, line: int, reason: str) -> None:
        self.line = self.line or line
        self._refused = self._refused or Rejection(self._origin, line, reason)

    def add(self, line: int, text: str, encoding: str) -> None:
        self.line = self.line or line
        cells = _cells(text)
        token, tag = cells[0], cells[-1].strip()
        if (reason := fault(text, encoding)) is not None:
            self.refuse(line, reason)
        elif len(cells) < 2 or not tag:
            self.refuse(line, f"column 'tags': token {shown(token)} has no tag; write token, tab, tag (or O)")
        elif not token.strip():
            self.refuse(line, f"column 'tokens': tag {shown(tag)} has no token; write token, tab, tag")
        self._tokens.append(token)
        self._tags.append(tag)

    def end(self) -> Iterator[Item]:
        if self._refused is not None:
            yield self._refused
        elif self.line:
            yield self.line, {"tokens": self._tokens, "tags": self._tags}
        self._clear()


class ConllWriter:
    """A line per token with its tag; new columns that have a value per token follow as columns of the file."""

    def __init__(self, out: BinaryIO, encoding: Encoding) -> None:
        self._out = out
        self._encoding = encoding
        out.write(encoding.bom)

    def write(self, row: Row) -> None:
        tokens = row["tokens"]
        extra = [v for k, v in row.items() if k != "tokens" and isinstance(v, (list, tuple)) and len(v) == len(tokens)]
        lines = ["\t".join(map(str, cells)) for cells in zip(tokens, *extra, strict=True)]
        try:
            self._out.write(("\n".join(lines) + "\n\n").encode(self._encoding.name))
        except UnicodeEncodeError:
            where = f"{self._encoding.name}, the encoding of the input"
            what = f"sentence {shown(' '.join(tokens))} cannot be written in {where}"
            raise SourceError(f"{what}; save the input as UTF-8") from None

    def close(self) -> None:
        """Nothing is left to write."""


plugin = Conll()
