"""What methods share that ask a language model behind an endpoint."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from autogpt import registry
from autogpt.core import Decision, Example, Job
from autogpt.endpoint import Remote
from autogpt.errors import ResourceError

ASKED = frozenset({"classes", "path", "labels", "value", "text"})
"""Outputs whose answers can be asked for in words."""
VOTES = 3
"""Answers to a question whose agreement is counted, where the server does not tell how sure it is of one."""
CHUNK = 64
MARGIN = 1.2
"""What rows are expected to cost, over what others did."""


def opened(job: Job, remote: Remote) -> Any:
    """The scorer that asks without demonstrations (see `backbones.endpoint`)."""
    targets = [row.target for row in job.train]
    prior = job.output.prior(job.output.encode(targets, job.space), job.space) if job.output.name != "text" else ()
    return registry.get("backbones", "endpoint").open(
        remote.client,
        [(row.inputs, row.target) for row in job.train],
        output=job.output.name,
        space=job.space,
        prior=np.asarray(prior).ravel(),
        goal=remote.goal,
        seed=job.seed,
    )


def with_votes(scorer: Any, row: Example) -> Any:
    """Asking for several answers to each question, if the server gives no probabilities of one."""
    if not scorer.answers.votes:
        return scorer
    (question,) = scorer.questions([row.inputs])
    return scorer if scorer.client.ask(question).likely else scorer.with_options(votes=VOTES)


def ahead(scorer: Any, rows: int, remote: Remote) -> float:
    """The money that answers to so many rows are expected to cost, by those that a scorer gave."""
    each = scorer.usage()
    return MARGIN * remote.client.ledger.prices.cost(each["read"], each["written"]) * rows / 1_000


def judged(scores: Any, rows: Sequence[Example], job: Job) -> float:
    """The metric of a few rows."""
    inputs, gold = [row.inputs for row in rows], [row.target for row in rows]
    values = [answer.value for answer in job.output.decode(scores, job.space, Decision(), inputs)]
    return float(job.metric(gold, values, job.output.probabilities(scores, job.space, Decision()), job.space))


def validated(scorer: Any, job: Job, known: Mapping[int, Any]) -> Any:
    """Scores of all validation rows; those `known`, by place, are there already. ResourceError when time ends."""
    found = dict(known)
    rest = [place for place in range(len(job.validation)) if place not in found]
    for start in range(0, len(rest), CHUNK):
        if job.remaining() <= 0:
            raise ResourceError(f"time allowed answers to {start} of {len(rest)} validation rows; give more time")
        part = rest[start : start + CHUNK]
        found |= zip(part, scorer.score([job.validation[place].inputs for place in part]), strict=True)
    scores = [found[place] for place in range(len(job.validation))]
    return scores if job.output.name == "text" else np.stack(scores)
