"""The report of a run: what was learned, how good it is, against what, how sure, and what to do next.

`Report` is a frozen tree of plain values: `to_dict`/`from_dict` round-trip through JSON (`schema_version` guards it),
and `str(report)`, `to_markdown()` and `to_html()` show the same facts to a terminal, a page and a browser. It is built
by `evaluation.build.build_report`; it computes nothing itself.
"""

from __future__ import annotations

import json
import math
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from pathlib import Path
from typing import Any

from autogpt import files
from autogpt.errors import ModelError
from autogpt.evaluation.calibration import Abstention, Calibration
from autogpt.evaluation.curse import Curse
from autogpt.evaluation.energy import Costs
from autogpt.evaluation.errors import Confusion, Matrix, Slice, WrongAnswer
from autogpt.evaluation.learning_curve import LearningCurve
from autogpt.evaluation.noise import LabelNoise, Suspect
from autogpt.evaluation.score import Score
from autogpt.evaluation.tables import ClassTable
from autogpt.evaluation.verdict import NoiseFloor, Rival, Verdict

SCHEMA_VERSION = 1


@dataclass(frozen=True, slots=True)
class System:
    """A system and its scores on the test rows. Role: winner, majority, simple, zero-training or other."""

    name: str
    role: str
    scores: tuple[Score, ...]

    def score(self, metric: str) -> Score | None:
        """The score of one metric, where there is one."""
        return next((score for score in self.scores if score.metric == metric), None)


@dataclass(frozen=True, slots=True)
class TrialRow:
    """One thing that was tried: its validation score, what it took, and why it was kept or not."""

    name: str
    score: float | None
    seconds: float
    chosen: bool = False
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Choice:
    """One decision of the run and its reason."""

    question: str
    answer: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Look:
    """A model of the same run that was judged on the same test rows before, and what it scored there."""

    name: str
    metric: str
    score: float
    when: str = ""


@dataclass(frozen=True, slots=True)
class Advised:
    """What a planner proposed (names of candidates), what was refused of it, and what the tried ones came to."""

    planner: str
    proposed: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()
    best: float | None = None
    seconds: float = 0.0
    note: str = ""


@dataclass(frozen=True, slots=True)
class RejectedRow:
    """A row that could not be used."""

    line: int | None
    reason: str
    origin: str = ""


@dataclass(frozen=True, slots=True)
class DataFacts:
    """What the data is like. Every row is accounted for: rows_in = rows_used + rejected_count + removed.

    `labels` counts training rows per label, `languages` rows per language, `pii` rows per kind of personal data;
    `removed` counts rows taken out on purpose (copies that would leak into the test), `leaks` such rows still there.
    """

    name: str = ""
    rows_in: int = 0
    rows_used: int = 0
    rejected_count: int = 0
    removed: int = 0
    splits: Mapping[str, int] = field(default_factory=dict)
    labels: Mapping[str, int] = field(default_factory=dict)
    languages: Mapping[str, int] = field(default_factory=dict)
    characters_median: int = 0
    characters_p95: int = 0
    duplicates: int = 0
    near_duplicates: int = 0
    contradictions: int = 0
    leaks: int = 0
    twins: tuple[tuple[str, ...], ...] = ()
    pii: Mapping[str, int] = field(default_factory=dict)
    rejected: tuple[RejectedRow, ...] = ()
    notes: tuple[str, ...] = ()
    licence: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """See the module's docstring. The first of `systems` is the model; `metric` is the one that picked it."""

    goal: str
    task: str
    output: str
    metric: str
    method: str
    backbone: str
    verdict: Verdict
    systems: tuple[System, ...]
    rivals: tuple[Rival, ...] = ()
    noise: NoiseFloor | None = None
    trials: tuple[TrialRow, ...] = ()
    curve: LearningCurve | None = None
    calibration: Calibration | None = None
    abstention: Abstention | None = None
    confusions: tuple[Confusion, ...] = ()
    matrix: Matrix | None = None
    kinship: Mapping[str, int] = field(default_factory=dict)
    worst: tuple[WrongAnswer, ...] = ()
    suspects: tuple[Suspect, ...] = ()
    suspect_count: int = 0
    tables: tuple[ClassTable, ...] = ()
    slices: tuple[Slice, ...] = ()
    pairs: tuple[tuple[float, float], ...] = ()
    data: DataFacts = field(default_factory=DataFacts)
    choices: tuple[Choice, ...] = ()
    costs: Costs | None = None
    config: Mapping[str, Any] = field(default_factory=dict)
    command: str = ""
    versions: Mapping[str, str] = field(default_factory=dict)
    created: str = ""
    language: str = "en"
    curse: Curse | None = None
    label_noise: LabelNoise | None = None
    looks: tuple[Look, ...] = ()
    advised: tuple[Advised, ...] = ()
    schema_version: int = SCHEMA_VERSION

    @property
    def main(self) -> Score:
        """The model's score by the main metric."""
        score = self.systems[0].score(self.metric)
        if score is None:
            raise ModelError(f"the report has no score for its main metric {self.metric!r}; write the report again")
        return score

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON; NaN becomes None, because JSON has no NaN."""
        plain: dict[str, Any] = _plain(self)
        return plain

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> Report:
        """The inverse of `to_dict`."""
        version = content.get("schema_version")
        if version != SCHEMA_VERSION:
            raise ModelError(
                f"the report has schema version {version!r}; this version of autogpt reads {SCHEMA_VERSION}; "
                "evaluate the model again to write a new one"
            )
        report: Report = _typed(cls, content)
        return report

    @classmethod
    def load(cls, folder: Path) -> Report:
        """The report that `save` wrote into a folder."""
        path = folder / "report.json"
        if not path.exists():
            raise ModelError(f"{path} is missing; evaluate the model to write it")
        return cls.from_dict(json.loads(path.read_text("utf-8")))

    def save(self, folder: Path) -> None:
        """Write report.json, report.md and report.html."""
        files.write_json(folder / "report.json", self.to_dict())
        files.write_text(folder / "report.md", self.to_markdown())
        files.write_text(folder / "report.html", self.to_html())

    def to_markdown(self) -> str:
        from autogpt.evaluation.markdown import markdown

        return markdown(self)

    def to_html(self) -> str:
        from autogpt.evaluation.html import html

        return html(self)

    def __str__(self) -> str:
        from autogpt.evaluation.terminal import terminal

        return terminal(self)


def _plain(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        return {f.name: _plain(getattr(value, f.name)) for f in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_plain(item) for item in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, (str, int, bool)):
        return value
    return str(value)


def _typed(kind: Any, value: Any) -> Any:
    """A plain value as the type that a field declares."""
    if isinstance(kind, type) and is_dataclass(kind):
        hints = typing.get_type_hints(kind)
        return kind(**{f.name: _typed(hints[f.name], value[f.name]) for f in fields(kind) if f.name in value})
    origin, args = typing.get_origin(kind), typing.get_args(kind)
    if origin in (types.UnionType, typing.Union):
        return None if value is None else _typed(next(a for a in args if a is not type(None)), value)
    if origin is tuple:
        each = args[:1] * len(value) if args[-1] is Ellipsis else args
        return tuple(_typed(a, v) for a, v in zip(each, value, strict=True))
    if origin is not None and issubclass(origin, Mapping):
        return {key: _typed(args[1], item) for key, item in value.items()}
    if kind is float:
        return math.nan if value is None else float(value)
    return value
