"""What a run may be told, as frozen dataclasses. Flags, YAML keys, docs and `--help` are derived from these fields.

Every field's `metadata["help"]` is its documentation, and checks stand in `__post_init__`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from autogpt.errors import ConfigError

_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


def seconds(text: str | float | None) -> float | None:
    """`90`, `"90s"`, `"3m"`, `"1h30m"` -> seconds; None stays None (no limit)."""
    if text is None or isinstance(text, (int, float)):
        value = text
    else:
        parts = re.findall(r"(\d+(?:\.\d+)?)([smhd]?)", text.strip().lower())
        if not parts or "".join(n + u for n, u in parts) != text.strip().lower():
            raise ConfigError(f"time limit {text!r} is not a duration; write it as 90s, 3m or 1h30m")
        value = sum(float(n) * _UNITS[u or "s"] for n, u in parts)
    if value is not None and not value > 0:
        raise ConfigError(f"time limit {text!r} must be more than 0 seconds")
    return value


def _help(text: str, default: Any = None) -> Any:
    return field(default=default, metadata={"help": text})


@dataclass(frozen=True, slots=True)
class Columns:
    """Overrides of what the profile would infer from the data. Each is a column name (several: comma-separated)."""

    task: str | None = _help("task name, instead of inferring it (see `autogpt models --tasks`)")
    text: str | None = _help("column of the text; two columns, comma-separated, for sentence pairs")
    target: str | None = _help("column of the answer; several 0/1 columns, comma-separated, for multi-label data")
    group: str | None = _help("rows with the same value here never stand on both sides of a split")
    time: str | None = _help("date column: the latest rows become the test split")
    split: str | None = _help("column that names each row's split; 'none' ignores one that was found")
    ignore: str | None = _help("columns to leave out, comma-separated")
    separator: str | None = _help("character between several labels in one cell, for multi-label data")

    def __post_init__(self) -> None:
        if self.task is not None and not re.fullmatch(r"[a-z0-9-]+", self.task):
            raise ConfigError(f"task {self.task!r} is not a task name; `autogpt models --tasks` lists them")


@dataclass(frozen=True, slots=True)
class Search:
    """What the autopilot may try."""

    methods: str | None = _help("methods to try, comma-separated (default: all that fit the task)")
    backbone: str | None = _help("folder or Hub name of the encoder (default: the embedded MiniLM)")
    metric: str | None = _help("metric that picks the winner (default: the task's first)")
    revision: str | None = _help("revision of a Hub backbone")
    report_to: str | None = _help("tracker: tensorboard, wandb or mlflow")


@dataclass(frozen=True, slots=True)
class RunConfig:
    """One autonomous session. One dial first: `time_limit`; everything it resolves to is printed and saved."""

    data: str = _help("file, folder, query or bundled name", "")
    goal: str = _help("one sentence: what is to be learned", "")
    time_limit: float | None = _help("hard limit in seconds, loading, evaluation and saving included", 600.0)
    output: str = _help("folder for runs", "runs")
    seed: int = _help("every random draw derives from this number", 0)
    offline: bool = _help("forbid all network use", False)
    columns: Columns = field(default_factory=Columns)
    search: Search = field(default_factory=Search)

    def __post_init__(self) -> None:
        object.__setattr__(self, "time_limit", seconds(self.time_limit))
        object.__setattr__(self, "output", str(Path(self.output)))
        if self.seed < 0:
            raise ConfigError(f"seed {self.seed} must be 0 or more")
