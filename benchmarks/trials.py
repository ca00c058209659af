"""What benchmarks of single methods share: a data set as examples, one trial, its answers, scores and differences."""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autogpt import registry
from autogpt.autopilot.trial import Bench, Candidate, run_trial
from autogpt.core import Decision, Example, Row, Schema, Task
from autogpt.evaluation.interval import Answers, paired_difference
from autogpt.evaluation.score import evaluate
from autogpt.events import Event, Listener
from autogpt.runtime import detect
from autogpt.training.features import FeatureCache

SECONDS = 36_000.0


@dataclass(frozen=True)
class Parts:
    """A data set of one task: rows to learn from, to choose by, and to be judged on."""

    task: Task
    train: Sequence[Example]
    validation: Sequence[Example]
    test: Sequence[Example]

    @classmethod
    def of(cls, schema: Schema, train: Sequence[Row], validation: Sequence[Row], test: Sequence[Row]) -> Parts:
        """Rows seen through a schema."""
        task: Task = registry.get("tasks", schema.task)
        parts = [
            [Example(place, task.inputs(row, schema), task.target(row, schema)) for place, row in enumerate(rows)]
            for rows in (train, validation, test)
        ]
        return cls(task, parts[0], parts[1], parts[2])

    @property
    def output(self) -> Any:
        return registry.get("outputs", self.task.output)

    @property
    def space(self) -> Any:
        return self.output.space([row.target for row in self.train])

    @property
    def metrics(self) -> tuple[Any, ...]:
        """The task's main metrics, the first of which chooses."""
        return tuple(registry.get("metrics", name) for name in self.task.metrics[:2])


def told(step: Mapping[str, Any]) -> None:
    """A validation pass, for whoever waits."""
    print(f"  step {step['step']}/{step['total']}: {step['scores']}", file=sys.stderr, flush=True)


def validations(event: Event) -> None:
    """Tells the validation passes of a training."""
    if event.kind == "step" and event.data["scores"]:
        told(event.data)


def bench(
    parts: Parts,
    *,
    backbone: str | None,
    seed: int,
    space: Any = None,
    metrics: Sequence[Any] | None = None,
    listen: Listener = validations,
) -> Bench:
    """The trials' bench with a backbone (a folder; None: the embedded encoder).

    `space`: where more labels can be answered than the rows to learn from have; `metrics`: others than the main two.
    """
    output, space = parts.output, space or parts.space

    def opened() -> Any:
        names = space.labels if output.token_level else ()
        shape = {"output": output.name, "size": output.size(space), "labels": names, "like": parts.train[0].inputs}
        return registry.get("backbones", "encoder").open(backbone, runtime=detect(), offline=True, **shape)

    return Bench(
        train=parts.train,
        validation=parts.validation,
        output=output,
        space=space,
        metrics=tuple(metrics or parts.metrics),
        open=opened,
        features=FeatureCache(opened),
        runtime=detect,
        seed=seed,
        listen=listen,
        stop=lambda: False,
    )


def run(
    parts: Parts, method: str, options: Mapping[str, Any], *, backbone: str | None = None, seed: int = 0
) -> tuple[Answers, dict[str, Any]]:
    """One method fitted, and its answers to the test rows with scores, 95 % intervals and seconds."""
    began = time.monotonic()
    told_rows = bench(parts, backbone=backbone, seed=seed)
    with tempfile.TemporaryDirectory() as folder:
        candidate = Candidate(method, dict(options))
        result, scorer = run_trial(told_rows, candidate, folder=Path(folder), remaining=lambda: SECONDS)
    seconds = time.monotonic() - began
    inputs = [row.inputs for row in parts.test]
    scores = scorer.score(inputs)
    found = parts.output.decode(scores, parts.space, Decision(), inputs)
    table = parts.output.probabilities(scores, parts.space, Decision())
    gold = [row.target for row in parts.test]
    card = evaluate(gold, found, table, metrics=parts.metrics, space=parts.space, seed=0)
    document: dict[str, Any] = {
        score.metric: [round(score.value, 4), round(score.low, 4), round(score.high, 4)] for score in card.scores
    }
    document["validation"] = round(result.scores[parts.metrics[0].name], 4)
    return Answers([one.value for one in found], table), {**document, "seconds": round(seconds, 1)}


def lead(parts: Parts, first: Answers, second: Answers) -> list[float]:
    """By how much the first is better in the main metric on the same test rows, with its interval."""
    gold = [row.target for row in parts.test]
    found = paired_difference(parts.metrics[0], gold, first, second, space=parts.space)
    return [round(found.delta, 4), round(found.low, 4), round(found.high, 4)]
