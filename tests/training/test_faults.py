"""Numbers that are not finite never reach weights or disk; a lack of memory changes nothing (RELIABILITY T5, T6)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from autogpt import memory
from autogpt.core import Batch
from autogpt.errors import AutoGPTError, ResourceError
from autogpt.testing.trainable import TinyTrainable, same
from autogpt.training.gradients import PROBES
from autogpt.training.loop import LoopOptions

OPTIONS = LoopOptions(epochs=3, batch_rows=16, learning_rate=0.01, checkpoint_seconds=0)


def spoil(tiny: TinyTrainable, row: int, value: float, times: int) -> list[int]:
    """The loss of one row becomes `value` the first `times` times that it is seen; the list counts them."""
    seen = [0]

    def fault(batch: Batch, losses: torch.Tensor) -> torch.Tensor:
        hit = batch.index == row
        if bool(hit.any()) and seen[0] < times:
            seen[0] += 1
            return torch.where(hit, losses * value, losses)
        return losses

    tiny.fault = fault
    return seen


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_bad_loss_is_caught_in_its_step_and_undone(start: Callable[..., Any], tmp_path: Path, value: float) -> None:
    tiny = TinyTrainable()
    spoil(tiny, row=30, value=value, times=1)
    steps = []
    for step in start(tiny, options=OPTIONS):
        steps.append(step)
        for file in (tmp_path / "trial").rglob("*.safetensors"):
            assert all(bool(torch.isfinite(t).all()) for t in load_file(file).values())
    notes = [step.note for step in steps if step.note]
    assert len(notes) == 1
    assert "(rows 30)" in notes[0]
    assert "back to step 0, learning rate halved (1 of 3)" in notes[0]
    assert steps[-1].step == 15
    assert all(bool(torch.isfinite(p).all()) for p in tiny.module.parameters())


def test_after_a_roll_back_training_is_that_of_half_the_learning_rate(
    start: Callable[..., Any], tmp_path: Path
) -> None:
    rolled, clean = TinyTrainable(), TinyTrainable()
    spoil(rolled, row=30, value=float("nan"), times=1)
    list(start(rolled, folder=tmp_path / "a", options=OPTIONS))
    half = LoopOptions(epochs=3, batch_rows=16, learning_rate=0.005, checkpoint_seconds=0)
    list(start(clean, folder=tmp_path / "b", options=half))
    assert same(rolled.state(), clean.state())


def test_a_gradient_that_overflows_is_caught_though_the_loss_is_finite(start: Callable[..., Any]) -> None:
    tiny = TinyTrainable()
    calls = [0]

    def overflow(gradient: torch.Tensor) -> torch.Tensor:
        calls[0] += 1
        return gradient * (float("inf") if calls[0] == 4 else 1.0)

    tiny.module.head.weight.register_hook(overflow)
    steps = list(start(tiny, options=OPTIONS))
    assert sum("gradient that is not finite" in step.note for step in steps) == 1
    assert all(bool(torch.isfinite(p).all()) for p in tiny.module.parameters())


def test_it_gives_up_after_three_roll_backs_and_names_step_and_rows(start: Callable[..., Any], tmp_path: Path) -> None:
    tiny = TinyTrainable()
    seen = spoil(tiny, row=30, value=float("nan"), times=99)
    before = tiny.state()
    with pytest.raises(AutoGPTError, match=r"loss nan \(rows 30\) at step \d+, after 3 roll-backs; look at these rows"):
        list(start(tiny, options=OPTIONS))
    assert seen == [4]
    assert all(torch.isfinite(t).all() for t in tiny.state().values())
    assert before.keys() == tiny.state().keys()


def test_an_absurd_learning_rate_ends_in_an_error_and_finite_weights(start: Callable[..., Any], tmp_path: Path) -> None:
    tiny = TinyTrainable()
    options = LoopOptions(epochs=3, batch_rows=16, learning_rate=1e38, checkpoint_seconds=0)
    with pytest.raises(AutoGPTError, match="after 3 roll-backs"):
        list(start(tiny, options=options))
    for file in (tmp_path / "trial").rglob("*.safetensors"):
        assert all(bool(torch.isfinite(t).all()) for t in load_file(file).values())


def too_many(rows: int, error: Callable[[], BaseException], *, after: int = 0) -> Callable[..., torch.Tensor]:
    calls = [0]

    def fault(batch: Batch, losses: torch.Tensor) -> torch.Tensor:
        calls[0] += 1
        if len(losses) > rows and calls[0] > after:
            raise error()
        return losses

    return fault


ERRORS: list[Callable[[], BaseException]] = [
    lambda: torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"),
    lambda: RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate 8 bytes"),
    lambda: MemoryError(),
]


@pytest.mark.parametrize("error", ERRORS, ids=["cuda", "cpu", "numpy"])
def test_out_of_memory_keeps_rows_order_and_mathematics(
    start: Callable[..., Any], tmp_path: Path, error: Callable[[], BaseException]
) -> None:
    tiny, clean = TinyTrainable(dropout=0.0), TinyTrainable(dropout=0.0)
    tiny.fault = too_many(5, error, after=7 + PROBES)
    steps = list(start(tiny, folder=tmp_path / "a", validate=None))
    list(start(clean, folder=tmp_path / "b", validate=None))
    seen = tiny.seen[PROBES:]
    assert [step.rows for step in steps] == [14] * 15
    assert 1 <= sum(bool(step.note) for step in steps) <= 5
    assert all("out of memory with" in step.note for step in steps if step.note)
    assert tiny.module.calls.item() == sum(len(rows) <= 5 for rows in seen) + 7 - sum(
        len(rows) <= 5 for rows in seen[:7]
    )
    for (name, a), b in zip(tiny.module.named_parameters(), clean.module.parameters(), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-3, atol=1e-5, msg=name)


def test_out_of_memory_once_equals_having_begun_with_half(start: Callable[..., Any], tmp_path: Path) -> None:
    tiny, clean = TinyTrainable(), TinyTrainable()
    faults = iter([None] * PROBES + [ERRORS[0]()])

    def fault(batch: Batch, losses: torch.Tensor) -> torch.Tensor:
        error = next(faults, None)
        if error is not None:
            raise error
        return losses

    tiny.fault = fault
    list(start(tiny, folder=tmp_path / "a", validate=None))
    failed = tiny.seen[PROBES]
    half = len(failed) // 2 * max(len(tiny.ids[row]) for row in failed)
    list(start(clean, folder=tmp_path / "b", validate=None, micro_tokens=half))
    assert tiny.seen[PROBES + 1 :] == clean.seen[PROBES:]
    assert same(tiny.state(), clean.state())


def test_one_row_that_does_not_fit_says_what_to_do(start: Callable[..., Any]) -> None:
    tiny = TinyTrainable()
    tiny.fault = too_many(0, ERRORS[0])
    with pytest.raises(
        ResourceError,
        match=r"one row of \d+ tokens does not fit in memory, and .* may be used .*; try a smaller backbone",
    ):
        list(start(tiny))


def test_other_errors_are_not_taken_for_a_lack_of_memory(start: Callable[..., Any]) -> None:
    tiny = TinyTrainable()
    tiny.fault = too_many(5, lambda: RuntimeError("shapes do not match"))
    with pytest.raises(RuntimeError, match="shapes do not match"):
        list(start(tiny))


def test_scoring_backs_off_too() -> None:
    sizes = []

    def work(part: list[int] | range) -> list[int]:
        sizes.append(len(part))
        if len(part) > 3:
            raise MemoryError
        return list(part)

    assert [x for part in memory.backed_off(range(10), 8, work) for x in part] == list(range(10))
    assert sizes == [8, 4, 2, 2, 2, 2, 2]
    with pytest.raises(ResourceError, match="one row does not fit"):
        list(memory.backed_off(range(2), 8, lambda part: (_ for _ in ()).throw(MemoryError)))
