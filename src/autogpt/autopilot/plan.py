"""What a run would do, with estimates of time and memory. Nothing is trained or written."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from autogpt.autopilot.ladder import Facts, rungs
from autogpt.autopilot.trial import Candidate
from autogpt.config import duration
from autogpt.core import Table

if TYPE_CHECKING:
    from autogpt.autopilot.session import Session

ASSUMED_ROWS_PER_SECOND = 100.0


@dataclass(frozen=True, slots=True)
class Plan:
    """The data as it would be read, the trials in order, and what is left out with the reason."""

    task: str
    text: str
    target: tuple[str, ...]
    rows: dict[str, int]
    time_limit: float | None
    trials: tuple[Candidate, ...]
    left_out: tuple[str, ...]
    memory_bytes: int

    def to_dict(self) -> dict[str, Any]:
        """Everything as JSON-able values."""
        return asdict(self)

    def lines(self) -> list[str]:
        """The plan for people."""
        sizes = ", ".join(f"{count:,} {name}" for name, count in self.rows.items())
        found = [f"task: {self.task}; text: {self.text}; target: {', '.join(self.target)}", f"rows: {sizes}"]
        found.append(f"time limit: {duration(self.time_limit)}; memory: about {self.memory_bytes / 1e9:.1f} GB")
        found += [f"try {trial.name}: about {trial.seconds:.0f} s ({trial.reason})" for trial in self.trials]
        return found + list(self.left_out)


def make_plan(session: Session, table: Table) -> Plan:
    """The ladder for this table, with reading speed assumed instead of measured."""
    prepared = session.prepare(table)
    bench = session.bench(prepared)
    measured = session.facts(bench, prepared)
    facts = Facts(
        train=bench.train,
        validation=len(bench.validation),
        output=bench.output,
        layers=lambda: 6,
        rows_per_second=lambda: ASSUMED_ROWS_PER_SECOND,
        remaining=measured.remaining,
        device=lambda: "cpu",
        allowed=measured.allowed,
        has_backbone=measured.has_backbone,
        backbone_problem=measured.backbone_problem,
        corpus=measured.corpus,
    )
    found = list(rungs(facts, []))
    schema = prepared.profile.schema
    return Plan(
        task=schema.task,
        text=schema.told,
        target=schema.target,
        rows={"train": len(bench.train), "validation": len(bench.validation), "test": prepared.test.count},
        time_limit=session.config.time_limit,
        trials=tuple(rung for rung in found if isinstance(rung, Candidate)),
        left_out=tuple(rung for rung in found if isinstance(rung, str)),
        memory_bytes=_memory(len(bench.train)),
    )


def _memory(rows: int) -> int:
    """Libraries, a small encoder with its optimizer, and cached features: measured at 1.2 GB plus 60 kB a row."""
    return int(1.2e9 + 6e4 * rows)
