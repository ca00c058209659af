"""A linear head on frozen features: each text is read once, then only the head is fitted."""

from __future__ import annotations

import time
from collections.abc import Generator
from dataclasses import dataclass, field

from autogpt.core import Job, Scorer, Step
from autogpt.errors import ConfigError
from autogpt.methods import _linear

LEAST_READING, MOST_READING = 0.25, 0.8
"""Shares of the time that is left; a refit, after which nothing is tuned, reads as much as it can."""


@dataclass(frozen=True, slots=True)
class Options:
    """`c`: inverse strength of regularisation; None chooses it by validation loss."""

    c: float | None = field(default=None, metadata={"help": "inverse strength of regularisation (default: chosen)"})

    def __post_init__(self) -> None:
        if self.c is not None and not self.c > 0:
            raise ConfigError(f"head: c is {self.c}; it must be more than 0")


class Head:
    """See `core.Method`."""

    name = "head"
    summary = "a linear head on the encoder's frozen features"
    needs_backbone = True
    takes_soft_targets = True
    takes_descriptions = True
    outputs = frozenset({"classes", "path", "labels", "value", "tokens", "choices"})
    options = Options

    def fit(self, job: Job) -> Generator[Step, None, Scorer]:
        started = time.monotonic()
        options = job.options or Options()
        head, rows = _linear.fit(
            job, c=options.c, least=LEAST_READING if job.validation else MOST_READING, most=MOST_READING
        )
        encoder = job.open()
        encoder.set_head(head.weight, head.bias)
        _linear.validated(job, head)
        yield Step(1, 1, loss=0.0, rows=rows, tokens=0, seconds=time.monotonic() - started)
        scorer: Scorer = encoder
        return scorer


plugin = Head()
