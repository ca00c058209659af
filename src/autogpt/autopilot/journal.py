"""The journal of a run: one JSON object a line, only ever appended to. A line that a kill cut short is not read."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from autogpt.events import Event


class Journal:
    """A listener that writes events to `path`; steps are left out (the training loop keeps its own state)."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._started = time.monotonic()

    def __call__(self, event: Event) -> None:
        if event.kind == "step":
            return
        record = {
            "time": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
            "seconds": round(time.monotonic() - self._started, 3),
            "kind": event.kind,
            "message": event.message,
            "data": dict(event.data),
        }
        line = json.dumps(record, ensure_ascii=False, default=str)
        with self.path.open("ab") as file:
            # A line that was cut short by a kill must not swallow this one.
            if file.tell() and not _ends_with_newline(self.path):
                file.write(b"\n")
            file.write(line.encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())

    def records(self) -> Iterator[dict[str, Any]]:
        """All complete records, oldest first."""
        if not self.path.is_file():
            return
        for line in self.path.read_text("utf-8", errors="replace").split("\n"):
            try:
                record = json.loads(line)
            except ValueError:
                continue
            if isinstance(record, dict):
                yield record


def _ends_with_newline(path: Path) -> bool:
    with path.open("rb") as file:
        file.seek(-1, os.SEEK_END)
        return file.read(1) == b"\n"
