"""Learning from votes instead of labels: what label names, rules or a language model say of an unlabelled pool.

    vectors -> votes -> label model -> prototypes -> spread over neighbours -> trusted pseudo-labels -> student
                                           └───────────────── a round, repeated under the gate ──────────┘

Every step is compared with the votes by the gate (`_gate.py`): what it refuses is left out, and when nothing of a round
is new, or the student strays, the rounds end. Related: "X-Class" (Wang et al. 2021), "Is Cluster Seeding All You Need?"
style seeded clustering, HAST (Schröder & Heyer 2024). Ours works on frozen vectors of one encoder, and its answer is one
linear head.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from autogpt.regimes import _clustering as pool
from autogpt.regimes._gate import Finding, judge

if TYPE_CHECKING:
    from autogpt.core import Array
    from autogpt.probe import Head

ROUNDS = 1


@dataclass(frozen=True, slots=True)
class Taught:
    """A student, the pseudo-labels that it learned from (`rows` of the pool, `answers`, `confidence`), all [n], and what
    the gate found. `head` is None when the gate allowed nothing."""

    head: Head | None
    rows: Array
    answers: Array
    confidence: Array
    findings: tuple[Finding, ...]


def self_train(
    vectors: Array, votes: Array, *, rounds: int = ROUNDS, has_time: Callable[[], bool] = lambda: True
) -> Taught:
    """Teach a student by votes: scores [N, C] (log probabilities up to a constant per row) for vectors [N, D]."""
    classes, first = votes.shape[1], votes.argmax(axis=1)
    near = pool.neighbours(vectors)
    findings: list[Finding] = []
    best: tuple[Head | None, Array] = (None, votes)
    scores = votes
    for number in range(1, rounds + 1):
        if not has_time():
            break
        scores, found = _clustered(vectors, near, scores, first, number)
        findings += found
        rows = pool.trusted(scores, near)
        sure = pool.softmax(scores).max(axis=1)
        head = pool.student(vectors[rows], scores.argmax(axis=1)[rows], sure[rows], classes=classes)
        taught = np.asarray(head(vectors))
        findings.append(judge(f"student {number}", first, taught.argmax(axis=1), classes=classes))
        if not findings[-1].allowed:
            break
        best, scores = (head, scores), taught
    head_found, used = best
    rows = pool.trusted(used, near)
    answers, sure = used.argmax(axis=1), pool.softmax(used).max(axis=1)
    return Taught(head_found, rows, answers[rows], sure[rows], tuple(findings))


def _clustered(
    vectors: Array, near: Array, scores: Array, first: Array, number: int
) -> tuple[Array, list[Finding]]:
    """Scores after prototypes, and after spreading where the gate allows that."""
    classes = scores.shape[1]
    found = pool.balanced(np.asarray(pool.prototypes(vectors, pool.balanced(scores))(vectors)))
    findings = [judge(f"prototypes {number}", first, found.argmax(axis=1), classes=classes)]
    if not findings[0].allowed:
        return scores, findings
    wide = pool.spread(vectors, near, found)
    findings.append(judge(f"spreading {number}", first, wide.argmax(axis=1), classes=classes))
    return (wide if findings[-1].allowed else found), findings
