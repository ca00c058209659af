"""The process that `local` starts: it warms up, takes orders one after another, and ends when nobody listens any more.

Its arguments are the number of the inherited connection and the function to warm up with, as `module:function`.
"""

from __future__ import annotations

import importlib
import os
import signal
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path
from queue import SimpleQueue

from autogpt.events import Event
from autogpt.orders import Order, perform

OOM_SCORE = "600"
"""Where the kernel must end somebody for want of memory, it ends a trial and not the run."""


def main(arguments: list[str]) -> None:
    """Until the connection is closed."""
    line: Connection = Connection(int(arguments[0]))
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(OOM_SCORE, "ascii")
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # to be stopped is for work, which asks for it
    orders: SimpleQueue[Order] = SimpleQueue()
    threading.Thread(target=_take, args=(line, orders), daemon=True).start()
    function(arguments[1])()
    while True:
        order = orders.get()
        line.send(perform(order, lambda event: line.send(_plain(event))))


def _take(line: Connection, orders: SimpleQueue[Order]) -> None:
    """Orders into the queue. Who ordered may be gone, even killed: then nobody wants the work."""
    try:
        while True:
            orders.put(line.recv())
    except (EOFError, OSError):
        os._exit(1)  # files are written whole or not at all, so that nothing is left half done


def _plain(event: Event) -> Event:
    return Event(event.kind, event.message, dict(event.data))


def function(told: str) -> Callable[[], None]:
    """What `module:function` names."""
    module, _, name = told.partition(":")
    found: Callable[[], None] = getattr(importlib.import_module(module), name)
    return found


if __name__ == "__main__":
    main(sys.argv[1:])
