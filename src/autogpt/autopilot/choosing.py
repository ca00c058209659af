"""Which training rows a run learns from: the world of `selection`, put together from what the run has read anyway.

Trusted rows are the validation rows: drawn (or given by the user) as the rows that the model will be used on. Rows are
chosen only where labels lost much of what trusted rows say they could tell, and only if rows that had no part in the
choice gain by it; whatever comes of that is told, and later trials learn from the chosen rows.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from autogpt import files, registry
from autogpt.autopilot.trial import Bench
from autogpt.config import RunConfig
from autogpt.core import ONE_LABEL, Example, Table
from autogpt.data.planted import Planted, planted
from autogpt.data.words import inputs_text
from autogpt.pipeline import Ask
from autogpt.selection._environment import Environment
from autogpt.selection._features import by_trusted
from autogpt.selection._guard import DOUBTFUL, LEAST_TRUSTED, Verdict, guarded
from autogpt.selection._pool import Pool, Round

if TYPE_CHECKING:
    from autogpt.core import Array

POLICY = "reinforce"
SHARE = 0.1
"""Of the time limit, at most, goes into choosing."""
READ = 0.8
"""Of the training rows must have been read: a choice among fewer is no choice."""
LEAST_WEIGHT = 0.1
"""Of the usual weight: a row that weighs less is left out, which saves its time."""
SECONDS = 2.0, 2e-3
"""What choosing is expected to take: to begin with, and per row of the pool (10,000 rows took 21 s on one core)."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """What a policy proposes for training rows, and the verdict on it.

    `places` [N] are those of the pool's rows among the training rows, `features` [N, F] is what is known of them.
    """

    verdict: Verdict
    places: Sequence[int]
    features: Array
    names: Sequence[str]

    def weights(self, rows: int) -> list[float]:
        """A weight per training row, 1 on average; rows that were not read keep 1, rows that weigh little get 0."""
        found = np.ones(rows)
        weight = self.verdict.proposal.weight
        own = weight / max(float(weight.mean()), 1e-9)
        found[list(self.places)] = np.where(own < LEAST_WEIGHT, 0.0, own)
        return [round(float(one), 4) for one in found]

    def why(self, number: int) -> str:
        """The feature that speaks most against (or for) row `number` of the pool, with what it weighs."""
        weighing = np.array([self.verdict.proposal.weighing.get(name, 0.0) for name in self.names])
        parts = weighing * self.features[number]
        strongest = int(np.abs(parts).argmax())
        return f"{self.names[strongest]} {parts[strongest]:+.1f}"


def world_of(bench: Bench) -> tuple[Environment, list[int]] | None:
    """The run's rows as a world to choose in, with their places; None where rows have no one label or were not read."""
    if bench.output.name not in ONE_LABEL or len(bench.validation) < LEAST_TRUSTED:
        return None
    places, vectors = bench.features.get([row.inputs for row in bench.train], seconds=0.0)
    held, trusted = bench.features.get([row.inputs for row in bench.validation], seconds=0.0)
    if len(places) < READ * len(bench.train) or len(held) < len(bench.validation):
        return None
    labels = np.asarray(bench.output.encode([bench.train[place].target for place in places], bench.space))
    gold = np.asarray(bench.output.encode([row.target for row in bench.validation], bench.space))
    known = gold >= 0  # a label that only validation has cannot be learned
    pool = Pool(np.asarray(vectors), labels, np.asarray(trusted)[known], gold[known], len(bench.space.labels))
    return Environment(pool, seed=bench.seed), places


def chosen(
    world: Environment, places: Sequence[int], policy: str, *, tell: Callable[[Round], None] = lambda one: None
) -> Chosen:
    """What a policy chooses of a world's rows, and whether that wins."""
    plugin = registry.get("selection", policy)
    verdict = guarded(world, plugin, plugin.options(), tell=tell)
    return Chosen(verdict, places, world.whole, world.names)


def prepared(config: RunConfig, *, ask: Ask | None) -> tuple[Bench, Table]:
    """The rows of a configuration, split and read as a run would, and their table."""
    from autogpt.autopilot.session import Session
    from autogpt.events import silent

    session = Session(config, folder=None, listen=silent, ask=ask)
    table = session.read(None, None)
    bench = session.bench(session.prepare(table))
    bench.features.get([row.inputs for row in (*bench.train, *bench.validation)])
    return bench, table


