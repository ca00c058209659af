"""fastText's form: `__label__positive I liked it`, a text a line, its labels in front of it.

"Bag of Tricks for Efficient Text Classification" (Joulin et al. 2017) is trained from files like this. Where a line
near the beginning has several labels, all lines have a list of them (`labels`), else one (`label`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from autogpt.core import Rejection
from autogpt.sources import Item, Request
from autogpt.sources._bytes import Lines, encoding_of
from autogpt.sources._packed import head
from autogpt.sources._values import fault, shown

_LABELS = re.compile(r"\s*((?:__label__\S+[ \t]*,?[ \t]*)*)(.*)", re.DOTALL)
_LABEL = re.compile(r"__label__([^\s,]+)")


class FastText:
    name = "fasttext"
    summary = "fastText (.ft): `__label__x a text` a line"
    suffixes = (".ft",)
    takes_query = False

    def accepts(self, source: Any) -> bool:
        return False

    def claims(self, head: bytes) -> bool:
        lines = [line for line in head.splitlines()[:100] if line.strip()]
        return bool(lines) and sum(line.lstrip().startswith(b"__label__") for line in lines) >= 0.9 * len(lines)

    def items(self, source: Any, request: Request) -> Iterator[Item]:
        path = Path(source)
        encoding = encoding_of(path)
        yield from encoding.notes()
        seen = [_read(line)[0] for line in head(path).decode(encoding.name, "replace").split("\n")[:-1] if line.strip()]
        several = any(len(labels) > 1 for labels in seen)
        lines = Lines(path, encoding, request.limits.field_bytes, request.share)
        for item in lines:
            if isinstance(item, Rejection):
                yield item
            elif item[1].strip():
                yield self._row(path, item[0], item[1].strip(), several, encoding.name)
        yield from lines.end()

    def _row(self, path: Path, line: int, text: str, several: bool, encoding: str) -> Item:
        labels, rest = _read(text)
        reason = fault(text, encoding)
        if reason is None and not several and len(labels) != 1:
            reason = f"{shown(text)} has {len(labels)} labels and the lines before it one; write one __label__ a line"
        if reason is None and not rest:
            reason = f"{shown(text)} has no text behind its label; write __label__x, a space, the text"
        if reason is not None:
            return Rejection(str(path), line, reason)
        return line, {"text": rest, **({"labels": labels} if several else {"label": labels[0]})}


def _read(line: str) -> tuple[list[str], str]:
    """Labels and text of a line."""
    match = _LABELS.match(line)
    return (_LABEL.findall(match[1]), match[2].strip()) if match else ([], line)


plugin = FastText()
