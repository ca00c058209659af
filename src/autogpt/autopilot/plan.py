"""What a run would do, with estimates of time and memory. Nothing is trained or written."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from autogpt import registry
from autogpt.autopilot.forecast import LIBRARIES, estimate
from autogpt.autopilot.ladder import Facts, rungs
from autogpt.autopilot.search import planned
from autogpt.autopilot.trial import Bench, Candidate
from autogpt.config import duration
from autogpt.core import Table
from autogpt.memory import resident, size

if TYPE_CHECKING:
    from autogpt.autopilot.session import Session

ASSUMED_ROWS_PER_SECOND = 100.0


@dataclass(frozen=True, slots=True)
class Plan:
    """The data as it would be read, the trials in order, and what is left out with the reason.

    `memory`: bytes that a trial takes where there is plenty, by its name, of those that train or read with an encoder;
    `memory_bytes`: those of the whole process at its dearest trial.
    """

    task: str
    text: str
    target: tuple[str, ...]
    rows: dict[str, int]
    time_limit: float | None
    trials: tuple[Candidate, ...]
    left_out: tuple[str, ...]
    memory: dict[str, int]
    memory_bytes: int
    search: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Everything as JSON-able values."""
        return asdict(self)

    def lines(self) -> list[str]:
        """The plan for people."""
        sizes = ", ".join(f"{count:,} {name}" for name, count in self.rows.items())
        found = [f"task: {self.task}; text: {self.text}; target: {', '.join(self.target)}", f"rows: {sizes}"]
        found.append(f"time limit: {duration(self.time_limit)}; memory: about {size(self.memory_bytes)}")
        found += [f"try {trial.name}: {self._cost(trial)} ({trial.reason})" for trial in self.trials]
        return [*found, self.search, *self.left_out]

    def _cost(self, trial: Candidate) -> str:
        seconds, memory = f"about {trial.seconds:.0f} s", self.memory.get(trial.name)
        return seconds if memory is None else f"{seconds}, {size(memory)}"


def make_plan(session: Session, table: Table) -> Plan:
    """The ladder for this table, with reading speed assumed instead of measured."""
    prepared = session.prepare(table)
    bench = session.bench(prepared)
    measured = session.facts(bench, prepared)
    left = measured.remaining()  # by a clock that stands: to rehearse takes time, and the plan is of a run
    facts = Facts(
        train=bench.train,
        validation=len(bench.validation),
        output=bench.output,
        layers=lambda: 6,
        rows_per_second=lambda: ASSUMED_ROWS_PER_SECOND,
        remaining=lambda: left,
        device=lambda: "cpu",
        allowed=measured.allowed,
        has_backbone=measured.has_backbone,
        backbone_problem=measured.backbone_problem,
        corpus=measured.corpus,
        adapting=measured.adapting,
        always=measured.always,
    )
    trials: list[Candidate] = []
    left_out: list[str] = []
    began = resident() + (LIBRARIES if "torch" not in sys.modules else 0)  # rehearsing loads them
    for rung in rungs(facts, []):
        if isinstance(rung, str):
            left_out.append(rung)
        elif problem := session.no_room(bench, rung):
            left_out.append(f"{rung.name} is left out: {problem}")
        else:
            trials.append(rung)
    memory = _memory(session, bench, trials)
    schema = prepared.profile.schema
    return Plan(
        task=schema.task,
        text=schema.told,
        target=schema.target,
        rows={"train": len(bench.train), "validation": len(bench.validation), "test": prepared.test.count},
        time_limit=session.config.time_limit,
        trials=tuple(trials),
        left_out=tuple(left_out),
        memory=memory,
        memory_bytes=began + max(memory.values()) if memory else resident(),
        search=planned(session.config, trials),
    )


def _memory(session: Session, bench: Bench, trials: Sequence[Candidate]) -> dict[str, int]:
    """What each trial with an encoder takes, by the forecast that a run refuses by (see `forecast.need`)."""
    found: dict[str, int] = {}
    for trial in trials:
        if registry.get("methods", trial.method).needs_backbone:
            need = estimate(trial.method, trial.options, stage=session.stage(bench), guard=session.guard)
            found |= {trial.name: need.most} if need is not None else {}
    return found
