"""Where a command's words go: results to standard output, everything else to standard error.

With `--json` standard output carries one JSON document and nothing else, whatever a library prints meanwhile.
Values from data are shown as they are, except that control characters are written out: a cell cannot drive a terminal.
"""

from __future__ import annotations

import contextlib
import copy
import dataclasses
import json
import math
import numbers
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from autogpt.cli.catalogue import Catalogue
from autogpt.errors import AmbiguityError

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
_PIPE_WIDTH = 500  # columns when no terminal sets a width: tables in a pipe are not cut


@dataclasses.dataclass(frozen=True, slots=True)
class Show:
    """Flags that every command has."""

    json: bool = dataclasses.field(
        default=False, metadata={"help": "print one JSON document on standard output and nothing else"}
    )
    quiet: bool = dataclasses.field(
        default=False, metadata={"help": "print the result only: no progress, no notes", "flags": ("-q",)}
    )
    lang: str | None = dataclasses.field(
        default=None, metadata={"help": "language of messages: en or zh (default: from the locale)", "metavar": "LANG"}
    )


class Redrawn(Protocol):
    """What rich redraws in place: a spinner, a live view."""

    def start(self) -> None: ...

    def stop(self) -> None: ...


class Screen:
    """Standard output and standard error of one command, in one language."""

    def __init__(self, show: Show, t: Catalogue) -> None:
        self.json = show.json
        self.quiet = show.quiet
        self.t = t
        self._stdout = sys.stdout
        self._make: Callable[[], Redrawn] | None = None
        self._display: Redrawn | None = None

    @cached_property
    def out(self) -> Console:
        """Standard output, for results."""
        return _console(self._stdout)

    @cached_property
    def err(self) -> Console:
        """Standard error, for progress, notes, warnings and errors."""
        return _console(sys.stderr)

    @property
    def lively(self) -> bool:
        """May lines be redrawn? Only on a terminal that somebody looks at."""
        return self.err.is_terminal and not self.err.is_dumb_terminal and not self.quiet and not self.json

    @property
    def interactive(self) -> bool:
        """May a question be asked?"""
        return sys.stdin is not None and sys.stdin.isatty() and self.err.is_terminal and not self.json

    @contextlib.contextmanager
    def guarded(self) -> Iterator[None]:
        """With `--json`, what anybody prints inside goes to standard error."""
        if self.json:
            with contextlib.redirect_stdout(sys.stderr):
                yield
        else:
            yield

    def result(self, document: Any, *parts: RenderableType) -> None:
        """The one result of a command: the document as JSON, or the parts for people."""
        if self.json:
            self._stdout.write(as_json(document, ascii_only=not _is_unicode(self._stdout)) + "\n")
            self._stdout.flush()
            return
        for part in parts:
            self.out.print(clean(part) if isinstance(part, str) else part)

    @contextlib.contextmanager
    def working(self, message: str, **values: Any) -> Iterator[None]:
        """A spinner beside what takes a while; nothing where lines cannot be redrawn."""
        with contextlib.ExitStack() as stack:
            if self.lively:
                text = clean(self.t(message, **values))
                stack.enter_context(self.redrawing(lambda: self.err.status(text, spinner="dots")))
            yield

    @contextlib.contextmanager
    def counting(self, message: str, **values: Any) -> Iterator[Callable[[int], None]]:
        """A counter of rows with its speed; the function given adds to it. Nothing where lines cannot be redrawn."""
        if not self.lively:
            yield lambda rows: None
            return
        from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

        text = TextColumn("{task.description}  {task.completed:,.0f}", markup=False)
        progress = Progress(SpinnerColumn(), text, TimeElapsedColumn(), console=self.err, transient=True)
        task = progress.add_task(clean(self.t(message, **values)), total=None)
        with self.redrawing(lambda: progress):
            yield lambda rows: progress.advance(task, rows)

    @contextlib.contextmanager
    def redrawing(self, make: Callable[[], Redrawn]) -> Iterator[None]:
        """Keep something redrawn at the foot of the terminal; a question takes it away and makes it anew."""
        self._make, self._display = make, make()
        self._display.start()
        try:
            yield
        finally:
            self._display.stop()
            self._make = self._display = None

    def line(self, text: str) -> None:
        """One line of a result that streams."""
        self._stdout.write(text + "\n")

    def speaking(self, language: str) -> Screen:
        """The same screen in the language of what it shows."""
        other = copy.copy(self)
        other.t = Catalogue(language)
        return other

    def note(self, message: str, **values: Any) -> None:
        """Something good to know, on standard error; `--quiet` and `--json` hide it."""
        if not self.quiet and not self.json:
            self.err.print(clean(self.t(message, **values)), style="dim")

    def warn(self, message: str, **values: Any) -> None:
        """Something the user should act on, on standard error, always."""
        from rich.text import Text

        text = clean(self.t.translate(message.format(**values) if values else message))
        self.err.print(Text.assemble((self.t("warning:") + " ", "yellow"), text))

    def fail(self, message: str) -> None:
        """The one sentence that says why the command ended, on standard error."""
        from rich.text import Text

        self.err.print(Text.assemble((self.t("error:") + " ", "bold red"), clean(message)), soft_wrap=True)

    def candidates(self, error: AmbiguityError) -> None:
        """The answers to an open question, numbered, and the flag that gives one."""
        for number, candidate in enumerate(error.candidates, start=1):
            self.err.print(f"  {number}. {clean(candidate)}", soft_wrap=True)
        self.err.print("  " + self.t("choose with: {flag} NAME", flag=error.flag), style="dim", soft_wrap=True)

    def ask(self, error: AmbiguityError) -> str:
        """Put an open question to the user; the candidate chosen. Return takes the first."""
        if self._display is not None:
            self._display.stop()
        try:
            return self._asked(error)
        finally:
            if self._make is not None:  # rich would draw the stopped one over the lines that came since
                self._display = self._make()
                self._display.start()

    def _asked(self, error: AmbiguityError) -> str:
        self.err.print(clean(self.t.translate(str(error))), style="bold", soft_wrap=True)
        for number, candidate in enumerate(error.candidates, start=1):
            self.err.print(f"  {number}. {clean(candidate)}", soft_wrap=True)
        while True:
            self.err.print(self.t("number [1]:") + " ", end="")
            line = sys.stdin.readline()
            answer = line.strip() or "1"
            if not line:
                raise error
            if answer in error.candidates:
                return answer
            if answer.isdecimal() and 1 <= int(answer) <= len(error.candidates):
                return error.candidates[int(answer) - 1]
            self.warn("{answer} is not one of 1 to {last}", answer=answer, last=len(error.candidates))

    def table(self, columns: Sequence[str], rows: Sequence[Sequence[Any]], *, header: bool = True) -> RenderableType:
        """A calm table: numbers to the right, no frame. Columns starting with `>` are numbers."""
        from rich.table import Table
        from rich.text import Text

        drawn = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0), header_style="dim", show_header=header)
        for column in columns:
            right = column.startswith(">")
            drawn.add_column(self.t(column.lstrip(">")), justify="right" if right else "left", overflow="fold")
        for row in rows:
            drawn.add_row(*(cell if isinstance(cell, Text) else clean(str(cell)) for cell in row))
        return drawn

    def heading(self, text: str, **values: Any) -> RenderableType:
        """The title of a part of the result."""
        from rich.text import Text

        return Text(clean(self.t(text, **values)), style="bold")


def clean(text: str) -> str:
    """Text with its control and direction characters written out (new lines and tabs stay)."""
    return _CONTROL.sub(lambda found: f"\\x{ord(found.group()):02x}", text)


def as_json(document: Any, *, ascii_only: bool = False) -> str:
    """Strict JSON: no NaN (it becomes null), paths and tuples as what they are in JSON."""
    return json.dumps(_plain(document), ensure_ascii=ascii_only, indent=2, allow_nan=False)


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, (bool, str)):
        return value
    if type(value).__module__ == "numpy":  # arrays and scalars, without importing it
        return _plain(value.tolist())
    if isinstance(value, numbers.Integral):
        return int(value)
    if isinstance(value, numbers.Real):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {one.name: _plain(getattr(value, one.name)) for one in dataclasses.fields(value)}
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_plain(item) for item in value]
    return str(value)


def _console(stream: Any) -> Console:
    from rich.console import Console

    width = None if stream.isatty() else _PIPE_WIDTH
    return Console(file=stream, markup=False, highlight=False, emoji=False, width=width)


def _is_unicode(stream: Any) -> bool:
    return (stream.encoding or "utf-8").lower().replace("-", "").startswith("utf")