def write(path: str, table: Table, train: Sequence[Example], weights: Sequence[float], *, like: str) -> None:
    """The training rows as they are in the table, with a column `weight`."""
    from autogpt.data.write import writer

    known = like if Path(like).is_file() else None
    with writer(path, known) as put:
        for example, weight in zip(train, weights, strict=True):
            for row in (example.id, *example.more):
                put({**table.rows[row], "weight": round(float(weight), 4)})


def suspicious_phrases(world: Environment, places: Sequence[int], train: Sequence[Example]) -> list[Planted]:
    """Phrases whose rows have one label against what a model of the trusted rows alone says of them."""
    pool, rows = world.pool, [train[place] for place in places]
    answers = by_trusted(pool, np.ones(len(pool.trusted), dtype=bool), pool.vectors).argmax(1)
    texts, labels = [inputs_text(row.inputs) for row in rows], [str(row.target) for row in rows]
    return planted(texts, labels, list(answers != pool.labels))


class _TooLateError(Exception):
    """Choosing took longer than it may."""


class Rows:
    """The rows that a run's trials learn from. `folder` keeps the choice, so that a resumed run has the same."""

    def __init__(self, folder: Path | None, say: Callable[..., None]) -> None:
        self._path = folder / "selection.json" if folder is not None else None
        self._say = say
        self.policy = ""
        self._weights: list[float] = []
        self.verdict: dict[str, Any] = {}
        if self._path is not None and self._path.is_file():
            kept = json.loads(self._path.read_text("utf-8"))
            self.policy, self._weights, self.verdict = kept["policy"], kept["weights"], kept["verdict"]

    def bench(self, bench: Bench, policy: str) -> Bench:
        """The bench of a trial that learns from the rows a policy chose (empty: from all)."""
        return replace(bench, train=weighted(bench.train, self._weights)) if policy else bench

    def consider(self, bench: Bench, *, seconds: float) -> None:
        """Decide whether later trials learn from chosen rows, and say why. Decided once a run."""
        found = world_of(bench) if not self.verdict else None
        if found is None or self._path is None:
            return
        world, places = found
        phrases = suspicious_phrases(world, places, bench.train)
        for one in phrases:
            self._say("warning", str(one))
        noise = world.noise
        needed = SECONDS[0] + SECONDS[1] * len(world.pool) * (1 + world.pool.classes / 20)
        lost = f"by validation rows, training labels lost {max(noise, 0.0):.0%} of what they could tell"
        self.verdict = {"accepted": False, "noise": None if np.isnan(noise) else round(noise, 4)}
        if np.isnan(noise):
            self._say("decision", "all rows are learned from: validation rows are too hard to judge labels by")
        elif noise < DOUBTFUL:
            self._say("decision", f"all rows are learned from: {lost}; rows are chosen from {DOUBTFUL:.0%} on")
        elif needed > seconds:
            self._say("decision", f"rows are not chosen: about {needed:.0f} s are needed, {seconds:.0f} s may be spent")
        else:
            self._decide(bench, world, places, lost, seconds=seconds)
        self.verdict["planted"] = [str(one) for one in phrases]
        files.write_json(self._path, {"policy": self.policy, "verdict": self.verdict, "weights": self._weights})

    def _decide(self, bench: Bench, world: Environment, places: Sequence[int], lost: str, *, seconds: float) -> None:
        started = time.monotonic()

        def in_time(one: Round) -> None:
            if time.monotonic() > started + seconds:
                raise _TooLateError

        try:
            found = chosen(world, places, POLICY, tell=in_time)
        except _TooLateError:
            self._say("decision", f"all rows are learned from: choosing was not done in {seconds:.0f} s; {lost}")
            return
        verdict = found.verdict
        self.verdict = {**verdict.told(), "seconds": round(time.monotonic() - started, 1)}
        gain = f"{verdict.gain:+.3f} [{verdict.low:+.3f}, {verdict.high:+.3f}] log probability"
        gain += f", {100 * verdict.accuracy:+.1f} points of accuracy of a quick model"
        if not verdict.accepted:
            told = f"all rows are learned from: {lost}, but choosing brings {gain}"
        else:
            weights = found.weights(len(bench.train))
            self.policy, self._weights = POLICY, weights
            left_out = f"{weights.count(0.0):,} of {len(weights):,} rows are left out"
            told = f"rows are chosen: {lost}; {left_out}; on rows that had no part in it that brings {gain}"
        self._say("decision", told, **self.verdict)


def weighted(rows: Sequence[Example], weights: Sequence[float]) -> list[Example]:
    """The examples with these weights on top of their own; those with none are left out."""
    return [replace(row, weight=row.weight * w) for row, w in zip(rows, weights, strict=True) if w > 0]
