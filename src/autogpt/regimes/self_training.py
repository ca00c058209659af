"""Learning from votes instead of labels: what label names, rules or a language model say of an unlabelled pool.

    vectors -> votes -> label model -> prototypes -> spread over neighbours -> trusted pseudo-labels -> student
                                           └───────────────── a round, repeated under the gate ──────────┘

Every step is compared with the votes by the gate (`_gate.py`). What it refuses is left out; a student that strays is
taught again without the spreading, and if that strays too, the rounds end. Related: "X-Class" (Wang et al. 2021), which
clusters from label names, and HAST (Schröder & Heyer 2024). Ours works on frozen vectors of one encoder, and its answer
is one linear head.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from autogpt.experts import student
from autogpt.probe import softmax
from autogpt.regimes import _clustering as pool
from autogpt.regimes._gate import Finding, judge
from autogpt.vectors import neighbours

if TYPE_CHECKING:
    from autogpt.core import Array
    from autogpt.probe import Head

ROUNDS = 1
"""More rounds lost on some sets what they won on others (EXPERIMENTS.md)."""


@dataclass(frozen=True, slots=True)
class Taught:
    """A student and what it learned from: places `rows` of the pool, `answers`, `confidence`, all [n].

    `head` is None where the gate allowed nothing; `findings` are the gate's, in order.
    """

    head: Head | None
    rows: Array
    answers: Array
    confidence: Array
    findings: tuple[Finding, ...]


def self_train(
    vectors: Array, votes: Array, *, rounds: int = ROUNDS, has_time: Callable[[], bool] = lambda: True
) -> Taught:
    """Teach a student by votes: scores [N, C] (log probabilities up to a constant per row) for vectors [N, D]."""
    near = neighbours(vectors, pool.NEIGHBOURS)
    findings: list[Finding] = []
    head, lesson, scores = None, votes, votes
    for number in range(1, rounds + 1):
        taught = None
        for table in _lessons(vectors, near, scores, votes.argmax(axis=1), number, findings):
            taught = _student(vectors, near, table)
            answers = np.asarray(taught(vectors)).argmax(axis=1)
            findings.append(judge(f"student {number}", votes.argmax(axis=1), answers, classes=votes.shape[1]))
            if findings[-1].allowed:
                head, lesson, scores = taught, table, np.asarray(taught(vectors))
                break
        if taught is None or not findings[-1].allowed or not has_time():
            break
    rows = pool.trusted(lesson, near)
    answers, sure = lesson.argmax(axis=1), softmax(lesson).max(axis=1)
    return Taught(head, rows, answers[rows], sure[rows], tuple(findings))


def _lessons(
    vectors: Array, near: Array, scores: Array, first: Array, number: int, findings: list[Finding]
) -> list[Array]:
    """Scores to teach by, the most worked-over first, as far as the gate allows; what it finds is appended."""
    classes = scores.shape[1]
    found = pool.balanced(np.asarray(pool.prototypes(vectors, pool.balanced(scores))(vectors)))
    findings.append(judge(f"prototypes {number}", first, found.argmax(axis=1), classes=classes))
    if not findings[-1].allowed:
        return []
    wide = pool.spread(vectors, near, found)
    findings.append(judge(f"spreading {number}", first, wide.argmax(axis=1), classes=classes))
    return [wide, found] if findings[-1].allowed else [found]


def _student(vectors: Array, near: Array, scores: Array) -> Head:
    """A head on the rows that can be trusted, each with its confidence as weight."""
    rows = pool.trusted(scores, near)
    sure = softmax(scores).max(axis=1)
    return student(vectors[rows], scores.argmax(axis=1)[rows], sure[rows], classes=scores.shape[1])
