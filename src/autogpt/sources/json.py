"""JSON: an array of objects, an object of columns, or one of these inside an object (`{"data": [...]}`).

As well: arrays of cells, objects by key (pandas' index), texts by label, SQuAD's form, sayings by intent, and what
annotation tools export.

The whole text is held in memory (of the child process); JSON Lines is the format for what is larger.
"""

from __future__ import annotations

import io
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

from autogpt.core import Rejection, Row
from autogpt.errors import SourceError
from autogpt.sources import Item, Request, RowWriter, Split, split_of
from autogpt.sources._annotations import Annotations
from autogpt.sources._bytes import Encoding, encoding_of
from autogpt.sources._dialect import is_column_name
from autogpt.sources._intents import sayings
from autogpt.sources._json import BrokenError, blank, elements, line_of, value
from autogpt.sources._packed import Unpacked, refuse_doubtful
from autogpt.sources._squad import questions
from autogpt.sources._values import Plain, shown

_FORMS = 'give [{"text": ..., "label": ...}, ...], {"text": [...], "label": [...]} or {"data": [{...}, ...]}'


class Json:
    name = "json"
    summary = 'JSON (.json): an array of objects, an object of columns, or {"data": [...]}'
    suffixes = (".json",)
    takes_query = False

    def accepts(self, source: Any) -> bool:
        return False

    def claims(self, head: bytes) -> bool:
        text = head.lstrip(b"\xef\xbb\xbf \t\r\n")
        lines = [line for line in text.splitlines()[:50] if line.strip()]
        one_a_line = len(lines) > 1 and all(line.startswith(b"{") for line in lines[:2])
        return text[:1] in (b"{", b"[") and text[1:].lstrip()[:1] in (b'"', b"{", b"}", b"]") and not one_a_line

    def items(self, source: Any, request: Request) -> Iterator[Item]:
        path = Path(source)
        encoding = encoding_of(path)
        yield from encoding.notes()
        raw = Unpacked(path)
        with io.BufferedReader(raw) as stream:
            data = stream.read().removeprefix(encoding.bom)
        try:
            text = data.decode(encoding.name, "surrogateescape")
        except UnicodeDecodeError as error:
            raise SourceError(f"{path}: byte {error.start}: {error}; save the file as UTF-8") from None
        refuse_doubtful(path, text.count("\n") + 1, raw)
        document = _Document(path, text, Plain(request.limits))
        yield from document.items()
        if raw.damage is not None:
            yield Rejection(str(path), None, raw.damage)

    def writer(self, out: BinaryIO, like: Path | None, suffix: str) -> RowWriter:
        return JsonWriter(out, Encoding("utf-8") if like is None else encoding_of(like))


