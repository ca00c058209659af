"""A small world with known faults: reports of all output kinds, built without any trained model."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from autogpt import registry
from autogpt.core import Decision, Example, LabelSpace
from autogpt.evaluation.build import Contender, RunFacts, build_report
from autogpt.evaluation.report import Report

LABELS = ("billing", "card", "login")


def class_world(rows: int = 240, hits: float = 0.85, seed: int = 0) -> tuple[list[Example], np.ndarray[Any, Any]]:
    """Rows of three labels, and scores that are right in about `hits` of them; `card` is often taken for `login`."""
    rng = np.random.default_rng(seed)
    gold = rng.integers(0, 3, size=rows)
    said = np.where(rng.random(rows) < hits, gold, np.where(gold == 1, 2, rng.integers(0, 3, size=rows)))
    scores = rng.normal(size=(rows, 3))
    scores[np.arange(rows), said] += 4
    examples = [Example(i, {"text": f"message {i} about {LABELS[g]}"}, LABELS[g]) for i, g in enumerate(gold)]
    return examples, scores


def contender(
    test: list[Example], scores: Any, space: LabelSpace, *, name: str, role: str, output: str = "classes",
    decision: Decision | None = None,
) -> Contender:  # fmt: skip
    kind, decision = registry.get("outputs", output), decision or Decision()
    inputs = [e.inputs for e in test]
    after, before = (kind.probabilities(scores, space, d) for d in (decision, Decision()))
    return Contender(name, role, kind.decode(scores, space, decision, inputs), after, before)


@pytest.fixture(scope="session")
def make_report() -> Callable[..., Report]:
    """`make_report(hits=0.9, goal="...")`: a multi-class report; facts by keyword."""

    def make(
        *, rows: int = 240, hits: float = 0.85, simple_hits: float = 0.6,
        test: list[Example] | None = None, space: LabelSpace | None = None, **facts: Any,
    ) -> Report:  # fmt: skip
        space, decision = space or LabelSpace(LABELS), facts.pop("decision", Decision(0.8))
        made, scores = class_world(rows, hits)
        _, weak = class_world(rows, simple_hits)
        test = test or made
        same = np.tile([3.0, 0.0, 0.0], (rows, 1))
        return build_report(
            test,
            [
                contender(test, scores, space, name="head on MiniLM", role="winner", decision=decision),
                contender(test, weak, space, name="TF-IDF", role="simple"),
                contender(test, same, space, name="majority", role="majority"),
            ],
            output="classes",
            metrics=[registry.get("metrics", n) for n in ("accuracy", "macro-f1", "mcc", "log-loss", "ece")],
            space=space,
            facts=RunFacts(**{"goal": "route messages", "task": "text-classification", "decision": decision, **facts}),
            resamples=200,
        )

    return make
