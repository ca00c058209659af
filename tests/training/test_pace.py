"""The loop ends before the clock does, annealed, validated and saved; with time to spare nothing is planned."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from autogpt.core import Batch
from autogpt.errors import ConfigError
from autogpt.testing.trainable import TinyTrainable
from autogpt.training import loop, pace
from autogpt.training.checkpoint import Progress
from autogpt.training.options import LoopOptions
from autogpt.training.pace import Pace


class Clock:
    """Time that passes only where a test says so, in place of the modules' `time`."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 0.0
        for module in (loop, pace):
            monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: self.now))


@pytest.mark.parametrize("limit", [5.0, 60.0])
@pytest.mark.parametrize("validation", [0.01, 1.0])
@pytest.mark.parametrize("noise", [0.0, 0.5])
def test_the_limit_is_kept_and_the_learning_rate_ends_near_zero(
    start: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, limit: float, validation: float, noise: float
) -> None:
    clock, tiny, rates = Clock(monkeypatch), TinyTrainable(rows=300), list[float]()
    rng = np.random.default_rng(0)

    def fault(batch: Batch, losses: torch.Tensor) -> torch.Tensor:
        clock.now += 0.03 * batch.tokens / 16 * (1 + noise * rng.random())
        return losses

    def validate() -> dict[str, float]:
        clock.now += validation
        return tiny.validate()

    class Rates:
        def log(self, values: dict[str, float], step: int | None = None) -> None:
            rates.append(values["learning_rate"])

    tiny.fault = fault
    options = LoopOptions(epochs=200, batch_rows=16, learning_rate=0.01, checkpoint_seconds=1000)
    steps = list(start(tiny, options=options, validate=validate, remaining=lambda: limit - clock.now, tracker=Rates()))
    assert clock.now <= limit
    assert steps[-1].scores is not None
    assert steps[-1].step == steps[-1].total < 3800
    if limit == 60.0:
        assert clock.now >= 0.85 * limit
        assert rates[-1] < 0.05 * max(rates)


def test_a_machine_that_slows_down_gets_a_shorter_plan_in_time(
    start: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    clock, tiny = Clock(monkeypatch), TinyTrainable(rows=300)

    def fault(batch: Batch, losses: torch.Tensor) -> torch.Tensor:
        clock.now += 0.03 * batch.tokens / 16 * (1 if clock.now < 30 else 4)
        return losses

    tiny.fault = fault
    options = LoopOptions(epochs=200, batch_rows=16, learning_rate=0.01, checkpoint_seconds=1000)
    steps = list(start(tiny, options=options, remaining=lambda: 60.0 - clock.now))
    totals = [step.total for step in steps]
    assert totals[-1] < max(totals)
    assert clock.now <= 60.0
    assert steps[-1].step == steps[-1].total
    assert steps[-1].scores is not None


def test_no_time_at_all_leaves_the_model_as_it_was(start: Callable[..., Any]) -> None:
    tiny = TinyTrainable()
    before = tiny.state()
    assert list(start(tiny, remaining=lambda: 0.0)) == []
    assert all(torch.equal(before[name], value) for name, value in tiny.state().items())


def test_with_time_to_spare_the_run_is_that_without_a_limit(start: Callable[..., Any], tmp_path: Path) -> None:
    spare, free = TinyTrainable(), TinyTrainable()
    began = time.monotonic()
    list(start(spare, folder=tmp_path / "a", remaining=lambda: 600 - (time.monotonic() - began)))
    list(start(free, folder=tmp_path / "b", remaining=lambda: math.inf))
    assert all(torch.equal(a, b) for a, b in zip(spare.module.parameters(), free.module.parameters(), strict=True))


def test_the_plan_is_the_time_left_over_the_cost_of_a_step() -> None:
    left = [100.0]
    clock = Pace(lambda: left[0], mean_tokens=100.0, max_tokens=100, weight_bytes=0)
    clock.validation = 5.0
    for _ in range(5):
        clock.start_step()
        clock.end_step(100)
    clock._steps.clear()
    clock._steps.append((100, 1.0))  # a step takes one second
    progress = Progress(total=1000, validate_every=10, micro_tokens=1, step=5)
    clock.replan(progress)
    assert progress.validate_every == 25  # validations take at most a fifth of the time
    # reserve 1.2 * 5 + 2; a step costs 1.05 s and its part of a validation; 95 % of what fits
    assert progress.total == 5 + int(0.95 * int((100 - 8) / (1.05 + 5 / 25)))
    total = progress.total
    left[0] -= 1.0
    clock.replan(progress)
    assert progress.total == total  # noise below the caution does not move the plan


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("epochs", 0, "epochs 0 must be more than 0"),
        ("batch_rows", 0, "batch_rows 0 must be 1 or more"),
        ("learning_rate", math.nan, "learning_rate nan must be a number above 0"),
        ("schedule", "polynomial", "schedule 'polynomial' is not one of linear, cosine, constant"),
        ("schedule", "linear:x", "write it as linear or linear:0.1"),
        ("patience", -1, "patience -1 must be 0 or more"),
    ],
)
def test_options_are_checked(name: str, value: object, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        LoopOptions(**{name: value})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        ("linear", [1.0, 0.75, 0.5, 0.25]),
        ("constant", [1.0, 1.0, 1.0, 1.0]),
        ("linear:0.5", [1 / 3, 2 / 3, 1.0, 0.5]),
        ("cosine", [1.0, (1 + math.cos(math.pi / 4)) / 2, 0.5, (1 - math.cos(math.pi / 4)) / 2]),
    ],
)
def test_schedules(schedule: str, expected: list[float]) -> None:
    options = LoopOptions(schedule=schedule)
    assert [options.factor(step, 4) for step in range(4)] == pytest.approx(expected)