class _Document:
    """One JSON text. Rows of an array are read one by one, so that those before an error are kept."""

    def __init__(self, path: Path, text: str, plain: Plain) -> None:
        self.path = path
        self.text = text
        self.plain = plain
        self.annotations = Annotations()
        self.row = 0

    def items(self) -> Iterator[Item]:
        start = blank(self.text, 0)
        mark = self.text[start : start + 1]
        if mark == "[":
            yield from self._array(start)
        elif mark == "{":
            yield from self._object(start)
        else:
            raise self._error(start, f"{shown(self.text[start : start + 20])} opens neither an array nor an object")
        yield from self.plain.notes()

    def _error(self, position: int, reason: str) -> SourceError:
        return SourceError(f"{self.path}: line {line_of(self.text, position)}: {reason}; {_FORMS}")

    def _array(self, start: int) -> Iterator[Item]:
        """The objects of an array; what stands behind it must be nothing."""
        end = start + 1
        try:
            for item, behind in elements(self.text, start):
                end = behind
                yield from self._records(item)
            self._end(end if self.text[end : end + 1] == "]" else blank(self.text, start + 1))
        except BrokenError as error:
            yield self._broken(error)

    def _broken(self, error: BrokenError) -> Rejection:
        self.row += 1
        line = line_of(self.text, error.position)
        rest = f"row {self.row}, line {line} of the file, {error}; repair it there: nothing behind it could be read"
        return Rejection(str(self.path), self.row, rest)

    def _records(self, item: Any) -> Iterator[Item]:
        """The row that an object is, or those that it holds."""
        inner = questions(item) or sayings(item)
        yield from map(self._record, [item] if inner is None else inner)

    def _record(self, item: Any) -> Item:
        self.row += 1
        try:
            if isinstance(item, ValueError):
                raise item
            item = self.annotations.row(item)
            if isinstance(item, list) and len(item) > 1 and not any(isinstance(cell, (dict, list)) for cell in item):
                item = {f"column_{place}": cell for place, cell in enumerate(item, start=1)}
            if not isinstance(item, dict) or not item:
                raise ValueError(f"{shown(json.dumps(item))} is no object with columns; {_FORMS}")
            return self.row, self.plain.row(item)
        except ValueError as error:
            return Rejection(str(self.path), self.row, str(error))

    def _end(self, bracket: int) -> None:
        behind = blank(self.text, bracket + 1)
        if behind < len(self.text):
            raise BrokenError(
                f"{shown(self.text[behind : behind + 20])} stands behind the end of the JSON value", behind
            )

    def _object(self, start: int) -> Iterator[Item]:
        """An object: its lists of objects are rows (of the splits that they are named after); else it is columns."""
        members: dict[str, Any] = {}
        tables: dict[str, list[Item]] = {}
        position = blank(self.text, start + 1)
        try:
            while self.text[position : position + 1] != "}":
                key, position = value(self.text, position)
                position = blank(self.text, position)
                if not isinstance(key, str) or self.text[position : position + 1] != ":" or key in members:
                    raise BrokenError(f"{shown(key)} is no new key with a colon behind it", position)
                position = blank(self.text, position + 1)
                inner = self.text[blank(self.text, position + 1)] if self.text[position] == "[" else ""
                is_table = inner == "{" or (inner == "[" and split_of(key) is not None)
                if is_table:
                    position = self._table(position, tables.setdefault(key, []))
                    members[key] = None
                else:
                    members[key], position = value(self.text, position)
                position = self._separator(position)
            self._end(position)
        except (BrokenError, IndexError) as error:
            broken = error if isinstance(error, BrokenError) else BrokenError("the text ends too early", len(self.text))
            if not tables:
                raise self._error(broken.position, str(broken)) from None
            yield from self._tables(tables)
            yield self._broken(broken)
            return
        yield from self._tables(tables) if tables else self._columns(members)

    def _separator(self, position: int) -> int:
        position = blank(self.text, position)
        mark = self.text[position : position + 1]
        if mark == ",":
            return blank(self.text, position + 1)
        if mark != "}":
            raise BrokenError(f"a comma or }} is missing before {shown(self.text[position : position + 20])}", position)
        return position

    def _table(self, position: int, into: list[Item]) -> int:
        self.row = 0
        for item, behind in elements(self.text, position):
            into.extend(self._records(item))
            position = behind
        return position + 1

    def _tables(self, tables: Mapping[str, list[Item]]) -> Iterator[Item]:
        if len(tables) == 1:
            yield from next(iter(tables.values()))
            return
        if not all(split_of(name) for name in tables):
            names = ", ".join(shown(name) for name in tables)
            raise SourceError(f"{self.path}: line 1: the lists {names} are several tables; keep only one")
        for name, items in tables.items():
            yield Split(split_of(name))
            yield from items

    def _columns(self, members: Mapping[str, Any]) -> Iterator[Item]:
        """`{"text": [...], "label": [...]}`, pandas' `{"text": {"0": ...}, ...}`, or a single row."""
        for name, member in members.items():
            if isinstance(member, ValueError):
                raise SourceError(f"{self.path}: line 1: column {shown(name)}: {member}")
        if _are_rows(members):
            for name, member in members.items():
                yield from self._records({"key": name, **member})
            return
        if _are_labels(members):
            for label, texts in members.items():
                yield from map(self._record, ({"text": text, "label": label} for text in texts))
            return
        if members and all(isinstance(member, dict) for member in members.values()):
            keys = list(dict.fromkeys(key for member in members.values() for key in member))
            members = {name: [member.get(key) for key in keys] for name, member in members.items()}
        if members and all(isinstance(member, list) for member in members.values()):
            lengths = {name: len(member) for name, member in members.items()}
            if len(set(lengths.values())) > 1:
                sizes = ", ".join(f"{shown(name)} has {size}" for name, size in lengths.items())
                raise SourceError(f"{self.path}: line 1: the columns differ in length ({sizes}); make them equal")
            for cells in zip(*members.values(), strict=True):
                yield self._record(dict(zip(members, cells, strict=True)))
        else:
            yield self._record(dict(members))


def _are_rows(members: Mapping[str, Any]) -> bool:
    """Whether members are rows by their key: more of them than they have columns, which have no numbers for names."""
    if not members or not all(isinstance(member, dict) and member for member in members.values()):
        return False
    columns = Counter(key for member in members.values() for key in member)
    return (
        len(members) > len(columns)
        and not any(map(str.isdigit, columns))
        and sum(columns.values()) >= 0.5 * len(columns) * len(members)
    )


def _are_labels(members: Mapping[str, Any]) -> bool:
    """Whether members are texts by their label: lists of texts, not all as long, under names that no column has."""
    lists = [member for member in members.values() if isinstance(member, list)]
    texts = len(lists) == len(members) > 1 and all(isinstance(text, str) for texts in lists for text in texts)
    named = any(is_column_name(name) for name in members)
    return texts and not named and len({len(texts) for texts in lists}) > 1


class JsonWriter:
    """An array of objects, one a line."""

    def __init__(self, out: BinaryIO, encoding: Encoding) -> None:
        self._out = out
        self._encoding = encoding
        self._rows = 0
        out.write(encoding.bom)

    def write(self, row: Row) -> None:
        self._text(",\n" if self._rows else "[\n")
        self._rows += 1
        self._text(json.dumps(row, ensure_ascii=False))

    def close(self) -> None:
        self._text("\n]\n" if self._rows else "[]\n")

    def _text(self, text: str) -> None:
        try:
            data = text.encode(self._encoding.name)
        except UnicodeEncodeError:  # an encoding that lacks a letter: JSON can spell every letter in ASCII
            data = json.dumps(json.loads(text)).encode(self._encoding.name)
        self._out.write(data)


plugin = Json()
