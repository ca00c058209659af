"""Stopped and resumed equals never stopped, bit for bit; checkpoints are whole or invisible (RELIABILITY T1-T4)."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from safetensors import safe_open

from autogpt import files
from autogpt.errors import ConfigError, Interrupted, ResourceError
from autogpt.testing.trainable import TinyTrainable, same
from autogpt.training.loop import LoopOptions
from autogpt.training.signals import stop_requested

EVERY_STEP = LoopOptions(epochs=3, batch_rows=16, learning_rate=0.01, validations=2, checkpoint_seconds=0)
STEPS = 15  # 70 rows in 5 batches, 3 epochs; validations after steps 3, 6, 9, 12, 15


def stopped_and_resumed(
    start: Callable[..., Any], folder: Path, stops: list[int], *, matrices: bool = False, **changed: object
) -> TinyTrainable:
    """Train with a stop after each of these steps, every time with a freshly built model."""
    for stop in stops:
        done: list[int] = []
        running = start(TinyTrainable(matrices=matrices), folder=folder, stop=lambda: stop in done, **changed)  # noqa: B023
        with pytest.raises(Interrupted) as caught:
            done.extend(step.step for step in running)
        assert f"step {stop} of" in str(caught.value)
        assert caught.value.exit_code == 130
        assert str(folder) in caught.value.resume
    tiny = TinyTrainable(matrices=matrices)
    list(start(tiny, folder=folder, **changed))
    return tiny


@pytest.mark.parametrize(
    "stops",
    [[1], [4], [5], [6], [14], [2, 3, 9]],
    ids=["first step", "mid-epoch", "epoch end", "after evaluation", "before the last", "three times"],
)
@pytest.mark.parametrize("micro_tokens", [40, 4096], ids=["accumulated", "whole"])
@pytest.mark.parametrize("matrices", [False, True], ids=["adamw", "muon"])
def test_resume_equals_never_stopping(
    start: Callable[..., Any], tmp_path: Path, stops: list[int], micro_tokens: int, matrices: bool
) -> None:
    changed = {"options": LoopOptions(epochs=3, batch_rows=16, learning_rate=0.01, validations=2)}
    straight = TinyTrainable(matrices=matrices)
    steps = list(start(straight, folder=tmp_path / "straight", micro_tokens=micro_tokens, **changed))
    assert len(steps) == STEPS
    resumed = stopped_and_resumed(
        start, tmp_path / "resumed", stops, matrices=matrices, micro_tokens=micro_tokens, **changed
    )
    assert same(straight.state(), resumed.state())


def test_a_stop_between_micro_batches_drops_the_half_step(start: Callable[..., Any], tmp_path: Path) -> None:
    straight = TinyTrainable()
    list(start(straight, folder=tmp_path / "straight", micro_tokens=40))
    tiny, asked = TinyTrainable(), [0]

    def stop() -> bool:
        asked[0] += 1
        return asked[0] == 30

    with pytest.raises(Interrupted):
        list(start(tiny, folder=tmp_path / "resumed", micro_tokens=40, stop=stop))
    resumed = TinyTrainable()
    list(start(resumed, folder=tmp_path / "resumed", micro_tokens=40))
    assert same(straight.state(), resumed.state())


def test_how_often_checkpoints_are_written_changes_nothing(start: Callable[..., Any], tmp_path: Path) -> None:
    often, never = TinyTrainable(), TinyTrainable()
    list(start(often, folder=tmp_path / "often", options=EVERY_STEP))
    list(start(never, folder=tmp_path / "never", options=replace(EVERY_STEP, checkpoint_seconds=9999)))
    assert same(often.state(), never.state())


def test_optimizer_and_buffers_are_resumed_too(start: Callable[..., Any], tmp_path: Path) -> None:
    tiny = stopped_and_resumed(start, tmp_path / "a", [7], options=EVERY_STEP)
    finished = json.loads((tmp_path / "a" / "finished.json").read_text())
    assert tiny.module.calls.item() == finished["progress"]["best_step"]


def test_a_finished_training_is_not_repeated(start: Callable[..., Any], tmp_path: Path) -> None:
    first, again = TinyTrainable(), TinyTrainable()
    list(start(first, folder=tmp_path / "a"))
    assert list(start(again, folder=tmp_path / "a")) == []
    assert same(first.state(), again.state())
    names = sorted(path.name for path in (tmp_path / "a").iterdir())
    assert len(names) == 2
    assert names[1] == "finished.json"


def test_files_are_safetensors_and_json_with_one_checkpoint_and_trained_parameters_only(
    start: Callable[..., Any], tmp_path: Path
) -> None:
    tiny = TinyTrainable()
    tiny.module.embedding.weight.requires_grad_(False)
    running = start(tiny, folder=tmp_path / "a", options=EVERY_STEP)
    for _ in range(8):
        next(running)
    found = sorted(
        path.relative_to(tmp_path / "a").as_posix() for path in (tmp_path / "a").rglob("*") if path.is_file()
    )
    assert found[1:] == ["checkpoint-000008/state.json", "checkpoint-000008/tensors.safetensors"]
    assert found[0].startswith("best-0000000")
    with safe_open(tmp_path / "a" / found[2], "pt") as tensors:
        names = set(tensors.keys())
    assert "weights/head.weight" in names
    assert "optimizer/exp_avg_sq/head.weight" in names
    assert not any("embedding" in name for name in names)


def test_a_damaged_checkpoint_is_said_and_training_starts_over(start: Callable[..., Any], tmp_path: Path) -> None:
    straight, tiny, again = TinyTrainable(), TinyTrainable(), TinyTrainable()
    list(start(straight, folder=tmp_path / "straight", options=EVERY_STEP))
    running = start(tiny, folder=tmp_path / "a", options=EVERY_STEP)
    for _ in range(4):
        next(running)
    tensors = tmp_path / "a" / "checkpoint-000004" / "tensors.safetensors"
    content = bytearray(tensors.read_bytes())
    content[-1] ^= 1
    tensors.write_bytes(content)
    steps = list(start(again, folder=tmp_path / "a", options=EVERY_STEP))
    assert "checkpoint-000004 is damaged" in steps[0].note
    assert steps[0].step == 1
    assert same(straight.state(), again.state())


def test_leftovers_of_a_killed_save_are_removed(start: Callable[..., Any], tmp_path: Path) -> None:
    half = tmp_path / "a" / ".checkpoint-000009.ab12.staged"
    half.mkdir(parents=True)
    (half / "tensors.safetensors").write_bytes(b"half")
    list(start(TinyTrainable(), folder=tmp_path / "a"))
    assert not half.exists()


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"seed": 4}, "seed 3 -> 4"),
        ({"options": LoopOptions(epochs=3, batch_rows=8, learning_rate=0.01)}, "batch_rows 16 -> 8"),
    ],
)
def test_another_training_in_the_same_folder_is_refused(
    start: Callable[..., Any], tmp_path: Path, changed: dict[str, object], said: str
) -> None:
    list(start(TinyTrainable(), folder=tmp_path / "a"))
    with pytest.raises(ConfigError, match=said):
        list(start(TinyTrainable(), folder=tmp_path / "a", **changed))


def test_a_full_disk_keeps_the_last_checkpoint(
    start: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    straight, tiny, resumed = TinyTrainable(), TinyTrainable(), TinyTrainable()
    list(start(straight, folder=tmp_path / "straight", options=EVERY_STEP))
    running = start(tiny, folder=tmp_path / "a", options=EVERY_STEP)
    for _ in range(4):
        next(running)
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", lambda _: (_ for _ in ()).throw(OSError(28, "No space left on device")))
        with pytest.raises(ResourceError, match="no space left"):
            next(running)
    assert [path.name for path in (tmp_path / "a").glob("checkpoint-*")] == ["checkpoint-000004"]
    assert [path for path in (tmp_path / "a").iterdir() if path.name.startswith(".")] == []
    list(start(resumed, folder=tmp_path / "a", options=EVERY_STEP))
    assert same(straight.state(), resumed.state())


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_saves_and_the_next_run_goes_on(start: Callable[..., Any], tmp_path: Path, number: int) -> None:
    straight, resumed = TinyTrainable(), TinyTrainable()
    list(start(straight, folder=tmp_path / "straight"))
    before = signal.getsignal(number)
    with stop_requested() as stop:
        running = start(TinyTrainable(), folder=tmp_path / "a", stop=stop)
        while next(running).step < 4:
            pass
        os.kill(os.getpid(), number)
        with pytest.raises(Interrupted, match="stopped at step 4 of 15"):
            next(running)
    assert signal.getsignal(number) is before
    assert json.loads((tmp_path / "a" / "checkpoint-000001" / "state.json").read_text())["progress"]["step"] == 4
    list(start(resumed, folder=tmp_path / "a"))
    assert same(straight.state(), resumed.state())


def test_a_second_interrupt_stops_at_once() -> None:
    with stop_requested() as stop:
        os.kill(os.getpid(), signal.SIGINT)
        assert stop()
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)


def test_a_plan_made_for_the_clock_is_resumed_as_it_was(start: Callable[..., Any], tmp_path: Path) -> None:
    tiny = TinyTrainable()
    running = start(tiny, folder=tmp_path / "a", options=EVERY_STEP)
    next(running)
    running.close()
    state_file = tmp_path / "a" / "checkpoint-000001" / "state.json"
    state = json.loads(state_file.read_text())
    state["progress"]["total"] = 9
    files.write_json(state_file, state)
    steps = list(start(TinyTrainable(), folder=tmp_path / "a", options=EVERY_STEP))
    assert [step.total for step in steps] == [9] * 8
