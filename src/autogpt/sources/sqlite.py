"""A query on an SQLite database, which is opened for reading only."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import quote

from autogpt.core import Rejection
from autogpt.errors import SourceError
from autogpt.sources import Item, Request
from autogpt.sources._values import Plain, shown, unique_names

_READING = (sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION, sqlite3.SQLITE_RECURSIVE)


class Sqlite:
    name = "sqlite"
    summary = "an SQLite file (.sqlite .db, sqlite:///path) with a query"
    suffixes = (".sqlite", ".sqlite3", ".db", ".db3")
    takes_query = True

    def accepts(self, source: Any) -> bool:
        return isinstance(source, str) and source.startswith("sqlite:///")

    def claims(self, head: bytes) -> bool:
        return head.startswith(b"SQLite format 3\0")

    def items(self, source: Any, request: Request) -> Iterator[Item]:
        path = Path(str(source).removeprefix("sqlite:///"))
        try:
            with closing(_open(path)) as connection:
                yield from _rows(connection, path, request)
        except sqlite3.Error as error:
            where = f", query {shown(request.query, 60)}" if request.query else ""
            raise SourceError(f"{path}{where}: {error}; {_tables(path)}give one SELECT on an intact database") from None


def _open(path: Path) -> sqlite3.Connection:
    """Read-only; a database that nobody is writing is opened as immutable, so that not even a lock file appears."""
    mode = "mode=ro" if Path(f"{path}-wal").exists() else "mode=ro&immutable=1"
    connection = sqlite3.connect(f"file:{quote(str(path.absolute()))}?{mode}", uri=True)
    connection.execute("PRAGMA temp_store=MEMORY")
    connection.set_authorizer(lambda action, *_: sqlite3.SQLITE_OK if action in _READING else sqlite3.SQLITE_DENY)
    return connection


def _tables(path: Path) -> str:
    try:
        with closing(_open(path)) as connection:
            found = connection.execute("SELECT name FROM sqlite_master WHERE type IN ('table', 'view')")
            names = [name for (name,) in found]
    except sqlite3.Error:
        return ""
    return f"its tables are {', '.join(map(shown, names))}; " if names else "it has no tables; "


def _rows(connection: sqlite3.Connection, path: Path, request: Request) -> Iterator[Item]:
    if not request.query:
        raise SourceError(f"{path}: a database needs a query; {_tables(path)}give query='SELECT ...'")
    connection.text_factory = lambda data: data.decode("utf-8", "surrogateescape")
    cursor = connection.execute(request.query)
    names, notes = unique_names(column[0] for column in cursor.description or ())
    yield from notes
    plain = Plain(request.limits)
    for line, cells in enumerate(cursor, start=1):
        try:
            yield line, plain.row(dict(zip(names, cells, strict=True)))
        except ValueError as error:
            yield Rejection(str(path), line, str(error))
    yield from plain.notes()


plugin = Sqlite()
