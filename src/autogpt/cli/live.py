"""A run as it happens. On a terminal: what was decided scrolls by, and below it the trials so far, the step bar and
the time spent are redrawn in place. Elsewhere: one line per event, steps at most every ten seconds.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from autogpt.autopilot.progress import STATES as STATES
from autogpt.autopilot.progress import Progress
from autogpt.cli.screen import Redrawn, Screen, clean
from autogpt.config import duration
from autogpt.events import Event

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.text import Text

BARS, CURVE_CELLS, NEXT = "▁▂▃▄▅▆▇█", 28, 5  # of the learning curve, and of what is next
STEP_LINES = 10.0  # seconds between two lines about steps where nothing can be redrawn
_NAMES = {
    "plan": "plan", "read": "read", "profile": "profile", "split": "split", "trial": "trial", "step": "step",
    "decision": "decision", "evaluation": "test", "saved": "saved", "warning": "warning",
}  # fmt: skip
_STYLES = {"warning": "yellow", "decision": "cyan", "evaluation": "bold", "saved": "green"}


class Live:
    """Listens to a run and shows it: `with Live(screen, limit=60) as listen: run(config, listen=listen)`."""

    def __init__(self, screen: Screen, *, limit: float | None = None) -> None:
        self.screen = screen
        self.progress = Progress(limit=limit)
        self._start = time.monotonic()
        self._last_step = self._start
        self._stack = ExitStack()
        self._hidden = screen.json or screen.quiet

    def __enter__(self) -> Live:
        if self.screen.lively:
            self._stack.enter_context(self.screen.redrawing(self._redrawn))
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.close()

    def _redrawn(self) -> Redrawn:
        from rich.live import Live as RichLive

        return RichLive(
            console=self.screen.err, get_renderable=self._draw, refresh_per_second=4, transient=True,
            redirect_stdout=False,
        )  # fmt: skip

    def __call__(self, event: Event) -> None:
        self.progress.take(event)
        if event.kind == "warning" and self._hidden:
            self.screen.warn(event.message)
        elif not self._hidden and (event.kind != "step" or self._due(event)):
            self.screen.err.print(self._line(event), soft_wrap=True)

    def _due(self, step: Event) -> bool:
        """May a line about a step be written? Not where a bar shows it, and not when it is the only one."""
        now = time.monotonic()
        if self.screen.lively or step.data.get("total") == 1 or now - self._last_step < STEP_LINES:
            return False
        self._last_step = now
        return True

    def _line(self, event: Event) -> Text:
        from rich.text import Text

        t = self.screen.t
        spent = f"{time.monotonic() - self._start:7.1f}s  "
        words = t.translate(event.message)
        if event.kind == "step" and event.data:
            words = f"{words}: {self._told(event.data)}"
        message = clean(words).replace("\n", "\n" + " " * 20)
        style = _STYLES.get(event.kind, "")
        return Text.assemble((spent, "dim"), (pad(t(_NAMES[event.kind]), 10), style or "dim"), (message, style))

    def _draw(self) -> RenderableType:
        """What is redrawn below the lines: leaderboard, steps, time."""
        from rich.console import Group
        from rich.text import Text

        parts: list[RenderableType] = [Text()]
        if self.progress.trials:
            parts += [self._leaderboard(), Text()]
        if int(self.progress.step.get("total", 0)) > 1:
            parts.append(self._steps())
        if line := self._curve():
            parts.append(line)
        if self.progress.upcoming:
            names = ", ".join(self.progress.upcoming[:NEXT])
            parts.append(Text(clean(self.screen.t("next, as time allows: {names}", names=names)), style="dim"))
        parts.append(self._time())
        return Group(*parts)

    def _leaderboard(self) -> RenderableType:
        from rich.text import Text

        rows = []
        for place, trial in enumerate(self.progress.ranking):
            best = place == 0 and trial.score is not None
            score = "" if trial.score is None else f"{trial.score:.4f}"
            spent = self.screen.t(trial.state) if trial.seconds is None else f"{trial.seconds:.1f}s"
            cells = ("★" if best else " ", trial.method, score, spent)
            rows.append([Text(clean(cell), style="bold" if best else "") for cell in cells])
        metric = self.screen.t("validation {metric}", metric=self.progress.metric or self.screen.t("score"))
        return self.screen.table(("", "method", f">{metric}", ">time"), rows)

    def _steps(self) -> RenderableType:
        step, total = int(self.progress.step.get("step", 0)), int(self.progress.step.get("total", 0))
        return self._bar(step, total, self._told(self.progress.step))

    def _curve(self) -> RenderableType | None:
        """Validation scores of the trial that trains, from left to right; None before there are two of them."""
        from rich.text import Text

        curve = self.progress.curves.get(str(self.progress.step.get("trial", "")))
        if curve is None or len(curve.scores) < 2:
            return None
        values = [value for _, value in curve.scores][-CURVE_CELLS:]
        metric, last = self.progress.metric, f"{values[-1]:.4f}"
        told = self.screen.t("validation {metric} {last}", metric=metric, last=last)
        return Text.assemble((sparkline(values), "cyan"), "  ", (told, "dim"))

    def _told(self, step: Mapping[str, Any]) -> str:
        """`step 120 of 400   loss 0.2500`."""
        done, total, loss = int(step.get("step", 0)), int(step.get("total", 0)), step.get("loss")
        text = self.screen.t("step {step} of {total}", step=f"{done:,}", total=f"{total:,}" if total else "?")
        return (
            f"{text}   {self.screen.t('loss {loss}', loss=f'{loss:.4f}')}" if isinstance(loss, (int, float)) else text
        )

    def _time(self) -> RenderableType:
        spent, limit = time.monotonic() - self._start, self.progress.limit
        text = f"{duration(int(spent))}"
        if limit:
            text = self.screen.t("{spent} of {limit}", spent=text, limit=duration(limit))
        return self._bar(spent, limit or 0, text)

    def _bar(self, done: float, total: float, text: str) -> RenderableType:
        from rich.progress_bar import ProgressBar
        from rich.table import Table
        from rich.text import Text

        row = Table.grid(padding=(0, 2, 0, 0))
        row.add_column(width=28)
        row.add_column()
        bar: RenderableType = (
            ProgressBar(
                total=total, completed=min(done, total), width=28, complete_style="cyan", finished_style="green"
            )
            if total
            else Text("")
        )
        row.add_row(bar, Text(text, style="dim"))
        return row


def sparkline(values: Sequence[float]) -> str:
    """Numbers as bars of one character each."""
    low, high = min(values), max(values)
    top = len(BARS) - 1
    return "".join(BARS[round(top * (value - low) / (high - low)) if high > low else top // 2] for value in values)


def pad(text: str, width: int) -> str:
    """The text filled to `width` terminal cells (a Chinese character takes two)."""
    from rich.cells import cell_len

    return text + " " * max(1, width - cell_len(text))
