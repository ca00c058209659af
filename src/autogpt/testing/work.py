"""The contract of executors: what is ordered is done elsewhere, what it tells arrives, and its end is heard once."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from autogpt import registry
from autogpt.errors import ResourceError
from autogpt.events import Event, Listener
from autogpt.orders import FAILED, Crew, Ending, News, Order

PATIENCE = 90.0


def nothing() -> None:
    """What is needed before the first order."""


def write(order: Order, tell: Listener) -> Mapping[str, Any]:
    """Tell twice, and leave a file; or fail where a number below 0 is given."""
    if order.given < 0:
        raise ResourceError("less than nothing")
    for place in range(2):
        tell(Event("decision", f"{order.given}: {place}", {"place": place}))
    order.folder.mkdir(parents=True, exist_ok=True)
    (order.folder / "result.json").write_text(str(order.given), "utf-8")
    return {"process": os.getpid(), "given": order.given}


def check_executor(name: str, folder: Path) -> None:
    """More orders than places: each ends once, in another process, with its file and its events in their order; a
    failure is told, costs no other order, and a closed crew has nothing to tell."""
    crew: Crew = registry.get("executors", name).open(workers=1, address=None, warm=nothing)
    try:
        if crew.news(0.0) is not None:
            raise AssertionError(f"{name} tells of orders before there are any")
        for number in (3, -1, 4):
            own = folder / f"trials/{number}"
            crew.begin(Order(f"order {number}", write, number, own, folder, seconds=PATIENCE))
            told, ending = _until_the_end(crew, name)
            if number < 0:
                if (told, ending.how, ending.problem) != ([], FAILED, "less than nothing"):
                    raise AssertionError(f"{name} tells a failure as {ending}, after {told}")
                continue
            if told != [f"{number}: 0", f"{number}: 1"] or ending.how or ending.told["given"] != number:
                raise AssertionError(f"{name} told {told} of order {number}, and ended it as {ending}")
            if ending.told["process"] == os.getpid():
                raise AssertionError(f"{name} works in the process of the run")
            if (own / "result.json").read_text("utf-8") != str(number):
                raise AssertionError(f"{name} lost the result of order {number}")
    finally:
        crew.close()
    if crew.news(0.0) is not None:
        raise AssertionError(f"{name} has something to tell after it was closed")


def _until_the_end(crew: Crew, name: str) -> tuple[list[str], Ending]:
    told: list[str] = []
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        news: News | None = crew.news(1.0)
        if news is not None and news.event is not None:
            told.append(news.event.message)
        if news is not None and news.ending is not None:
            return told, news.ending
    raise AssertionError(f"{name} did not end an order in {PATIENCE:.0f} s")
