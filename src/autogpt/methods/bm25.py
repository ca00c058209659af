"""Ranking by shared words (Okapi BM25, see `backbones.bm25`): no training, no encoder, and hard to beat on names."""

from __future__ import annotations

import time
from collections.abc import Generator
from dataclasses import dataclass

from autogpt import registry
from autogpt.core import Job, Scorer, Step
from autogpt.errors import ConfigError
from autogpt.methods._options import option


@dataclass(frozen=True, slots=True)
class Options:
    """The two numbers of the formula, at the values in common use."""

    k1: float = option(1.2, "how soon repeated words stop to count", (0.6, 2.0))
    b: float = option(0.75, "how much a passage's length is allowed for (0 to 1)", (0.3, 0.9))

    def __post_init__(self) -> None:
        if not self.k1 >= 0 or not 0 <= self.b <= 1:
            raise ConfigError(f"bm25: k1 is {self.k1} and b {self.b}; k1 must be 0 or more, b between 0 and 1")


class BM25Method:
    """See `core.Method`."""

    name = "bm25"
    summary = "shared words, weighed by how rare they are (Okapi BM25)"
    needs_backbone = False
    outputs = frozenset({"ranking"})
    options = Options

    def fit(self, job: Job) -> Generator[Step, None, Scorer]:
        started = time.monotonic()
        options = job.options or Options()
        scorer: Scorer = registry.get("backbones", "bm25").open(job.space.labels, k1=options.k1, b=options.b)
        yield Step(1, 1, loss=0.0, rows=len(job.space.labels), tokens=0, seconds=time.monotonic() - started)
        return scorer


plugin = BM25Method()
