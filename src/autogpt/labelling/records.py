"""The file of labels: one JSON object a line, only ever appended to, so that a killed session loses nothing.

Every answer is a line with who gave it, when, which strategy asked, and what the model thought; taking it back is a
line too. `replay` makes the present state of the lines. A line that a kill cut short is not read.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from autogpt import files
from autogpt.errors import InputError

VERSION = 1
LABEL, SKIP, BAD = "label", "skip", "bad"
CHOSEN, DRAWN = "chosen", "drawn"
MODEL = "model"
"""How the name of whoever gave a pseudo-label begins (`model`, `model:head`)."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What somebody said about a text. `kind`: label, skip or bad (a text that is none).

    `by` is the strategy that asked (`import`, `data`: nobody did), `part` `drawn` for rows that were drawn at random
    before the first question and measure the model, else `chosen`. `guess` is what the model held for likeliest.
    """

    id: str
    kind: str
    label: str | None
    who: str
    by: str
    part: str = CHOSEN
    when: str = ""
    guess: str | None = None
    confidence: float | None = None

    @property
    def is_human(self) -> bool:
        return self.who != MODEL and not self.who.startswith(f"{MODEL}:")


@dataclass(frozen=True, slots=True)
class Settings:
    """What a session began with; the first line of its file. `drawn` are ids of rows drawn at random, in order."""

    data: str
    text: tuple[str, ...]
    target: str
    strategy: str
    seed: int
    labels: tuple[str, ...] = ()
    drawn: tuple[str, ...] = ()


@dataclass(slots=True)
class State:
    """Where a session stands: `answers` by id as they count now, in the order in which they were given.

    `asked` maps the ids of the last batch to the part they belong to. `redo` are ids whose answer was taken back.
    """

    answers: dict[str, Answer] = field(default_factory=dict)
    asked: dict[str, str] = field(default_factory=dict)
    by: str = ""
    redo: list[str] = field(default_factory=list)
    questions: int = 0


class Records:
    """A file of labels on disk."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self) -> tuple[Settings | None, list[dict[str, Any]]]:
        """The settings (None: the file is new) and all later lines."""
        if not self.path.is_file():
            return None, []
        lines = list(files.json_lines(self.path))
        if not lines or lines[0].get("kind") != "session":
            raise InputError(f"{self.path} is no file of labels; give another name with --output")
        if lines[0].get("version") != VERSION:
            raise InputError(f"{self.path} has version {lines[0].get('version')}; this autogpt reads {VERSION}")
        head: dict[str, Any] = {name: lines[0][name] for name in Settings.__dataclass_fields__}
        for name in ("text", "labels", "drawn"):
            head[name] = tuple(head[name])
        return Settings(**head), lines[1:]

    def start(self, settings: Settings) -> None:
        """The first line."""
        self._add({"kind": "session", "version": VERSION, **asdict(settings)})

    def asked(self, parts: Mapping[str, str], by: str) -> None:
        """A batch of questions, before the first of them is put."""
        self._add({"kind": "asked", "by": by, "ids": dict(parts)})

    def answer(self, answer: Answer) -> Answer:
        """An answer, with the time added."""
        line = asdict(answer) | {"when": answer.when or _now()}
        self._add(line)
        return Answer(**line)

    def undo(self, id: str, who: str) -> None:
        """The last answer about `id` is taken back."""
        self._add({"kind": "undo", "id": id, "who": who})

    def _add(self, record: Mapping[str, Any]) -> None:
        files.append_line(self.path, json.dumps({"when": _now(), **record}, ensure_ascii=False))


def _now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S%z")


def replay(state: State, records: Iterable[Mapping[str, Any]]) -> State:
    """Go through later lines in order."""
    for record in records:
        if record["kind"] == "asked":
            state.asked, state.by = dict(record["ids"]), record["by"]
        elif record["kind"] == "undo":
            take_back(state, record["id"])
        elif record["kind"] in (LABEL, SKIP, BAD):
            keep(state, Answer(**{name: record[name] for name in Answer.__dataclass_fields__}))
    return state


def keep(state: State, answer: Answer) -> bool:
    """Let an answer count, unless it is a model's and a person has spoken; whether it counts."""
    before = state.answers.get(answer.id)
    if before is not None and before.is_human and not answer.is_human:
        return False
    state.answers.pop(answer.id, None)  # the order is that of the last word
    state.answers[answer.id] = answer
    if answer.id in state.redo:
        state.redo.remove(answer.id)
    if answer.by not in ("import", "data"):
        state.questions += 1
    return True


def take_back(state: State, id: str) -> None:
    """Forget the answer about `id`; it is asked again next."""
    del state.answers[id]
    state.redo.append(id)
    state.questions -= 1
