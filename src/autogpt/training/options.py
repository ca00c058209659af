"""How a model is trained: the few numbers that are worth varying, and the schedules they name."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from autogpt.errors import ConfigError

SCHEDULES = ("linear", "cosine", "constant")


def _help(default: Any, text: str) -> Any:
    return field(default=default, metadata={"help": text})


@dataclass(frozen=True, slots=True)
class LoopOptions:
    """Options of the training loop."""

    epochs: float = _help(3.0, "passes over the training rows (fewer when time is short)")
    batch_rows: int = _help(32, "rows per optimizer step, however many fit in memory at once")
    learning_rate: float = _help(5e-5, "peak learning rate of AdamW")
    schedule: str = _help("linear:0.1", "linear, cosine or constant, with the share of steps that warm up")
    weight_decay: float = _help(0.01, "decoupled weight decay (never on biases and norms)")
    patience: int = _help(0, "stop after this many validations without improvement (0: never)")
    validations: int = _help(1, "validations per epoch (0: one, at the end)")
    prune: float = _help(0.0, "most of the learned rows that a step leaves out, the others weighing more (0: none)")
    checkpoint_seconds: float = _help(60.0, "seconds between checkpoints (0: after every step)")

    def __post_init__(self) -> None:
        checks = (
            ("epochs", self.epochs > 0, "more than 0"),
            ("batch_rows", self.batch_rows >= 1, "1 or more"),
            ("learning_rate", 0 < self.learning_rate < math.inf, "a number above 0"),
            ("weight_decay", 0 <= self.weight_decay < math.inf, "0 or more"),
            ("patience", self.patience >= 0, "0 or more"),
            ("validations", self.validations >= 0, "0 or more"),
            ("prune", 0 <= self.prune < 1, "0 or more, and below 1"),
            ("checkpoint_seconds", self.checkpoint_seconds >= 0, "0 or more"),
        )
        for name, allowed, rule in checks:
            if not allowed:
                raise ConfigError(f"{name} {getattr(self, name)!r} must be {rule}")
        self.shape()

    @classmethod
    def among(cls, settings: Mapping[str, Any]) -> tuple[LoopOptions, dict[str, Any]]:
        """The options among a method's settings, and the rest: what is said of this one training (`loop.train`)."""
        names = {option.name for option in fields(cls)}
        rest = {name: value for name, value in settings.items() if name not in names}
        return cls(**{name: value for name, value in settings.items() if name in names}), rest

    def shape(self) -> tuple[str, float]:
        """The schedule's name and its share of warm-up steps."""
        name, _, share = self.schedule.partition(":")
        try:
            warmup = float(share or 0)
        except ValueError:
            warmup = math.nan
        if name not in SCHEDULES or not 0 <= warmup < 1:
            raise ConfigError(
                f"schedule {self.schedule!r} is not one of {', '.join(SCHEDULES)}, optionally with the share of steps "
                "that warm up; write it as linear or linear:0.1"
            )
        return name, warmup

    def factor(self, step: int, total: int) -> float:
        """What the peak learning rate is multiplied by at `step` (from 0) of `total`; it ends just above 0."""
        name, share = self.shape()
        warmup = math.ceil(share * total)
        if step < warmup:
            return (step + 1) / (warmup + 1)
        left = (total - step) / max(1, total - warmup)
        if name == "linear":
            return left
        return (1 - math.cos(math.pi * left)) / 2 if name == "cosine" else 1.0
