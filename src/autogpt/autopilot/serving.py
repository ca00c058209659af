"""What a model costs where it is used, and whether the user's limits allow it.

Time is that of one row alone, as a service is asked (batches are cheaper per row): the median over rows, on this
machine, as busy as it is. Size is that of the saved files. What asks an endpoint was timed when it was validated.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from autogpt import memory
from autogpt.autopilot.trial import Bench, Result, load_scorer

if TYPE_CHECKING:
    from autogpt.autopilot.session import Session
    from autogpt.config import Serving
    from autogpt.core import Inputs

WARM, TIMED, SECONDS = 2, 15, 2.0
"""Rows that are answered before any is timed, rows that are timed, and seconds after which no more are."""


@dataclass(frozen=True, slots=True)
class Cost:
    """Milliseconds of an answer to one row, and bytes on disk."""

    milliseconds: float
    size: int

    def __add__(self, other: Cost) -> Cost:
        """Of two models that both are asked."""
        return Cost(self.milliseconds + other.milliseconds, self.size + other.size)

    def __str__(self) -> str:
        return f"{self.milliseconds:.2g} ms an answer and {memory.size(self.size)} on disk"

    def excess(self, limits: Serving) -> float:
        """How many times a limit it takes, by the limit that it breaks most; 1 or less is within all of them."""
        parts = [(self.milliseconds, limits.max_latency), (float(self.size), limits.most_bytes)]
        return max((taken / limit for taken, limit in parts if limit is not None), default=0.0)

    def is_within(self, limits: Serving) -> bool:
        """Whether the limits allow it."""
        return self.excess(limits) <= 1


def measured(scorer: Any, folder: Path, inputs: Sequence[Inputs]) -> Cost:
    """What a scorer takes whose files are in `folder`, asked about some rows, one by one."""
    size = _bytes(folder)
    found: list[float] = []
    began = time.monotonic()
    for place, row in enumerate(inputs[: WARM + TIMED]):
        started = time.perf_counter()
        scorer.score([row])
        if place >= min(WARM, len(inputs) - 1):
            found.append(1_000 * (time.perf_counter() - started))
        if found and time.monotonic() > began + SECONDS:
            break
    return Cost(statistics.median(found), size)


def _bytes(folder: Path, *, beside: Sequence[Path] = ()) -> int:
    """On disk, of all files in a folder beside some."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file() and path not in beside)


def check(session: Session, folder: Path) -> None:
    """Warns where a model that was fitted again on more rows has outgrown the limit; its report does not count."""
    told = [path for name in ("report.*", "README.md", "autogpt.json") for path in folder.glob(name)]
    size = _bytes(folder, beside=told)
    most = session.config.serving.most_bytes
    if most is not None and size > most:
        limit = f"more than --max-size {session.config.serving.max_size} allows"
        session.say("warning", f"the model that is saved takes {memory.size(size)} on disk, {limit}")


def of_trial(session: Session, bench: Bench, result: Result) -> Cost:
    """What a trial's model takes; of one that asks an endpoint what its answers took, which cost money to ask for."""
    folder = session.folders[session.results.index(result)] / "scorer"
    if result.usage:
        return Cost(result.usage["seconds"], 0)  # seconds of 1,000 answers
    return measured(load_scorer(folder, result.family), folder, [row.inputs for row in bench.train])
