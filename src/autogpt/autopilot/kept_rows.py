"""Rows that were given in memory, kept in the run's folder so that it can be resumed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from autogpt import files
from autogpt.core import Table
from autogpt.errors import InputError
from autogpt.pipeline import Prepared


def write(table: Table, path: Path) -> None:
    """Rows given in memory, one a line, after a line of what else the table knows."""
    head = {"columns": table.columns, "origin": table.origin, "splits": list(table.splits), "lines": list(table.lines)}
    rows = "\n".join(json.dumps(dict(row), ensure_ascii=False, default=str) for row in table.rows)
    files.write_text(path, json.dumps(head, ensure_ascii=False) + "\n" + rows + "\n")


def read(path: Path) -> Table:
    """What `write` kept."""
    # Not splitlines(): a text may hold U+2028, which JSON leaves as it is.
    head, *rows = path.read_text("utf-8").split("\n")
    found: dict[str, Any] = json.loads(head)
    return Table(rows=[json.loads(row) for row in rows if row], **{**found, "columns": tuple(found["columns"])})


def check_same(folder: Path | None, prepared: Prepared) -> None:
    """InputError where a resumed run does not see the rows that it began with."""
    if folder is None:
        return
    path = folder / "data.sha256"
    if not path.is_file():
        files.write_text(path, prepared.fingerprint)
    elif path.read_text("utf-8") != prepared.fingerprint:
        origin = prepared.table.origin
        raise InputError(f"{origin}: its rows are not those that the run began with; restore them or start anew")
