"""Ranking by an encoder as it came: query and passages are read one by one and compared by their vectors."""

from __future__ import annotations

import time
from collections.abc import Generator
from dataclasses import dataclass

import numpy as np

from autogpt.core import Job, Scorer, Step
from autogpt.errors import ResourceError
from autogpt.methods import _passages


@dataclass(frozen=True, slots=True)
class Options:
    """Nothing to choose."""


class BiEncoder:
    """See `core.Method`. Nothing is trained: training rows are not looked at."""

    name = "bi-encoder"
    summary = "the encoder's own vectors of query and passages, nothing trained"
    needs_backbone = True
    outputs = frozenset({"ranking"})
    options = Options

    def fit(self, job: Job) -> Generator[Step, None, Scorer]:
        started = time.monotonic()
        vectors = _passages.read(job)
        encoder = job.open()
        _passages.use(encoder, vectors)
        queries = [example.inputs for example in job.validation]
        if queries:
            places, found = job.features.get(queries, seconds=job.remaining() * 0.8)
            if len(places) < len(queries):
                raise ResourceError("not all validation rows could be read in time")
            job.validated.append(np.asarray(found) @ (_passages.SCALE * _passages.unit(vectors)).T)
        yield Step(1, 1, loss=0.0, rows=len(vectors), tokens=0, seconds=time.monotonic() - started)
        scorer: Scorer = encoder
        return scorer


plugin = BiEncoder()
