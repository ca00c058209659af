"""The rows of a run: read from where the user says, kept if they were given in memory, checked to be the same."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from autogpt import files
from autogpt.config import RunConfig
from autogpt.core import Table
from autogpt.errors import InputError
from autogpt.pipeline import Prepared

DRAWING = "drawing.json"
READ_SHARE, TEST_PART = 1 / 32, 4
"""Of the memory that may be taken, for the values that are read (as objects, examples and what is counted of them they
take 16 times as much); and for a test of its own a part of that."""
PER_SECOND = 500_000
"""Bytes of values for each second of the time limit: of short texts these are looked at in about an eighth of it."""
LOOKING, LOOK_SHARE, FEW = 8.0, 0.25, 4 << 20
"""Looking at rows takes so many times as long as reading them alone (measured: 7 to 9). Where that would be more than a
share of the time limit, because the machine is slow or busy, fewer are drawn; so many bytes in any case."""
LEAST = 32 << 20
"""Bytes of values that are held in any case: whoever gives less memory is told by what needs more of it."""


def table(config: RunConfig, data: Any, test: Any, *, kept: Path | None, room: int, seconds: float) -> Table:
    """Rows of the source; of one that is too large for memory (`room` bytes) or for the time a part, drawn at random.
    `kept`: the file that rows given in memory are kept in, so that the run can be resumed."""
    from autogpt.data.read import read as read_rows
    from autogpt.data.split import with_test

    if data is None and kept is not None and kept.is_file():
        return read(kept)
    wanted, (most, settled) = config.source, _most(kept, room, seconds)
    source, query = (config.data, wanted.query) if data is None else (data, None)
    began = time.monotonic()
    found = read_rows(source, query=query, offline=wanted.offline, most=most)
    ahead = LOOKING * (time.monotonic() - began)
    if found.about and not settled and ahead > LOOK_SHARE * seconds:
        most = min(most, max(FEW, int(most * LOOK_SHARE * seconds / ahead)))
        found = read_rows(source, query=query, offline=wanted.offline, most=most)
    if kept is not None and data is None and test is None:  # otherwise the rows themselves are kept
        files.write_json(kept.with_name(DRAWING), {"most": most})
    if found.left and most < max(LEAST, int(READ_SHARE * room)):
        found = replace(found, notes=(*found.notes, "more rows could be held, but not looked at within the time limit"))
    held_out = wanted.test if test is None else test
    if held_out is not None:
        found = with_test(found, read_rows(held_out, offline=wanted.offline, most=most // TEST_PART))
    if kept is not None and (data is not None or test is not None):
        write(found, kept)
    return found


def _most(kept: Path | None, room: int, seconds: float) -> tuple[int, bool]:
    """Bytes of values to hold, and whether that is settled: a run that is resumed draws as it did, whatever memory is
    free then."""
    drawing = None if kept is None else kept.with_name(DRAWING)
    if drawing is not None and drawing.is_file():
        return int(json.loads(drawing.read_text("utf-8"))["most"]), True
    return int(min(max(LEAST, READ_SHARE * room), PER_SECOND * seconds)), False


def write(table: Table, path: Path) -> None:
    """Rows given in memory, one a line, after a line of what else the table knows."""
    head: dict[str, Any] = {"columns": table.columns, "origin": table.origin, "left": table.left}
    head |= {"splits": list(table.splits), "lines": list(table.lines)}
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
