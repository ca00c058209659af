"""What a run cost: time, memory, and an estimate of energy.

Energy is *estimated*, not measured: busy core-seconds times 10 W, plus seconds on an accelerator times the watts given
for it. 10 W is about what one busy core of a server or desktop processor draws (65 to 280 W over 8 to 64 cores, with
its share of memory and power supply); the true figure of a machine can be half or twice that.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

WATTS_PER_CORE = 10.0


@dataclass(frozen=True, slots=True)
class Predicting:
    """What 1,000 predictions of a system take: seconds, and of an endpoint tokens read and written, and money."""

    name: str
    seconds: float
    read: float = 0.0
    written: float = 0.0
    money: float | None = None

    @classmethod
    def of(cls, name: str, rows: int, seconds: float, scorer: Any) -> Self:
        """As measured over some rows, or as the scorer itself counted it."""
        return cls(name, **(getattr(scorer, "usage", dict)() or {"seconds": 1_000 * seconds / max(rows, 1)}))


@dataclass(frozen=True, slots=True)
class Costs:
    """Seconds on the clock and on the processor, most memory held at once, estimated watt-hours; seconds per stage.

    `asked` requests to an endpoint took `read` and `written` tokens, and `money` where prices are known.
    """

    seconds: float
    cpu_seconds: float
    peak_bytes: int
    watt_hours: float
    watts_per_core: float = WATTS_PER_CORE
    stages: Mapping[str, float] = field(default_factory=dict)
    device: str = "cpu"
    predictions: tuple[Predicting, ...] = ()
    asked: int = 0
    read: int = 0
    written: int = 0
    money: float | None = None


class Meter:
    """Started when made; `read` gives the costs so far, worker processes that have ended included."""

    def __init__(self) -> None:
        self._wall, self._cpu = time.perf_counter(), _cpu_seconds()

    def read(
        self,
        *,
        stages: Mapping[str, float] | None = None,
        device: str = "cpu",
        accelerator_seconds: float = 0.0,
        accelerator_watts: float = 0.0,
    ) -> Costs:
        cpu = _cpu_seconds() - self._cpu
        joules = cpu * WATTS_PER_CORE + accelerator_seconds * accelerator_watts
        return Costs(
            seconds=time.perf_counter() - self._wall,
            cpu_seconds=cpu,
            peak_bytes=peak_bytes(),
            watt_hours=joules / 3600,
            stages=dict(stages or {}),
            device=device,
        )


def _cpu_seconds() -> float:
    if sys.platform == "win32":
        return time.process_time()
    import resource

    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def peak_bytes() -> int:
    """The most memory this process has held so far (resident set)."""
    if sys.platform == "win32":
        import psutil

        return int(psutil.Process().memory_info().rss)
    import resource

    unit = 1 if sys.platform == "darwin" else 1024
    return int(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss) * unit
