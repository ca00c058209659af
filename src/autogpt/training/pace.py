"""How many steps fit in the time that is left, from what steps, validations and saves were measured to take.

A schedule that is cut off by the clock never anneals, and un-annealed weights are worse. So the number of steps is
planned: after a few measured steps, and whenever the rest would no longer fit, the total is shortened such that the
learning rate reaches 0 just in time for the last validation and the last save. In its first third a plan may grow back.
Without a limit nothing is measured into the plan, and a run depends on its seed alone.
"""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable

from autogpt.training.checkpoint import Progress

MEASURED_STEPS = 3
_CAUTION = 0.95  # a plan uses this share of the steps that would fit, so that noise does not force the next plan
_WRITE_SPEED = 1e8  # bytes per second, believed until the first save is measured
_CHECKPOINT_GAP = 20  # times its own cost lies between two checkpoints
_VALIDATION_SHARE = 0.2  # of the time, when time is short


class Pace:
    """Measured costs in seconds: per padded token, per validation, per save of the weights, per checkpoint."""

    def __init__(
        self, remaining: Callable[[], float], *, mean_tokens: float, max_tokens: int, weight_bytes: int
    ) -> None:
        self.remaining = remaining
        self.limit = remaining()
        self.mean_tokens = mean_tokens
        self.max_tokens = max_tokens
        self.validation: float | None = None
        self.save = weight_bytes / _WRITE_SPEED
        self.checkpoint = 3 * self.save
        self._full = 0  # the total before this process shortened it; 0: it did not
        self._steps: deque[tuple[int, float]] = deque(maxlen=20)
        self._count = 0
        self._mark = time.monotonic()

    def start_step(self) -> None:
        """A step begins now."""
        self._mark = time.monotonic()

    def end_step(self, tokens: int) -> None:
        """A step over `tokens` padded tokens ended."""
        self._count += 1
        if self._count == 2:
            self._steps.clear()  # the first step warms caches and threads up
        self._steps.append((tokens, time.monotonic() - self._mark))

    def can_validate(self) -> bool:
        """Whether a validation fits before the limit, as far as its cost is known."""
        return self.remaining() > (self.validation or 0.0)

    def checkpoint_every(self, asked: float) -> float:
        """Seconds between checkpoints: as asked, but never more than about a twentieth of the time goes there."""
        return max(asked, _CHECKPOINT_GAP * self.checkpoint) if asked else 0.0

    def replan(self, progress: Progress) -> bool:
        """Shorten `progress.total` if the rest does not fit. True: a validation must be measured before that."""
        if math.isinf(self.limit):
            return False
        left = progress.total - progress.step
        fits = self._affordable(progress.validate_every)
        enough_measured = self._count > MEASURED_STEPS or self.remaining() < 0.7 * self.limit
        if self._full and progress.step < progress.total / 3 and _CAUTION * fits > 1.1 * left:
            progress.total = min(self._full, progress.step + int(_CAUTION * fits))  # the first plan was too careful
            return False
        if fits >= left * (1 if self.validation is not None else 2) or left == 0:
            return False
        if self.validation is None and fits > 0:
            return enough_measured
        if not enough_measured and fits > 0:
            return False
        if self.validation:
            apart = math.ceil(self.validation / (_VALIDATION_SHARE * self._step_seconds()))
            progress.validate_every = max(progress.validate_every, apart)
            fits = self._affordable(progress.validate_every)
        self._full = self._full or progress.total
        progress.total = min(progress.total, progress.step + int(_CAUTION * fits))
        return False

    def _step_seconds(self) -> float:
        tokens = sum(tokens for tokens, _ in self._steps)
        return sum(seconds for _, seconds in self._steps) / tokens * self.mean_tokens

    def _affordable(self, validate_every: int) -> int:
        """Further steps that fit before the reserve: last validation, last save, one step of the longest rows."""
        step = self._step_seconds()
        longest = step * (self.max_tokens / self.mean_tokens - 1)
        reserve = 1.2 * (self.validation or 0.0) + 1.5 * self.save + longest + max(0.2, 0.02 * self.limit)
        each = step * (1 + 1 / _CHECKPOINT_GAP) + (self.validation or 0.0) / validate_every
        return max(0, int((self.remaining() - reserve) / each))
