"""The model that is tuned, as preferences and rewards see it: what it would write, how likely, and states it was in."""

from __future__ import annotations

import copy
import math
import shutil
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from autogpt import registry
from autogpt.autopilot.session import Session
from autogpt.config import Alignment
from autogpt.core import Example
from autogpt.errors import Interrupted
from autogpt.events import Event
from autogpt.regimes._aims import Aim
from autogpt.training.align import Course, Pursued
from autogpt.written import text_of

if TYPE_CHECKING:
    from autogpt.backbones._writing import Pair
    from autogpt.backbones.writer import Writer
    from autogpt.core import Array, Trainable

RATES = {"prefer": 1e-2, "mark": 3e-3, "pursue": 2e-2}
"""Peak learning rates at width 1; wider models get less. At three times its rate KTO drove chosen answers away in half
of the trials on a toy, and in none of nine at this one."""
TEACHING_RATE, TEACHING_EPOCHS = 1e-3, 60.0
SAVING_SECONDS, MEASURING, ANSWERED_AT_ONCE = 3.0, 0.1, 64
"""What is kept of the time for saving, and the share of it for the sealed rows; those are answered so many at once."""
LOOKING = 9.0
"""Training takes so many times as long as looking at it, at least."""
PATIENCE = 30
"""Looks without a better state, after which it ends."""


@dataclass(slots=True)
class Policy:
    """A writer in training. `start` is the net before preferences or rewards, `kept` the best state so far, `measuring`
    the seconds that the sealed prompts are expected to take again."""

    session: Session
    options: Alignment
    writer: Writer
    tokens: int = 0
    measuring: float = 0.0
    start: Any = None
    kept: dict[str, Any] = field(default_factory=dict)

    def begin(self) -> None:
        """What follows is measured against the model as it is now."""
        self.start = copy.deepcopy(self.writer.net)
        self.keep()

    def keep(self) -> None:
        """The model as it is now is the best so far."""
        self.kept = {name: value.detach().cpu().clone() for name, value in self.writer.net.model.state_dict().items()}

    def restore(self) -> None:
        """Back to the best state."""
        self.writer.net.model.load_state_dict(self.kept)
        self.writer.net.eval()

    def back(self) -> None:
        """Back to the model as it began."""
        self.writer.net.model.load_state_dict(self.start.model.state_dict())
        self.writer.net.eval()

    def answers(self, aims: Sequence[Aim]) -> list[str]:
        """The likeliest answers, as they are served."""
        return [text_of(table) for table in self.writer.score(_asked(aims))]

    def answered(self, aims: Sequence[Aim]) -> list[str]:
        """The likeliest answers to the first of these, as many as a share of the time allows (at least some)."""
        began, limit, found = time.monotonic(), self.session.budget.limit, list[str]()
        for at in range(0, len(aims), ANSWERED_AT_ONCE):
            if found and time.monotonic() - began > 0.5 * MEASURING * limit:
                break
            found += self.answers(aims[at : at + ANSWERED_AT_ONCE])
        self.measuring = 1.5 * (time.monotonic() - began)
        return found

    def frame(self, prompts: Sequence[str]) -> list[list[int]]:
        """Prompts as ids, as they are served."""
        return [piece.ids.tolist() for piece in self.writer.pieces([{"source": prompt} for prompt in prompts])]

    def pairs(self, aims: Sequence[Aim], answers: Sequence[str]) -> list[Pair]:
        """Ids of prompts and given answers."""
        return self.writer.pairs(_asked(aims), answers)

    def moved(self, pairs: Sequence[Pair]) -> Array:
        """Nats by which answers are likelier than they were at the beginning [N]."""
        found: Array = self.writer.likely(pairs) - self.writer.likely(pairs, net=self.start)
        return found

    def drawn(self, aims: Sequence[Aim], *, seed: int) -> list[tuple[str, Pair]]:
        """An answer to each, drawn at random."""
        return self.writer.drawn(_asked(aims), seed=seed)

    def away(self, drawn: Sequence[tuple[str, Pair]]) -> float:
        """KL divergence from the beginning in nats per answer, by answers that were drawn from the model as it is."""
        return float(np.mean(self.moved([pair for _, pair in drawn])))

    def teach(self, aims: Sequence[Aim], choose: Sequence[Aim], *, seconds: float) -> int:
        """Learn the rows' own answers, for so long; how many there were."""
        from autogpt.training.loop import train
        from autogpt.training.options import LoopOptions

        shown, others = [aim for aim in aims if aim.chosen], [aim for aim in choose if aim.chosen]
        session, output = self.session, registry.get("outputs", "text")
        targets = [str(aim.chosen) for aim in shown]
        examples = [
            Example(at, {"source": aim.prompt}, text) for at, (aim, text) in enumerate(zip(shown, targets, strict=True))
        ]
        learning = self.writer.training(examples, output=output, space=output.space(targets))
        told = self.pairs(others, [str(aim.chosen) for aim in others])
        until = session.budget.spent() + seconds
        steps = train(
            cast("Trainable", learning),
            options=LoopOptions(
                epochs=TEACHING_EPOCHS, batch_rows=32, schedule="cosine:0.05", patience=6,
                learning_rate=self._rate(TEACHING_RATE * 128), weight_decay=0.01,
            ),
            folder=session.place / "loop",
            seed=session.config.seed,
            remaining=lambda: until - session.budget.spent(),
            validate=(lambda: {"likely": float(np.mean(self.writer.likely(told)))}) if told else None,
            metric=_Likely(),
            runtime=session.runtime(),
            stop=lambda: session.stop(),
        )  # fmt: skip
        with suppress(Interrupted):  # what was learned so far is measured and saved
            for step in steps:
                scores = dict(step.scores or {})
                data = {"trial": "sft", "step": step.step, "total": step.total, "loss": step.loss, "note": step.note}
                session.listen(Event("step", "sft", {**data, "scores": scores, "best": step.is_best}))
        shutil.rmtree(session.place / "loop", ignore_errors=True)
        return len(shown)

    def course(self, kind: str, *, steps: int, batch_rows: int, beta: float, watch: Watch) -> Course:
        """How a training by TRL goes."""
        begun, left = self.session.budget.spent(), max(1.0, self.left())
        return Course(
            steps=steps,
            batch_rows=batch_rows,
            learning_rate=self.options.learning_rate or self._rate(RATES[kind]),
            beta=self.options.beta if self.options.beta is not None else beta,
            seed=self.session.config.seed,
            runtime=self.session.runtime(),
            goes_on=watch.goes_on,
            spent=lambda: (self.session.budget.spent() - begun) / left if math.isfinite(left) else 0.0,
        )

    def left(self) -> float:
        """Seconds left to train in."""
        limit = self.session.budget.limit
        return self.session.budget.remaining() - SAVING_SECONDS - max(self.measuring, MEASURING * min(limit, 600.0))

    def _rate(self, rate: float) -> float:
        return rate / max(32, int(getattr(self.writer.net.model.config, "hidden_size", 0) or 256))


