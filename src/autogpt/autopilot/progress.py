"""What is known of a run from its events: for everything that shows a run while it works."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from autogpt.events import Event

STATES = ("started", "done", "failed", "skipped", "stopped")  # of a trial
MOST_POINTS, MOST_MESSAGES = 240, 14


@dataclass(slots=True)
class Trial:
    """One line of the leaderboard; `estimate` is what it was expected to take, in seconds (0: nobody said)."""

    method: str
    score: float | None = None
    seconds: float | None = None
    state: str = "done"
    estimate: float = 0.0


@dataclass(slots=True)
class Curve:
    """A trial's training: (step, loss), and (step, validation score) where it was validated, of `total` steps."""

    total: int = 0
    losses: list[tuple[int, float]] = field(default_factory=list)
    scores: list[tuple[int, float]] = field(default_factory=list)

    def add(self, step: int, total: int, loss: Any, score: Any) -> None:
        """One step. Of very many every second point is let go."""
        self.total = max(total, step)
        for points, value in ((self.losses, loss), (self.scores, score)):
            if isinstance(value, (int, float)) and math.isfinite(value):
                points.append((step, float(value)))
            if len(points) > MOST_POINTS:
                del points[1::2]


@dataclass(slots=True)
class Progress:
    """The state of a run as its events tell it."""

    limit: float | None = None
    metric: str = ""
    higher_is_better: bool = True
    phase: str = ""
    step: Mapping[str, Any] = field(default_factory=dict)
    trials: dict[str, Trial] = field(default_factory=dict)
    planned: list[str] = field(default_factory=list)
    gone: set[str] = field(default_factory=set)
    curves: dict[str, Curve] = field(default_factory=dict)
    messages: list[tuple[str, str]] = field(default_factory=list)

    def take(self, event: Event) -> None:
        """Note what an event tells."""
        data = event.data
        if event.kind == "step":
            self.step = data
            if "trial" in data:
                score = (data.get("scores") or {}).get(self.metric)
                curve = self.curves.setdefault(str(data["trial"]), Curve())
                curve.add(int(data.get("step", 0)), int(data.get("total", 0)), data.get("loss"), score)
            return
        self.phase, self.step = event.kind, {}
        self.messages = [*self.messages[1 - MOST_MESSAGES :], (event.kind, event.message)]
        if event.kind == "plan":
            self.limit = data.get("time_limit", self.limit)
            self.planned = list(data.get("methods", self.planned))
        if "left_out" in data:
            self.gone.add(_method(str(data["left_out"])))
        for one in data.get("proposed") or ():
            self.planned.append(str(one["name"]))
        if "winner" in data:
            self.planned = []
        if event.kind == "trial" and "method" in data:
            self._trial(data)

    def _trial(self, data: Mapping[str, Any]) -> None:
        self.metric = data.get("metric", self.metric)
        self.higher_is_better = data.get("higher_is_better", self.higher_is_better)
        name = str(data.get("trial", data["method"]))
        state, estimate = (
            str(data.get("state", "done")),
            0.0 if " (llm " in name else float(data.get("estimate") or 0.0),
        )
        self.trials[name] = Trial(str(data["method"]), data.get("score"), data.get("seconds"), state, estimate)
        self.gone |= {name, _method(name)} if " (llm " not in name else {name}

    @property
    def ranking(self) -> list[Trial]:
        """Finished trials, best first, then the others in their order."""
        done = [trial for trial in self.trials.values() if trial.score is not None]
        done.sort(key=lambda trial: trial.score or 0.0, reverse=self.higher_is_better)
        return done + [trial for trial in self.trials.values() if trial.score is None]

    @property
    def upcoming(self) -> list[str]:
        """What may be tried next, in the ladder's order: some of it will be left out, for a reason that is told."""
        return [name for name in self.planned if name not in self.gone]


def _method(name: str) -> str:
    """`full(layers=2) is left out: ...` -> `full`."""
    words = name.replace("(", " ").replace(":", " ").split()
    return words[0] if words else ""
