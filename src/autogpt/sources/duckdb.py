"""A query on a DuckDB database, which is opened for reading only and without access to other files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from autogpt.core import Rejection
from autogpt.errors import SourceError
from autogpt.sources import Item, Request
from autogpt.sources._values import Plain, shown, unique_names

_BATCH = 512


class DuckDb:
    name = "duckdb"
    summary = "a DuckDB file (.duckdb, duckdb:///path) with a query"
    suffixes = (".duckdb", ".ddb")
    takes_query = True

    def accepts(self, source: Any) -> bool:
        return isinstance(source, str) and source.startswith("duckdb:///")

    def claims(self, head: bytes) -> bool:
        return head[8:12] == b"DUCK"

    def items(self, source: Any, request: Request) -> Iterator[Item]:
        path = Path(str(source).removeprefix("duckdb:///"))
        try:
            import duckdb
        except ImportError:
            raise SourceError(f"{path}: DuckDB files need the package duckdb; pip install 'autogpt[sql]'") from None
        settings: dict[str, str | bool | int | float | list[str]] = {
            "enable_external_access": False,
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
            "memory_limit": f"{request.limits.memory // 2}B",
            "threads": 1,
            "lock_configuration": True,
        }
        try:
            with duckdb.connect(path, read_only=True, config=settings) as connection:
                yield from _rows(connection, path, request)
        except duckdb.Error as error:
            where = f", query {shown(request.query, 60)}" if request.query else ""
            what = str(error).strip().splitlines()[0]
            raise SourceError(f"{path}{where}: {what}; give one SELECT on an intact database") from None


def _rows(connection: Any, path: Path, request: Request) -> Iterator[Item]:
    if not request.query:
        tables = ", ".join(shown(row[0]) for row in connection.execute("SHOW TABLES").fetchall())
        raise SourceError(f"{path}: a database needs a query; its tables are {tables}; give query='SELECT ...'")
    cursor = connection.execute(request.query)
    names, notes = unique_names(column[0] for column in cursor.description or ())
    yield from notes
    plain = Plain(request.limits)
    line = 0
    while batch := cursor.fetchmany(_BATCH):
        for cells in batch:
            line += 1
            try:
                yield line, plain.row(dict(zip(names, cells, strict=True)))
            except ValueError as error:
                yield Rejection(str(path), line, str(error))
    yield from plain.notes()


plugin = DuckDb()
