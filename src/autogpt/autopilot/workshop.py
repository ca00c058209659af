"""Trials in other processes: orders go out, what they tell comes in, and who ended is told to who ordered."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from autogpt import registry
from autogpt.autopilot.ladder import needs_endpoint
from autogpt.autopilot.materials import Materials
from autogpt.autopilot.trial import Bench, Candidate, Result, load_result, load_scorer
from autogpt.autopilot.worker import Given, fit, load_libraries, warm
from autogpt.config import Compute
from autogpt.core import Scorer
from autogpt.errors import Interrupted
from autogpt.memory import resident
from autogpt.orders import Crew, Ending, Order

if TYPE_CHECKING:
    from autogpt.autopilot.session import Session

WAIT_SECONDS = 0.5
LEAST_MEMORY = 300_000_000

Done = Callable[[Ending], None]


@dataclass(frozen=True, slots=True)
class _Open:
    """An order that is worked on: who is told of its end, listens to it, and may stop it."""

    order: Order
    done: Done
    bench: Bench
    is_halted: bool = False


class Workshop:
    """Who works for a run. `base` is the run's folder, `limit` the bytes of memory that the run may have."""

    def __init__(self, compute: Compute, *, base: Path, limit: int | None, stop: Callable[[], bool]) -> None:
        executor = registry.get("executors", compute.chosen or "local")
        self._crew: Crew = executor.open(workers=compute.workers, address=compute.address, warm=warm)
        self._base, self._limit, self._stop = base.absolute(), limit, stop
        self._open: dict[str, _Open] = {}
        # what this process needs for the final test is loaded while others work
        threading.Thread(target=load_libraries, daemon=True).start()

    @classmethod
    def of(cls, session: Session) -> Self:
        """The workshop of a run; it is told how many work."""
        compute, limit = session.config.compute, session.guard.limit
        found = cls(compute, base=session.place, limit=limit, stop=lambda: session.stop())
        session.say("plan", f"trials at the same time: {found.size} ({compute.chosen})")
        return found

    @property
    def size(self) -> int:
        """Trials at the same time."""
        return self._crew.size

    def trial(
        self, materials: Materials, bench: Bench, candidate: Candidate, folder: Path, seconds: float, done: Done
    ) -> None:
        """Order a trial; comes back as soon as there is place for another one. `done` is told how it ended.

        The rows are those of `bench`, who also listens to it and may stop it."""
        self._begin(Given(materials.like(bench), candidate=candidate), bench, folder, seconds, done)
        while len(self._open) >= self.size:
            self._listen_once()

    def run_trial(
        self, materials: Materials, bench: Bench, candidate: Candidate, folder: Path, seconds: float
    ) -> tuple[Result, Scorer]:
        """A trial that is waited for."""
        ending = self._waited(Given(materials.like(bench), candidate=candidate), bench, folder, seconds)
        hear(bench.features, ending)
        result = load_result(folder)
        if result is None:
            raise FileNotFoundError(folder / "result.json")
        return result, load_scorer(folder / "scorer", result.family)

    def refit(self, materials: Materials, bench: Bench, result: Result, folder: Path, seconds: float) -> Scorer:
        """The winner once more, waited for."""
        self._waited(Given(materials.like(bench), again=result), bench, folder, seconds)
        return load_scorer(folder / "scorer", result.family)

    def wait(self) -> bool:
        """Wait until somebody is done; False where nobody works."""
        busy = len(self._open)
        while busy and len(self._open) == busy:
            self._listen_once()
        return busy > 0

    def drain(self) -> None:
        """Wait for all that was ordered."""
        while self.wait():
            pass

    def close(self) -> None:
        """End all processes."""
        self._open.clear()
        self._crew.close()

    def _waited(self, given: Given, bench: Bench, folder: Path, seconds: float) -> Ending:
        self.drain()
        found: list[Ending] = []
        self._begin(given, bench, folder, seconds, found.append)
        self.drain()
        found[0].check()
        return found[0]

    def _begin(self, given: Given, bench: Bench, folder: Path, seconds: float, done: Done) -> None:
        """Hand an order to who is free: everybody who orders leaves a place free."""
        folder = folder.absolute()
        memory = None
        if self._limit is not None:  # of what the run may have, what this process holds is taken
            memory = max(LEAST_MEMORY, (self._limit - resident()) // self.size)
        order = Order(folder.name, fit, given, folder, self._base, seconds=seconds, memory=memory)
        self._open[str(folder)] = _Open(order, done, bench)
        self._crew.begin(order)

    def _listen_once(self) -> None:
        """Hear one thing, or stop all when the run is to stop."""
        if self._stop():
            self._open.clear()
            self._crew.stop()
            raise Interrupted("stopped while trials were working", resume="")
        news = self._crew.news(WAIT_SECONDS)
        if news is None:
            return
        work = self._open[str(news.order.folder)]
        if news.event is not None:
            work.bench.listen(news.event)
            if work.bench.stop() and not work.is_halted:
                self._open[str(news.order.folder)] = replace(work, is_halted=True)
                self._crew.halt(work.order)
        if news.ending is not None:
            del self._open[str(news.order.folder)]
            work.done(news.ending)


def is_sent(one: Candidate | Result) -> bool:
    """Whether others may work on a trial: who asks an endpoint keeps the account here, and here stands the encoder
    that has read the run's texts."""
    return not (needs_endpoint(one.method) or one.adapted)


def hear(features: Any, ending: Ending) -> None:
    """Believe what another process measured of its reading."""
    if ending.told.get("rows"):
        features.heard(**ending.told)
