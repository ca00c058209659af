"""Work for tests, which child processes import."""

import os
import signal
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from autogpt.errors import InputError, Interrupted, ResourceError
from autogpt.events import Event, Listener
from autogpt.orders import Crew, Ending, Order


def warm() -> None:
    """Nothing is needed."""


def double(order: Order, tell: Listener) -> Mapping[str, Any]:
    """Write down what was given, twice as large."""
    order.folder.mkdir(parents=True, exist_ok=True)
    tell(Event("decision", f"doubling {order.given}", {"number": order.given}))
    (order.folder / "result.json").write_text(str(2 * order.given))
    return {"process": os.getpid()}


def fail(order: Order, tell: Listener) -> Mapping[str, Any]:
    """End as the order says."""
    problems = {
        "resource": ResourceError("too little"),
        "input": InputError("wrong"),
        "fault": ZeroDivisionError("bug"),
    }
    raise {**problems, "stopped": Interrupted("", resume="")}[order.given]


def hang(order: Order, tell: Listener) -> Mapping[str, Any]:
    """Never end."""
    tell(Event("decision", f"process {os.getpid()}"))
    while True:
        time.sleep(0.1)


def swell(order: Order, tell: Listener) -> Mapping[str, Any]:
    """Take memory."""
    taken = bytearray(400_000_000)
    taken[::4096] = b"x" * len(taken[::4096])
    time.sleep(30)
    return {}


def die(order: Order, tell: Listener) -> Mapping[str, Any]:
    """End the process, the first `given` times that it is asked to."""
    tries = order.folder / "tries"
    order.folder.mkdir(parents=True, exist_ok=True)
    count = int(tries.read_text()) if tries.is_file() else 0
    tries.write_text(str(count + 1))
    if count < order.given:
        os.kill(os.getpid(), signal.SIGKILL)
    return {"tries": count + 1}


def save_when_stopped(order: Order, tell: Listener) -> Mapping[str, Any]:
    """Work until SIGTERM comes, then save."""
    from autogpt.training.signals import stop_requested

    order.folder.mkdir(parents=True, exist_ok=True)
    with stop_requested() as stop:
        tell(Event("decision", "begun"))
        while not stop():
            time.sleep(0.05)
    (order.folder / "saved").write_text("all of it")
    raise Interrupted("", resume="")


def where(order: Order, tell: Listener) -> Mapping[str, Any]:
    """Tell in which folder the work is done, and leave something there."""
    order.folder.mkdir(parents=True, exist_ok=True)
    (order.folder / "deep").mkdir(exist_ok=True)
    found = (order.folder / "before").read_text() if (order.folder / "before").is_file() else ""
    (order.folder / "deep" / "result").write_text("kept")
    return {"folder": str(order.folder), "before": found}


HERE = str(Path(__file__).parent)


def order(work: Any, given: Any, base: Path, **more: Any) -> Order:
    """An order of some work, in a folder of its name."""
    return Order(work.__name__, work, given, base / work.__name__, base, **more)


def heard(crew: Crew, seconds: float = 60.0) -> tuple[list[str], Ending]:
    """What is told, and the ending."""
    told: list[str] = []
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        news = crew.news(1.0)
        if news is not None and news.event is not None:
            told.append(news.event.message)
        if news is not None and news.ending is not None:
            return told, news.ending
    raise AssertionError("nothing ended")
