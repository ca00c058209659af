"""Ranking by shared words and by vectors at once: BM25's scores, weighed and added to those of an encoder.

"A Few Brief Notes on DeepImpact, COIL, and a Conceptual Framework for Information Retrieval Techniques" (Lin 2021): the
two kinds of scores err on different queries. Ours chooses the weight on validation queries; scores are added as they
are, so that a model answers one query as it answers many.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from autogpt import registry
from autogpt.core import Job, Scorer, Step
from autogpt.errors import ConfigError
from autogpt.methods._options import option

if TYPE_CHECKING:
    from autogpt.core import Array

DENSE = ("bi-encoder", "retriever")
WEIGHTS = (0.1, 0.2, 0.3, 0.5, 0.7, 1.0, 1.5, 2.0, 3.0, 5.0)
USUAL = 0.5
"""Without validation queries. A dense score is twenty times a cosine."""


@dataclass(frozen=True, slots=True)
class Options:
    """How vectors are had, and what words count beside them."""

    dense: str = option("bi-encoder", f"the method whose scores are added: {' or '.join(DENSE)}")
    weight: float | None = option(None, "what BM25's scores are multiplied by (default: chosen)", (0.1, 5.0))

    def __post_init__(self) -> None:
        if self.dense not in DENSE:
            raise ConfigError(f"hybrid: dense is {self.dense!r}; it must be one of {', '.join(DENSE)}")
        if self.weight is not None and not self.weight > 0:
            raise ConfigError(f"hybrid: weight is {self.weight}; it must be above 0")


class HybridMethod:
    """See `core.Method`."""

    name = "hybrid"
    summary = "shared words (BM25) and the encoder's vectors, added"
    needs_backbone = True
    outputs = frozenset({"ranking"})
    options = Options

    def fit(self, job: Job) -> Generator[Step, None, Scorer]:
        options = job.options or Options()
        parts = []
        tables = []
        for method in ("bm25", options.dense):
            own = replace(job, options=None, chosen={}, validated=[])
            scorer = yield from registry.get("methods", method).fit(own)
            parts.append(scorer)
            if job.validation:
                held = own.validated or [scorer.score([example.inputs for example in job.validation])]
                tables.append(np.asarray(held[-1]))
        weight = options.weight or USUAL
        if job.validation:
            words, vectors = tables
            if options.weight is None:
                weight = self._best(job, words, vectors)
            job.validated.append(weight * words + vectors)
        job.chosen["weight"] = weight
        combined: Scorer = registry.get("backbones", "hybrid")(*parts, weight=weight)
        return combined

    @staticmethod
    def _best(job: Job, words: Array, vectors: Array) -> float:
        """The weight that the metric likes best on validation queries; of equal ones the middle one."""
        sign = 1.0 if job.metric.higher_is_better else -1.0
        scores = [sign * job.judge(weight * words + vectors)[job.metric.name] for weight in WEIGHTS]
        best = [weight for weight, score in zip(WEIGHTS, scores, strict=True) if score == max(scores)]
        return best[len(best) // 2]


plugin = HybridMethod()
