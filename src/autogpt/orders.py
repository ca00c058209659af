"""Work that is done in another process: what is ordered, what is heard of it, and who takes orders.

An order is a function of a module, what it is given, and a folder that its results stand in: who takes orders
(`executors/`) knows neither trials nor models, and whoever gives them neither processes nor machines.
"""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from autogpt.errors import AutoGPTError, InputError, Interrupted, ResourceError
from autogpt.events import Event, Listener

logger = logging.getLogger(__name__)

STOPPED, REFUSED, FAILED, LOST = "stopped", "refused", "failed", "lost"
"""How work ends that comes to nothing: somebody stopped it, its input is wrong, it failed, or its process is gone."""


@dataclass(frozen=True, slots=True)
class Order:
    """`work(order, tell)` leaves its results in `folder`, and returns a few numbers about them (JSON-able).

    `base` is the folder that all orders of a run share (what is kept there saves work, and is never relied on).
    `seconds` it has, counted from its beginning; who is not done a grace later is ended. `memory`: bytes of resident
    size that its process may have (None: as much as there is).
    """

    name: str
    work: Callable[[Order, Listener], Mapping[str, Any]]
    given: Any
    folder: Path
    base: Path
    seconds: float = float("inf")
    memory: int | None = None


@dataclass(frozen=True, slots=True)
class Ending:
    """How an order ended. `how` is empty when it is done, else one of the words above; `told` is what it returned."""

    how: str = ""
    problem: str = ""
    told: Mapping[str, Any] = field(default_factory=dict)

    def check(self) -> None:
        """Raise what the work would have raised here."""
        if self.how == STOPPED:
            raise Interrupted("stopped in another process", resume="")
        if self.how == REFUSED:
            raise InputError(self.problem)
        if self.how:
            raise ResourceError(self.problem)


@dataclass(frozen=True, slots=True)
class News:
    """What is heard of an order: an event while it is worked on, or its ending."""

    order: Order
    event: Event | None = None
    ending: Ending | None = None


class Crew(Protocol):
    """Processes that take orders: `size` of them at the same time."""

    size: int

    def begin(self, order: Order) -> None:
        """Hand an order to a free process. Never more than `size` are open."""

    def news(self, wait: float) -> News | None:
        """The next thing that is heard within so many seconds. Orders that hang or take too much are ended here."""

    def halt(self, order: Order) -> None:
        """Let one order save what it has and end; its ending is heard like any other."""

    def stop(self) -> None:
        """Let all open orders save what they have and end; none is open afterwards."""

    def close(self) -> None:
        """End all processes."""


class Executor(Protocol):
    """A plug-in of the kind `executors`."""

    name: str
    summary: str

    def open(self, *, workers: int | None, address: str | None, warm: Callable[[], None]) -> Crew:
        """The processes, `workers` of them (None: as many as suit); each calls `warm` before its first order."""


def perform(order: Order, tell: Listener) -> Ending:
    """Do the work here. Whatever is wrong with it becomes an ending; only the end of the process is not caught."""
    try:
        return Ending(told=dict(order.work(order, tell)))
    except (Interrupted, KeyboardInterrupt):
        return Ending(STOPPED)
    except InputError as problem:
        return Ending(REFUSED, str(problem))
    except (AutoGPTError, MemoryError) as problem:
        return Ending(FAILED, str(problem) or "memory ran out")
    except Exception as problem:  # a fault of a plug-in, far from who could see its traceback
        logger.exception("%s failed", order.name)
        order.folder.mkdir(parents=True, exist_ok=True)
        (order.folder / "error.txt").write_text(traceback.format_exc(), "utf-8")
        return Ending(FAILED, f"{type(problem).__name__}: {problem} (see {order.folder / 'error.txt'})")
