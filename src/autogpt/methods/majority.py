"""The best constant answer: the floor that every model must clear."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass

from autogpt import registry
from autogpt.core import Job, Scorer, Step


@dataclass(frozen=True, slots=True)
class Options:
    """Nothing to choose."""


class Majority:
    """See `core.Method`."""

    name = "majority"
    summary = "always the most frequent answer (or the mean)"
    needs_backbone = False
    outputs = frozenset({"classes", "path", "labels", "value", "tokens", "ranking", "choices", "span", "text"})
    options = Options

    def fit(self, job: Job) -> Generator[Step, None, Scorer]:
        encoded = job.output.encode([example.target for example in job.train], job.space)
        row = job.output.prior(encoded, job.space)
        constant: Scorer = registry.get("backbones", "constant")(tuple(float(score) for score in row))
        yield Step(step=1, total=1, loss=0.0, rows=len(job.train), tokens=0, seconds=0.0)
        return constant


plugin = Majority()
