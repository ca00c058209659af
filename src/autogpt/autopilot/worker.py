"""What other processes do for a run: one trial, or the winner once more on all rows (see `orders`, `workshop`)."""

from __future__ import annotations

import importlib
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from autogpt import files
from autogpt.autopilot.materials import Materials
from autogpt.autopilot.trial import Bench, Candidate, Result, refit, run_trial
from autogpt.events import Event, Listener
from autogpt.memory import Guard
from autogpt.orders import Order
from autogpt.runtime import detect, forbid_network, kept, prepare_environment


@dataclass(frozen=True, slots=True)
class Given:
    """A trial, or (`again`) a finished one whose method is fitted once more."""

    materials: Materials
    candidate: Candidate | None = None
    again: Result | None = None


def load_libraries() -> None:
    """Import what takes seconds."""
    prepare_environment()
    for name in ("torch", "transformers", "accelerate", "sklearn.linear_model"):
        importlib.import_module(name)


def warm() -> None:
    """Load what every trial needs, while there is nothing else to do."""
    load_libraries()
    detect()


def fit(order: Order, tell: Listener) -> Mapping[str, Any]:
    """A trial in its folder, as `run_trial` leaves it; what reading took is told."""
    given: Given = order.given
    with _bench(order, tell) as (bench, remaining):
        if given.candidate is not None:
            run_trial(bench, given.candidate, folder=order.folder, remaining=remaining)
        elif given.again is not None:
            scorer = refit(bench, given.again, folder=order.folder, remaining=remaining)
            with files.atomic_folder(order.folder / "scorer") as stage:
                scorer.save(stage)
        features: Any = bench.features
        told: Mapping[str, Any] = features.measured()
        return told


@contextmanager
def _bench(order: Order, tell: Listener) -> Iterator[tuple[Bench, Callable[[], float]]]:
    """The bench here, and the time that is left."""
    from autogpt.training.signals import stop_requested

    materials: Materials = order.given.materials
    if materials.config.source.offline:
        forbid_network()
    until = time.monotonic() + order.seconds

    def remaining() -> float:
        return until - time.monotonic()

    guard = Guard(order.memory, say=lambda message: tell(Event("decision", message)))
    with stop_requested() as stop:
        bench = materials.bench(
            place=order.base,
            guard=guard,
            runtime=lambda: replace(kept(order.base / "worker.json"), memory=guard),
            listen=tell,
            stop=stop,
            remaining=remaining,
        )
        with bench.helped():
            yield bench, remaining
