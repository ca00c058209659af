"""Who answers: a person at a terminal, a file of known labels, a test. And the loop that puts the questions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from autogpt.labelling.pool import identity
from autogpt.labelling.records import LABEL, SKIP
from autogpt.labelling.session import Question, Session

UNDO, QUIT = "undo", "quit"


@dataclass(frozen=True, slots=True)
class Reply:
    """What was said to a question. `kind`: label (with the name), skip, bad, undo, quit."""

    kind: str
    label: str | None = None


class Oracle(Protocol):
    """Whoever knows the labels. It reveals one only when it is asked for it."""

    who: str

    def reply(self, question: Question, session: Session) -> Reply:
        """The answer to a question; `session.progress()` and `session.labels` may be shown beside it."""


class Known:
    """Answers from labels that are known by text; skips what it does not know. `requests` counts what it was asked."""

    def __init__(self, labels: Mapping[str, str], who: str = "known") -> None:
        self.who, self.requests = who, 0
        self._labels = {identity(text): label for text, label in labels.items()}

    def reply(self, question: Question, session: Session) -> Reply:
        self.requests += 1
        label = self._labels.get(question.id)
        return Reply(LABEL, label) if label is not None else Reply(SKIP)


def drive(session: Session, oracle: Oracle, *, most: int | None = None) -> int:
    """Put questions until there are none, `most` were answered, or the oracle quits; how many it answered."""
    answered = 0
    while (most is None or answered < most) and (question := session.question()) is not None:
        reply = oracle.reply(question, session)
        if reply.kind == QUIT:
            break
        if reply.kind == UNDO:
            answered -= session.undo(who=oracle.who) is not None
            continue
        session.answer(question, reply.kind, reply.label, who=oracle.who)
        answered += 1
    return answered
