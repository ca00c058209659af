"""The linear head that `head` ends with and that fine-tuning starts from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from autogpt import probe
from autogpt.core import Example, Job
from autogpt.errors import ResourceError

if TYPE_CHECKING:
    from autogpt.core import Scores

LEAST_ROWS = 50
"""With fewer training rows and no validation rows regularisation is not chosen but usual."""
ENOUGH_ROWS, ENOUGH_PER_LABEL = 1000, 128
"""Rows that a linear head wants, whichever are more; of the time for others fine-tuning makes more (EXPERIMENTS.md)."""


def fit(job: Job, *, c: float | None, least: float, most: float) -> tuple[probe.Head, int]:
    """A head on cached features, and the number of training rows that were reached in time.

    Reading texts may take the share `least` of the remaining seconds, and up to `most` of them until there are enough
    rows; validation rows are read first, because nothing can be chosen without them. What is chosen stands in
    `job.chosen["c"]`. Without validation rows a fifth of the training rows chooses, and then all of them are fitted: a
    head that fits noisy rows too well would leave fine-tuning nothing to learn from (see EXPERIMENTS.md).
    """
    held = held_out(job)
    rows, _ = _rows(job, job.train, seconds=_reading_seconds(job, least=least, most=most))
    seconds = max(1.0, job.remaining() * 0.3)
    if c is None and held is None and len(rows.target) >= LEAST_ROWS:
        part, rest = _parted(rows, seed=job.seed)
        judge = probe.judge_on(part, job.output)
        c = probe.solve(rest, job.output, job.space, c=None, judge=judge, seconds=seconds / 2).c
    judge = probe.judge_on(held, job.output)
    head = probe.solve(rows, job.output, job.space, c=c, judge=judge, seconds=seconds)
    job.chosen["c"] = head.c
    return head, len(rows.target)


def held_out(job: Job) -> probe.Rows | None:
    """The validation rows, read (None: there are none). ResourceError where time or memory did not allow all."""
    if not job.validation:
        return None
    rows, reached = _rows(job, job.validation, seconds=job.remaining() * 0.6)
    if reached < len(job.validation):
        raise ResourceError("not all validation rows could be read; give more time or memory, or a smaller backbone")
    return rows


def _reading_seconds(job: Job, *, least: float, most: float) -> float:
    """How long training rows may be read: see `fit`."""
    remaining, rate = job.remaining(), job.features.rows_per_second
    if rate is None:
        return most * remaining
    known, _ = job.features.get([example.inputs for example in job.train], seconds=0.0)
    wanted = max(ENOUGH_ROWS, ENOUGH_PER_LABEL * job.output.size(job.space)) - len(known)
    return min(most * remaining, max(least * remaining, wanted / rate))


def _parted(rows: probe.Rows, *, seed: int) -> tuple[probe.Rows, probe.Rows]:
    """A fifth of the rows, drawn at random, and the others."""
    drawn = np.random.default_rng([seed, 31]).random(len(rows.target)) < 0.2
    return rows.where(drawn), rows.where(~drawn)


def refit(job: Job, encoder: Any, *, c: float | None) -> tuple[probe.Head, Scores]:
    """A head on what `encoder` reads now, its body having been changed, and these features of the training rows."""

    def read(examples: Sequence[Example]) -> tuple[probe.Rows, Scores]:
        features = encoder.features([example.inputs for example in examples])
        return probe.Rows.of_examples(examples, features, job.output, job.space, free=encoder.free), features

    held = read(job.validation)[0] if job.validation else None
    rows, features = read(job.train)
    head = probe.solve(rows, job.output, job.space, c=c, judge=probe.judge_on(held, job.output))
    job.chosen["c"] = head.c
    return head, features


def validated(job: Job, head: probe.Head) -> None:
    """Keep the head's scores of the validation rows, if the features of all of them are there."""
    places, features = job.features.get([example.inputs for example in job.validation], seconds=0.0)
    if job.validation and len(places) == len(job.validation):
        job.validated.append(head(features))


def _rows(job: Job, examples: Sequence[Example], *, seconds: float | None) -> tuple[probe.Rows, int]:
    """What the head is fitted to, and the number of examples that were reached in time."""
    places, features = job.features.get([example.inputs for example in examples], seconds=seconds)
    reached = [examples[place] for place in places]
    if len(reached) < len(examples):
        job.notes.append(f"time or memory allowed reading {len(reached)} of {len(examples)} rows")
    rows = probe.Rows.of_examples(reached, features, job.output, job.space, free=job.features.free)
    return rows, len(reached)
