"""The limit of one cell: seconds that are left, and the exception that ends what is still running."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


class TimeUpError(BaseException):
    """The limit is reached. A peer raises it itself when it stopped in time but had not finished its recipe.

    Not an Exception: a system that goes on after a failed part must not go on after this.
    """


class Clock:
    """Counts from `started` (time.time() of the parent, so that the imports of this process count)."""

    def __init__(self, limit: float, started: float | None = None) -> None:
        self.limit = limit
        self.started = time.time() if started is None else started

    def spent(self) -> float:
        return time.time() - self.started

    def left(self) -> float:
        return self.limit - self.spent()


@contextmanager
def alarm(seconds: float) -> Iterator[None]:
    """Raises TimeUpError in the main thread after `seconds`."""

    def ring(*_: Any) -> None:
        raise TimeUpError

    signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, max(seconds, 0.01))
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
