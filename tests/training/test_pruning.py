"""Learned rows are computed less often, and the expected gradient stays what it was (InfoBatch)."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from autogpt.errors import ConfigError, Interrupted
from autogpt.testing.trainable import TinyTrainable, same
from autogpt.training.loop import LoopOptions
from autogpt.training.pruning import Pruning

ROWS = np.arange(8)
LOSSES = [0.1, 0.2, 5.0, 0.1, 4.0, 0.3, math.nan, 0.2]  # the mean is 1.4; one is not known
PRUNED = LoopOptions(epochs=3, batch_rows=16, learning_rate=0.01, prune=0.5, checkpoint_seconds=1000)


def picks(steps: int, share: float = 0.5, seed: int = 0) -> list[tuple[list[int], list[float]]]:
    pruning = Pruning(8, share=share, seed=seed, losses=LOSSES)
    return [(kept.tolist(), weights.tolist()) for kept, weights in (pruning.pick(ROWS, k, 10**6) for k in range(steps))]


def test_rows_above_the_mean_and_unknown_rows_are_always_there() -> None:
    assert all({2, 4, 6} <= set(kept) for kept, _ in picks(200))


@pytest.mark.parametrize("share", [0.3, 0.5, 0.8])
def test_the_expected_weight_of_every_row_is_one(share: float) -> None:
    total = np.zeros(8)
    for kept, weights in picks(4000, share):
        total[kept] += weights
    np.testing.assert_allclose(total / 4000, 1.0, atol=5 * math.sqrt(share / (1 - share) / 4000))


def test_a_draw_depends_on_seed_and_step_alone() -> None:
    assert picks(50) == picks(50)
    assert picks(50) != picks(50, seed=1)


def test_the_last_eighth_sees_every_row() -> None:
    pruning = Pruning(8, share=0.9, seed=0, losses=LOSSES)
    for step in range(35, 40):
        kept, weights = pruning.pick(ROWS, step, 40)
        assert kept.tolist() == ROWS.tolist()
        assert set(weights.tolist()) == {1.0}


def test_a_batch_is_never_empty() -> None:
    pruning = Pruning(3, share=0.99, seed=0, losses=[0.0, 0.1, 9.0])
    assert all(len(pruning.pick(np.array([0, 1]), step, 10**6)[0]) for step in range(300))


def test_losses_are_those_of_the_last_step() -> None:
    pruning = Pruning(3, share=0.5, seed=0)
    pruning.record(np.array([2, 0]), [torch.tensor([1.5]), torch.tensor([0.25])])
    np.testing.assert_array_equal(pruning.losses.numpy(), [0.25, np.nan, 1.5])


def test_fewer_rows_are_computed_and_it_still_learns(start: Callable[..., Any], tmp_path: Path) -> None:
    options = LoopOptions(epochs=20, batch_rows=16, learning_rate=0.02, checkpoint_seconds=1000)
    whole, pruned = TinyTrainable(dropout=0.0), TinyTrainable(dropout=0.0)
    steps = list(start(whole, options=options, folder=tmp_path / "whole"))
    fewer = list(start(pruned, options=replace(options, prune=0.5), folder=tmp_path / "pruned"))
    assert len(fewer) == len(steps), "steps and schedule stay"
    assert sum(step.rows for step in fewer) < 0.85 * sum(step.rows for step in steps)
    assert pruned.validate()["accuracy"] > whole.validate()["accuracy"] - 0.05


@pytest.mark.parametrize("stops", [[1], [6], [3, 11]])
def test_resume_equals_never_stopping(start: Callable[..., Any], tmp_path: Path, stops: list[int]) -> None:
    known = [0.1 * (row % 9) for row in range(70)]
    straight = TinyTrainable()
    list(start(straight, folder=tmp_path / "straight", options=PRUNED, losses=known))
    for stop in stops:
        done: list[int] = []
        with pytest.raises(Interrupted):
            done.extend(
                step.step
                for step in start(
                    TinyTrainable(),
                    folder=tmp_path / "resumed",
                    options=PRUNED,
                    losses=known,
                    stop=lambda: stop in done,  # noqa: B023
                )
            )
    resumed = TinyTrainable()
    list(start(resumed, folder=tmp_path / "resumed", options=PRUNED, losses=known))
    assert same(straight.state(), resumed.state())


def test_a_share_of_one_would_leave_nothing() -> None:
    with pytest.raises(ConfigError, match="prune"):
        LoopOptions(prune=1.0)
