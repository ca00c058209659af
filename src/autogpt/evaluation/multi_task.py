"""How tasks that were learned together fare beside models of their own, on the same sealed test rows.

A task loses when it is worse than the model of its own by more than what the seed alone changes (its noise floor).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from html import escape
from pathlib import Path
from typing import Any, Self

from autogpt import files
from autogpt.evaluation.display import clean
from autogpt.evaluation.interval import Difference
from autogpt.evaluation.markdown import plain
from autogpt.evaluation.score import Score
from autogpt.evaluation.verdict import NoiseFloor
from autogpt.evaluation.words import Words

COLUMNS = ("task", "metric", "together", "alone", "difference", "floor", "finding")


@dataclass(frozen=True, slots=True)
class TaskRow:
    """One task. `alone` is the model of its own that `rival` names; `difference` is together minus alone, positive is
    better for every metric. `parts`: the task has parts of its own on the shared body."""

    name: str
    task: str
    together: Score
    rival: str
    alone: Score
    difference: Difference
    noise: NoiseFloor | None
    parts: bool = False

    @property
    def finding(self) -> str:
        """`worse`, `better`, or `equal` when the difference is within the noise floor.

        A loss is told as soon as it leaves the floor; a gain must also be beyond what the test rows can blur.
        """
        floor = self.noise.floor if self.noise is not None else 0.0
        if self.difference.delta > floor and self.difference.low > 0:
            return "better"
        return "worse" if -self.difference.delta > floor else "equal"


@dataclass(frozen=True, slots=True)
class MultiTaskReport:
    """All tasks of one model; `notes` are sentences on how it came about. `language` is that of what is shown."""

    tasks: tuple[TaskRow, ...]
    notes: tuple[str, ...] = ()
    seconds: float = 0.0
    language: str = "en"

    @property
    def losing(self) -> tuple[TaskRow, ...]:
        """Tasks that would be better off alone."""
        return tuple(row for row in self.tasks if row.finding == "worse")

    @property
    def headline(self) -> str:
        """The finding in one sentence; it names every task that loses."""
        words = Words(self.language)
        if not self.losing:
            return words("multi.none_loses", count=len(self.tasks))
        named = (f"{row.name} ({row.difference.delta:+.3f} {row.together.metric})" for row in self.losing)
        return words("multi.loses", count=len(self.losing), all=len(self.tasks), tasks=", ".join(named))

    def to_dict(self) -> dict[str, Any]:
        """Plain values; numbers that are not finite become None."""
        rows = [{**asdict(row), "finding": row.finding} for row in self.tasks]
        found: dict[str, Any] = _finite({"tasks": rows, "notes": list(self.notes), "seconds": self.seconds})
        return {"headline": self.headline, **found}

    @classmethod
    def read(cls, path: Path) -> Self:
        """What `save` wrote as JSON."""
        found = json.loads(path.read_text("utf-8"))
        return cls(tuple(_row(row) for row in found["tasks"]), tuple(found["notes"]), found["seconds"])

    def save(self, folder: Path) -> None:
        """`report.json`, `README.md` and the self-contained page `report.html`."""
        files.write_json(folder / "report.json", self.to_dict())
        files.write_text(folder / "README.md", self.markdown())
        files.write_text(folder / "report.html", self.html())

    def table(self) -> list[tuple[str, ...]]:
        """A row per task in the order of COLUMNS."""
        words = Words(self.language)
        found: list[tuple[str, ...]] = []
        for row in self.tasks:
            d = row.difference
            floor = f"{row.noise.floor:.3f}" if row.noise is not None else "-"
            parts = words("multi.parts") if row.parts else ""
            difference = f"{d.delta:+.3f} [{d.low:+.3f}, {d.high:+.3f}]"
            alone = f"{row.alone} ({row.rival})"
            finding = f"{words(f'multi.{row.finding}')}{parts}"
            found.append((row.name, row.together.metric, str(row.together), alone, difference, floor, finding))
        return found

    def heads(self) -> tuple[str, ...]:
        """COLUMNS in the report's language."""
        words = Words(self.language)
        return tuple(words(f"multi.column.{name}") for name in COLUMNS)

    def __str__(self) -> str:
        rows = [self.heads(), *self.table()]
        widths = [max(len(row[place]) for row in rows) for place in range(len(COLUMNS))]
        lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
        return "\n".join([self.headline, "", *lines, *(["", *self.notes] if self.notes else [])])

    def markdown(self) -> str:
        """The report as a Markdown page."""
        words = Words(self.language)
        rows = [_line(self.heads()), _line(["---"] * len(COLUMNS)), *(_line(map(_plain, row)) for row in self.table())]
        notes = "\n".join(f"- {_plain(note)}" for note in self.notes)
        parts = [f"# {words('multi.title')}", _plain(self.headline), "\n".join(rows), words("multi.lead"), notes]
        return "\n\n".join(part for part in parts if part) + "\n"

    def html(self) -> str:
        """The report as one HTML page that fetches nothing."""
        words = Words(self.language)
        head = "".join(f"<th>{escape(name)}</th>" for name in self.heads())
        body = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in self.table())
        notes = "".join(f"<li>{escape(note)}</li>" for note in self.notes)
        style = "body{font:16px system-ui;margin:2em}td,th{padding:.3em .8em;text-align:left;border-bottom:1px solid}"
        return (
            f'<!doctype html><html lang="{self.language}"><meta charset="utf-8"><title>{escape(words("multi.title"))}'
            f"</title><style>{style}</style><h1>{escape(words('multi.title'))}</h1><p>{escape(self.headline)}</p>"
            f"<table><tr>{head}</tr>{body}</table><p>{escape(words('multi.lead'))}</p><ul>{notes}</ul></html>\n"
        )


def _line(cells: Any) -> str:
    return f"| {' | '.join(cells)} |"


def _plain(text: str) -> str:
    return plain(clean(text, 600))


def _row(row: dict[str, Any]) -> TaskRow:
    noise = row["noise"]
    return TaskRow(
        name=row["name"],
        task=row["task"],
        together=Score(**_numbers(row["together"])),
        rival=row["rival"],
        alone=Score(**_numbers(row["alone"])),
        difference=Difference(**_numbers(row["difference"])),
        noise=NoiseFloor(**{**noise, "scores": tuple(noise["scores"])}) if noise is not None else None,
        parts=row["parts"],
    )


def _numbers(values: dict[str, Any]) -> dict[str, Any]:
    return {key: float("nan") if value is None else value for key, value in values.items()}


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(one) for key, one in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_finite(one) for one in value]
    return None if isinstance(value, float) and (value != value or abs(value) == float("inf")) else value