class _Likely:
    """What picks the best weights of learning answers."""

    name, higher_is_better = "likely", True


@dataclass(slots=True)
class Watch:
    """When a training by TRL is looked at, and when it ends. `look(step)` returns whether the state is the best so far,
    and a sign of trouble, if there is one; a state with one is never kept. `full()`: nothing can be better."""

    policy: Policy
    name: str
    look: Callable[[int], tuple[bool, str | None]]
    full: Callable[[], bool] = lambda: False
    sign: str | None = None
    ended: str = "all steps were taken"
    steps: int = 0
    _last: float = 0.0
    _looking: float = 0.0
    _stale: int = 0
    _step_ended: float = 0.0
    _longest: float = 0.0
    _looked: int = 0

    def begin(self, seconds: float) -> None:
        """The first look took so long."""
        self._last = self._step_ended = time.monotonic()
        self._looking = seconds

    def may_begin(self) -> bool:
        """Whether there is time for a first step."""
        if self.policy.session.stop():
            self.ended = "it was stopped"
        elif self.policy.left() <= 0:
            self.ended = "the time was over"
        else:
            return True
        return False

    def goes_on(self, pursued: Pursued) -> bool:
        """Told after every step; whether there is to be another."""
        now, session = time.monotonic(), self.policy.session
        self.steps = pursued.step
        self._longest = max(self._longest, now - self._step_ended)
        data = {"trial": self.name, "step": pursued.step, "total": pursued.total, "loss": pursued.loss, "note": ""}
        session.listen(Event("step", self.name, data))
        going = True
        if session.stop():
            going, self.ended = False, "it was stopped"
        elif self.policy.left() < 1.5 * self._longest + self._looking:
            going, self.ended = False, "the time was over"
        elif now - self._last >= LOOKING * self._looking:
            going = self._looks(pursued.step)
        self._step_ended = time.monotonic()
        return going

    def finish(self) -> None:
        """Look at the last state, if nobody did."""
        if self._looked != self.steps and self.sign is None and not self.policy.session.stop():
            self._looks(self.steps)

    def _looks(self, step: int) -> bool:
        began = time.monotonic()
        self._looked = step
        best, self.sign = self.look(step)
        self._looking, self._last = time.monotonic() - began, time.monotonic()
        if self.sign is not None:
            self.ended = "a sign of trouble was seen"
            self.policy.session.say("warning", f"step {step}: {self.sign}; back to the best state before it")
            return False
        if best:
            self.policy.keep()
        if self.full():
            self.ended = "all prompts that choose earn all there is"
            return False
        self._stale = 0 if best else self._stale + 1
        if self._stale >= PATIENCE:
            self.ended = "nothing better was found for long"
            return False
        return True


def _asked(aims: Sequence[Aim]) -> list[dict[str, str]]:
    return [{"source": aim.prompt} for aim in aims]
