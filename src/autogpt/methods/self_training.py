"""Few labels beside many rows without one: a head on the labels, multiplied with heads that learned without them.

The experts come from the run (`core.Job.advice`): what label names say of a text, and what self-training on rows
without a label made of that. Without such rows there is the labels' own head alone. How much an expert counts, and
whether it does, is decided on labelled rows that its partner did not learn from (see `experts`).
"""

from __future__ import annotations

import time
from collections.abc import Generator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from autogpt import experts
from autogpt.core import Job, Scorer, Step
from autogpt.errors import ResourceError
from autogpt.methods import _linear
from autogpt.probe import Head
from autogpt.vectors import typical_length

if TYPE_CHECKING:
    from autogpt.core import Array

READING = 0.6
LEAST_ROWS = 4


@dataclass(frozen=True, slots=True)
class Options:
    """Self-training has nothing to choose."""


class SelfTraining:
    """See `core.Method`."""

    name = "self-training"
    summary = "a linear head on few labels, joined with what label names and rows without a label tell"
    needs_backbone = True
    outputs = frozenset({"classes"})
    options = Options

    def fit(self, job: Job) -> Generator[Step, None, Scorer]:
        started = time.monotonic()
        _linear.held_out(job)
        places, table = job.features.get([row.inputs for row in job.train], seconds=READING * job.remaining())
        if len(places) < LEAST_ROWS:
            raise ResourceError(f"{len(places)} training rows could be read; give more time, or a smaller backbone")
        targets = np.asarray(job.output.encode([job.train[place].target for place in places], job.space))
        head = self._joined(job, np.asarray(table), targets, job.advice())
        encoder = job.open()
        encoder.set_head(head.weight, head.bias)
        _linear.validated(job, head)
        yield Step(1, 1, loss=0.0, rows=len(places), tokens=0, seconds=time.monotonic() - started)
        scorer: Scorer = encoder
        return scorer

    def _joined(self, job: Job, table: Array, targets: Array, advice: Mapping[str, Any]) -> Head:
        """The product as one head on raw features; vectors are brought to a mean length of 1 for it."""
        scale = typical_length(table)
        vectors = table / scale
        others = {name: (head.undivided(1 / scale), np.asarray(head(table))) for name, head in advice.items()}
        found = experts.join(vectors, targets, others, classes=job.output.size(job.space), seed=job.seed)
        job.notes.extend(found.said)
        return found.head.undivided(scale)


plugin = SelfTraining()
