"""The journal of a run: one JSON object a line, only ever appended to. A line that a kill cut short is not read."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from autogpt import files
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
        files.append_line(self.path, json.dumps(record, ensure_ascii=False, default=str))

    def records(self) -> Iterator[dict[str, Any]]:
        """All complete records, oldest first."""
        if self.path.is_file():
            yield from files.json_lines(self.path)
