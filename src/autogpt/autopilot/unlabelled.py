"""What rows without a label can tell a run that has few with one: prompts vote on them, and self-training goes on.

What describes the labels are prompts around their names, chosen on these rows without a label (`regimes/_prompts.py`).

The result are linear heads that learned from no label of a person. The method `self-training` joins them with the
labels there are; how much each of them counts is decided on labelled rows, so names that mean nothing do no harm.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from autogpt import registry
from autogpt.autopilot.trial import Bench
from autogpt.ballot import Ballot
from autogpt.core import Inputs
from autogpt.probe import Head
from autogpt.prompting import Facts
from autogpt.regimes import _label_model, _prompts
from autogpt.regimes._rows import read_labels
from autogpt.regimes.self_training import self_train
from autogpt.vectors import typical_length

if TYPE_CHECKING:
    from autogpt.core import Array

MOST_POOL, LEAST_POOL = 8000, 200
"""Rows that vote and are clustered: neighbours take time by the square of them, and of few there is little to learn."""
READING = 0.3
"""Of the time that is left, at most, goes into reading them."""
PROMPTING = 0.15
"""Of the time that is left then, at most, goes into reading prompts."""


class Advice:
    """See `core.Job.advice`. Asked for the first time it reads the rows and learns; later it gives what it has."""

    def __init__(
        self,
        bench: Bench,
        unlabelled: Sequence[Inputs],
        *,
        goal: str,
        columns: Sequence[str],
        say: Callable[..., None],
        remaining: Callable[[], float],
    ) -> None:
        self._bench, self._unlabelled, self._say, self._remaining = bench, unlabelled, say, remaining
        self._goal, self._columns = goal, tuple(columns)
        self._found: Mapping[str, Head] | None = None

    def __call__(self) -> Mapping[str, Head]:
        if self._found is None:
            self._found = self._learned() if len(self._unlabelled) >= LEAST_POOL else {}
        return self._found

    def _learned(self) -> Mapping[str, Head]:
        drawn = np.random.default_rng([self._bench.seed, 83]).permutation(len(self._unlabelled))[:MOST_POOL]
        pool = [self._unlabelled[place] for place in drawn]
        reached, table = self._bench.features.get(pool, seconds=READING * self._remaining())
        self._say("read", f"{len(reached):,} of {len(self._unlabelled):,} rows without a label were read")
        if len(reached) < LEAST_POOL:
            return {}
        scale = typical_length(np.asarray(table))
        vectors = np.asarray(table) / scale
        texts = [str(pool[place].get("text", "")) for place in reached]
        votes = registry.get("voters", "names").vote(self._ballot(texts, vectors, scale))
        taught = self_train(vectors, _label_model.decide(votes).scores, has_time=lambda: self._remaining() > 0)
        for finding in taught.findings:
            self._say("decision", str(finding), **asdict(finding))
        heads = {"self-training": taught.head, "label names": votes[0].scorer}
        return {name: head.undivided(scale) for name, head in heads.items() if head is not None}

    def _ballot(self, texts: Sequence[str], vectors: Array, scale: float) -> Ballot:
        def read(phrases: Sequence[str]) -> Array:
            return np.asarray(self._bench.features.get([{"text": phrase} for phrase in phrases])[1]) / scale

        names = read_labels(dict.fromkeys(self._bench.space.labels))
        until = (1 - PROMPTING) * self._remaining()
        prompts = _prompts.choose(
            Facts(self._goal, self._columns, names, texts, vectors, read), has_time=lambda: self._remaining() > until
        )
        for line in prompts.said:
            self._say("decision", line)
        return Ballot(texts=texts, phrases=prompts.phrases(), vectors=vectors, read=read)


def advised(
    bench: Bench,
    unlabelled: Sequence[Inputs],
    *,
    goal: str,
    columns: Sequence[str],
    say: Callable[..., None],
    remaining: Callable[[], float],
) -> Bench:
    """The bench whose methods may ask what the rows without a label tell."""
    told: Any = Advice(bench, unlabelled, goal=goal, columns=columns, say=say, remaining=remaining)
    return replace(bench, advice=told)
