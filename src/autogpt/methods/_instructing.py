"""Instructions that the model behind an endpoint writes for itself, within a share of the money and of the time.

Half of some training rows is what a generator of `prompts/` looks at; the other half judges what it wrote. The task's
own sentence is replaced only by what is better on rows that nobody wrote it from.
"""

from __future__ import annotations

import math
import time
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from autogpt import registry
from autogpt.core import Decision, Example, Job, Step
from autogpt.endpoint import Question, Remote
from autogpt.errors import EndpointError, ResourceError
from autogpt.methods import _gaps
from autogpt.prompting import Facts, Judged, Prompt

MONEY_SHARE, TIME_SHARE, MOST_QUESTIONS = 0.2, 0.25, 600
"""Of what is left, writing takes at most; and so many questions, whatever they cost."""
ROWS, LEAST_ROWS = 48, 8
WRITTEN_TOKENS = 700


@dataclass(frozen=True, slots=True)
class Instructed:
    """An instruction, and the mean score of the rows that judged it."""

    prompt: Prompt
    score: float
    rows: int

    @property
    def text(self) -> str:
        """What is said."""
        return self.prompt.template.replace("{{", "{").replace("}}", "}")

    def told(self) -> str:
        """One line."""
        return f"instruction {self.text!r} of {self.prompt.origin}: {self.score:.3f} on {self.rows} training rows"

    def plain(self) -> dict[str, Any]:
        """Plain values."""
        return self.prompt.to_dict() | {"score": round(self.score, 5), "rows": self.rows}


@dataclass(eq=False)
class Writing:
    """Asks within its bounds; `tried` has every instruction that was judged, the best first, once `run` has ended.

    `alone`: nothing is asked afterwards, so that all that is left may be taken.
    """

    job: Job
    remote: Remote
    scorer: Any
    alone: bool = False
    tried: list[Instructed] = field(default_factory=list)
    asked: int = 0

    def __post_init__(self) -> None:
        ledger = self.remote.client.ledger
        money, seconds = (1.0, 0.95) if self.alone else (MONEY_SHARE, TIME_SHARE)
        self.most_money = ledger.money + money * ledger.left
        self.until = (1.0 - seconds) * self.job.remaining()
        places = _gaps.dealt(self.job.train, self.job.seed)[:ROWS]
        turns: dict[str, int] = {}
        self.lessons, self.judges = list[Example](), list[Example]()
        for place in places:
            row = self.job.train[place]
            turn = turns[str(row.target)] = turns.get(str(row.target), 0) + 1
            # Each label's rows in turns; of texts, which all differ, every other one.
            (self.lessons if (turn + len(turns)) % 2 else self.judges).append(row)

    def run(self, generators: Sequence[str]) -> Generator[Step, None, None]:
        """Judge what the generators write, the task's own sentence first; a Step for each with its score as a note."""
        if min(len(self.lessons), len(self.judges)) < LEAST_ROWS // 2:
            return
        began, known = time.monotonic(), set[str]()
        try:
            for name in generators:
                for prompt in registry.get("prompts", name).write(self.facts()):
                    if prompt.template in known:
                        continue
                    known.add(prompt.template)
                    found = self._judged(prompt)
                    self.tried.append(found)
                    yield Step(len(self.tried), len(self.tried) + 1, 1.0 - found.score, found.rows, 0,
                               time.monotonic() - began, {"score": found.score}, note=found.told())  # fmt: skip
        except (ResourceError, EndpointError) as problem:  # what was judged until then counts
            self.job.notes.append(f"writing instructions ended: {problem}")
        finally:
            self.tried.sort(key=lambda one: -one.score)  # stable: of equal ones the first written, the plainest

    def facts(self) -> Facts:
        """What generators know."""
        rows = [(_shown(row), str(row.target)) for row in self.lessons]
        texts = [" ".join(values.values()) for values, _ in rows]
        labels = self.job.space.labels
        return Facts(
            self.remote.goal or self.job.goal, (), _gaps.names_of(labels), texts,
            np.zeros((len(texts), 0)), lambda asked: np.zeros((len(asked), 0)), rows=rows, think=self.think,
            judge=lambda prompt, places: self._answers(prompt, [self.lessons[place] for place in places]),
        )  # fmt: skip

    def think(self, system: str, user: str) -> str:
        """See `Facts.think`."""
        messages = ({"role": "system", "content": system}, {"role": "user", "content": user})
        question = Question(messages, WRITTEN_TOKENS)
        self._may([question])
        reply = self.remote.client.ask(question)
        return reply.texts[0] if reply.texts else ""

    def _judged(self, prompt: Prompt) -> Instructed:
        answers = self._answers(prompt, self.judges)
        return Instructed(prompt, float(np.mean([one.score for one in answers])), len(answers))

    def _answers(self, prompt: Prompt, rows: Sequence[Example]) -> list[Judged]:
        """How an instruction answers rows, by the run's metric of each row alone."""
        job, scorer = self.job, self.scorer.instructed(prompt.template.replace("{{", "{").replace("}}", "}"))
        inputs = [row.inputs for row in rows]
        self._may(scorer.questions(inputs))
        scores = scorer.score(inputs)
        answers = job.output.decode(scores, job.space, Decision(), inputs)
        table = job.output.probabilities(scores, job.space, Decision())
        found = []
        for place, (row, answer) in enumerate(zip(rows, answers, strict=True)):
            one = [table[place]] if isinstance(table, list) else np.asarray(table)[place : place + 1]
            value = float(job.metric([row.target], [answer.value], one, job.space))
            good = value if job.metric.higher_is_better else math.exp(-value)
            found.append(Judged(str(answer.value), min(1.0, max(0.0, good)) if math.isfinite(good) else 0.0))
        return found

    def _may(self, questions: Sequence[Question]) -> None:
        """ResourceError where what is asked next could pass a bound."""
        ledger = self.remote.client.ledger
        most = sum(ledger.prices.cost(one.most_read, one.most_written) for one in questions)
        self.asked += len(questions)
        if ledger.money + most > self.most_money or self.asked > MOST_QUESTIONS or self.job.remaining() < self.until:
            raise ResourceError("the share of money, questions or time for writing instructions is used up")


def _shown(row: Example) -> dict[str, str]:
    """What an instruction's writer sees of a row."""
    return {key: str(value) for key, value in _plain(row.inputs).items()}


def _plain(inputs: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in inputs.items() if key not in ("marks", "offsets")}
