"""The time limit of a run: hard, and counted over interruptions."""

from __future__ import annotations

import time
from collections.abc import Callable

GRACE_SECONDS = 30.0


class Budget:
    """Seconds of a run. `spent` seconds were used before this process (by the part of the run that was killed).

    A run that is resumed with less than GRACE_SECONDS left gets these seconds, so that it can evaluate and save.
    """

    def __init__(self, limit: float | None, *, spent: float = 0.0, started: float | None = None) -> None:
        self.limit = float("inf") if limit is None else limit
        if spent and self.limit - spent < GRACE_SECONDS:
            self.limit = spent + GRACE_SECONDS
        self._started = (time.monotonic() if started is None else started) - spent

    def spent(self) -> float:
        """Seconds used so far."""
        return time.monotonic() - self._started

    def remaining(self) -> float:
        """Seconds left; below 0 when the limit was overrun."""
        return self.limit - self.spent()

    def until(self, reserve: float) -> Callable[[], float]:
        """Seconds left before `reserve` seconds have to be left for what comes after."""
        return lambda: self.remaining() - reserve
