"""What tuning by preferences and by rewards is told and tells; the trainers are TRL's (`_trl`, loaded late)."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass

from autogpt.errors import ConfigError
from autogpt.runtime import Runtime

GROUP = 8
"""Answers that are drawn to one prompt, and compared with each other."""


@dataclass(frozen=True, slots=True)
class Pursued:
    """A step that was taken: its number, of how many, and its loss."""

    step: int
    total: int
    loss: float


@dataclass(frozen=True, slots=True)
class Course:
    """How a training goes: at most `steps` of `batch_rows` prompts, until `goes_on` says no after one of them.

    `beta` is how dear it is to move away from the model as it is now; `spent()` the share of the time that is gone.
    """

    steps: int
    batch_rows: int
    learning_rate: float
    beta: float
    seed: int
    runtime: Runtime
    goes_on: Callable[[Pursued], bool]
    spent: Callable[[], float] = lambda: 0.0


def require() -> None:
    """ConfigError where TRL is not installed."""
    if importlib.util.find_spec("trl") is None:
        raise ConfigError("preferences and rewards need TRL, which is not installed; pip install 'autogpt[align]'")
