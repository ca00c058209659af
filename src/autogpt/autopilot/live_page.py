"""`live.html` in the run's folder: the run as a page that renews itself while the run works, and stands still after it.

A listener of events like the console. The page is written whole and then moved into place, every few seconds at most,
so that a browser never sees half of it; what cannot be written is let be, because no run may fail for being watched.
"""

from __future__ import annotations

import re
import time
from pathlib import Path

from autogpt import files
from autogpt.autopilot.progress import Progress
from autogpt.config import RunConfig
from autogpt.errors import ConfigError
from autogpt.evaluation.live import Line, View, page
from autogpt.events import Event, Listener

NAME = "live.html"
SECONDS = 3.0
"""Between two writings, at least; a trial that begins or ends is shown at once."""
REPORT = "model/report.html"


class LivePage:
    """Listens to a run and keeps its page young; `close` writes it for the last time."""

    def __init__(self, folder: Path, config: RunConfig, *, spent: float = 0.0) -> None:
        self.path, self.goal = folder / NAME, config.goal
        self.progress = Progress(limit=config.time_limit)
        self._began, self._written, self._broken = time.monotonic() - spent, -SECONDS, False

    def __call__(self, event: Event) -> None:
        self.progress.take(event)
        now = time.monotonic()
        if now - self._written >= SECONDS or (event.kind == "trial" and "state" in event.data):
            self._written = now
            self._write("running")

    def close(self, status: str) -> None:
        """The page as it stays."""
        self._write(status)

    def _write(self, status: str) -> None:
        if self._broken:
            return
        try:
            files.write_text(self.path, page(self.view(status)))
        except (OSError, ValueError, ConfigError):
            self._broken = True

    def view(self, status: str) -> View:
        """What the page shows."""
        known = self.progress
        return View(
            goal=self.goal,
            status=status,
            metric=known.metric,
            higher_is_better=known.higher_is_better,
            lines=tuple(Line(one.method, one.score, one.seconds, one.state, one.estimate) for one in known.ranking),
            spent=time.monotonic() - self._began,
            limit=known.limit,
            scores={name: (curve.total, tuple(curve.scores)) for name, curve in known.curves.items()},
            losses={name: (curve.total, tuple(curve.losses)) for name, curve in known.curves.items()},
            upcoming=tuple(known.upcoming),
            messages=tuple(reversed(known.messages)),
            report=REPORT if (self.path.parent / REPORT).is_file() and status == "done" else "",
            written=time.strftime("%Y-%m-%d %H:%M:%S"),
            language="zh" if re.search(r"[\u4e00-\u9fff]", self.goal) else "en",
        )


def both(first: Listener, second: Listener) -> Listener:
    """One listener that tells two, in this order."""

    def listen(event: Event) -> None:
        first(event)
        second(event)

    return listen
