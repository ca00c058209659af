"""Several processes that train together come to what one comes to; who is lost ends the training; nobody is left."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import psutil
import pytest
import torch

from autogpt.core import Batch, Step
from autogpt.errors import ConfigError, Interrupted, ResourceError
from autogpt.executors import local
from autogpt.memory import Guard, Room
from autogpt.runtime import Runtime
from autogpt.testing.trainable import TinyTrainable, same
from autogpt.training import parallel
from autogpt.training.checkpoint import Progress
from autogpt.training.gradients import Gradients
from autogpt.training.loop import LoopOptions
from autogpt.training.replicas import Replicas

pytestmark = [
    pytest.mark.skipif(os.name != "posix", reason="processes of executor local"),
    pytest.mark.timeout(900),  # each replica loads torch, which takes long beside other jobs
]

Start = Callable[..., Iterator[Step]]
Mine = Callable[[], list[psutil.Process]]
OPTIONS = LoopOptions(epochs=3, batch_rows=15, learning_rate=0.01, checkpoint_seconds=1000)


@pytest.fixture(scope="module")
def two() -> Iterator[Replicas]:
    replicas = Replicas(2)
    yield replicas
    replicas.close()
    assert not helpers(psutil.Process())


def helpers(of: psutil.Process) -> list[psutil.Process]:
    return [one for one in of.children(recursive=True) if "autogpt.executors._child" in " ".join(one.cmdline())]


@pytest.fixture
def mine() -> Mine:
    """The replicas that a test has started itself."""
    before = helpers(psutil.Process())
    return lambda: [one for one in helpers(psutil.Process()) if one not in before]


def gone(processes: Sequence[psutil.Process]) -> bool:
    return not psutil.wait_procs(processes, timeout=15)[1]


def losses(steps: Sequence[Step]) -> Any:
    return pytest.approx([step.loss for step in steps], abs=1e-5)


def near(one: TinyTrainable, other: TinyTrainable) -> bool:
    """Whether all parameters are the same up to the order of sums (the buffer counts calls)."""
    pairs = zip(one.module.parameters(), other.module.parameters(), strict=True)
    return all(torch.allclose(a, b, atol=1e-5, rtol=0) for a, b in pairs)


@pytest.mark.parametrize("rows", [71, 46])  # batches of 15 and 14 rows, and of 12 and 11: uneven shares
def test_two_processes_come_to_the_weights_of_one(start: Start, two: Replicas, tmp_path: Path, rows: int) -> None:
    alone, together = TinyTrainable(dropout=0.0, rows=rows), TinyTrainable(dropout=0.0, rows=rows)
    expected = list(start(alone, folder=tmp_path / "one", options=OPTIONS))
    found = list(start(together, folder=tmp_path / "two", options=OPTIONS, replicas=two))
    assert [step.loss for step in found] == losses(expected)
    assert [(step.rows, step.tokens) for step in found] == [(step.rows, step.tokens) for step in expected]
    assert near(alone, together)
    assert found[0].note == "each batch is computed by 2 processes"
    shares = {len(rows) for rows in together.seen}
    assert max(shares) <= 8, "this process computed about half of each batch"
    assert len(shares) > 1


def test_three_processes_and_a_batch_of_one_row(start: Start, tmp_path: Path) -> None:
    alone, together = TinyTrainable(dropout=0.0, rows=9), TinyTrainable(dropout=0.0, rows=9)
    options = LoopOptions(epochs=2, batch_rows=2, learning_rate=0.01)
    expected = list(start(alone, folder=tmp_path / "one", options=options))
    replicas = Replicas(3)
    try:
        found = list(start(together, folder=tmp_path / "three", options=options, replicas=replicas))
    finally:
        replicas.close()
    assert 1 in {step.rows for step in found}
    assert [step.loss for step in found] == losses(expected)
    assert near(alone, together)


def test_learned_rows_are_left_out_and_weighed_as_in_one_process(start: Start, two: Replicas, tmp_path: Path) -> None:
    """The losses of rows, which decide about it, come back in the order of the batch."""
    options = LoopOptions(epochs=6, batch_rows=15, learning_rate=0.02, prune=0.5)
    alone, together = TinyTrainable(dropout=0.0), TinyTrainable(dropout=0.0)
    expected = list(start(alone, folder=tmp_path / "one", options=options))
    found = list(start(together, folder=tmp_path / "two", options=options, replicas=two))
    assert min(step.rows for step in expected) < 12, "rows were left out"
    assert [step.rows for step in found] == [step.rows for step in expected]
    assert near(alone, together)


def test_draws_of_a_replica_are_its_own_and_the_same_again(start: Start, two: Replicas, tmp_path: Path) -> None:
    first, again, alone = (TinyTrainable(dropout=0.3) for _ in range(3))
    list(start(first, folder=tmp_path / "a", options=OPTIONS, replicas=two))
    list(start(again, folder=tmp_path / "b", options=OPTIONS, replicas=two))
    list(start(alone, folder=tmp_path / "c", options=OPTIONS))
    assert same(first.state(), again.state())
    assert not near(first, alone)


def test_a_row_that_spoils_a_step_elsewhere_is_named(start: Start, two: Replicas) -> None:
    tiny = TinyTrainable(dropout=0.0)
    tiny.ids[30][:] = 0  # nothing but padding: its mean is 0 / 0
    with pytest.raises(Exception, match=r"\(rows 30\).*roll-backs"):
        list(start(tiny, options=OPTIONS, replicas=two))


def test_who_cannot_be_spread_is_trained_by_one_process_and_told(start: Start, mine: Mine, tmp_path: Path) -> None:
    told: list[str] = []
    replicas = Replicas(2, say=told.append)
    closure = TinyTrainable()
    closure.fault = lambda batch, losses: losses
    for place, (tiny, more) in enumerate([(TinyTrainable(), {"whole": True}), (closure, {})]):
        steps = list(start(tiny, folder=tmp_path / str(place), replicas=replicas, **more))
        assert len(steps) == 15
        assert steps[0].note.startswith("each batch is computed by one process: ")
    assert "compares all rows" in told[0]
    assert "lambda" in told[1]
    assert not mine(), "nobody was started for them"


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP])
def test_a_replica_that_dies_or_hangs_ends_the_training_and_the_next_one_has_another(
    start: Start, mine: Mine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: signal.Signals
) -> None:
    monkeypatch.setattr(parallel, "HANG_SECONDS", 3.0)
    monkeypatch.setattr(parallel, "HANG_TIMES", 1.0)
    replicas, tiny = Replicas(2), TinyTrainable()
    steps = start(tiny, folder=tmp_path / "lost", options=OPTIONS, replicas=replicas)
    next(steps)
    (helper,) = mine()
    os.kill(helper.pid, how)
    began = time.monotonic()
    problem = "killed|closed" if how == signal.SIGKILL else "not heard of|imed out"
    with pytest.raises(ResourceError, match=f"one of 2 processes that train together is lost: .*({problem})"):
        list(steps)
    assert time.monotonic() - began < 25
    assert gone([helper])
    assert not torch.distributed.is_initialized()
    if how == signal.SIGKILL:
        assert len(list(start(tiny, folder=tmp_path / "next", options=OPTIONS, replicas=replicas))) == 15
    replicas.close()


def as_it_is(batch: Batch, losses: torch.Tensor) -> torch.Tensor:
    return losses


def test_what_another_process_cannot_import_is_trained_here(start: Start, mine: Mine) -> None:
    told: list[str] = []
    replicas, tiny = Replicas(2, say=told.append), TinyTrainable()
    tiny.fault = as_it_is  # of a module that stands on the path of this process alone
    assert len(list(start(tiny, replicas=replicas))) == 15
    assert "each batch is computed by one process: " in told[0]
    assert "No module named" in told[0]
    assert not mine()


def test_who_has_not_loaded_in_time_is_not_waited_for(start: Start) -> None:
    told: list[str] = []
    replicas = Replicas(2, say=told.append)
    steps = list(start(TinyTrainable(), replicas=replicas, remaining=lambda: 0.5))
    replicas.close()
    assert steps, "the time that is left is trained in"
    assert told[0].startswith("each batch is computed by one process: the others had not loaded after")


def test_whoever_stops_waits_for_nobody_and_the_state_is_saved(start: Start, mine: Mine, tmp_path: Path) -> None:
    replicas, tiny, asked = Replicas(2), TinyTrainable(), [0]

    def stop() -> bool:
        asked[0] += 1
        return bool(tiny.seen)

    with pytest.raises(Interrupted, match="the state is saved"):
        list(start(tiny, options=OPTIONS, replicas=replicas, stop=stop))
    assert not mine()
    assert list((tmp_path / "trial").glob("checkpoint-*"))


TRAIN = """
import math, sys
from pathlib import Path
from autogpt.runtime import Runtime
from autogpt.testing.trainable import Accuracy, TinyTrainable
from autogpt.training.loop import LoopOptions, train

size, folder = int(sys.argv[1]), Path(sys.argv[2])
replicas = None
if size > 1:
    from autogpt.training.replicas import Replicas
    replicas = Replicas(size)
tiny = TinyTrainable()
options = LoopOptions(epochs=3, batch_rows=15, learning_rate=0.01, checkpoint_seconds=0)
for step in train(tiny, options=options, folder=folder, seed=3, remaining=lambda: math.inf, validate=tiny.validate,
                  metric=Accuracy(), runtime=Runtime(), replicas=replicas):
    if size > 1 and step.step == 6:
        print("six", flush=True)
        sys.stdin.read()
import torch
print(sorted(n for n in sys.modules if n.startswith("autogpt.training.")), torch.distributed.is_initialized())
"""


def test_nobody_outlives_a_training_that_is_killed_and_it_goes_on_exactly(
    start: Start, two: Replicas, tmp_path: Path
) -> None:
    killed = [sys.executable, "-c", TRAIN, "2", str(tmp_path / "killed")]
    with subprocess.Popen(killed, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "six\n"
        others = helpers(psutil.Process(process.pid))
        process.kill()
    assert len(others) == 1
    assert gone(others)
    resumed, straight = TinyTrainable(), TinyTrainable()
    rest = list(start(resumed, folder=tmp_path / "killed", options=OPTIONS, replicas=two))
    list(start(straight, folder=tmp_path / "straight", options=OPTIONS, replicas=two))
    assert 0 < len(rest) < 15
    assert same(resumed.state(), straight.state())


def test_a_training_in_one_process_loads_nothing_of_this(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", TRAIN, "1", str(tmp_path)], capture_output=True, text=True, check=True)
    assert "autogpt.training.loop" in done.stdout
    assert "parallel" not in done.stdout
    assert "sending" not in done.stdout
    assert done.stdout.strip().endswith("False")


def test_the_memory_of_a_machine_is_divided_among_processes() -> None:
    class Room1MB(Guard):
        def room(self, device: str = "cpu") -> Room:
            return Room(4_000_000, "a test")

    def tokens(processes: int) -> int:
        gradients = Gradients(Runtime(memory=Room1MB()), seed=1, stop=lambda: False)
        gradients.processes = processes
        progress, tiny = Progress(1, 1, 1 << 20), TinyTrainable()
        gradients.probe(tiny, tiny.lengths(), progress, ahead=0)
        return progress.micro_tokens

    assert tokens(4) < tokens(1) / 2


def test_processes_that_cannot_be_started_are_a_setting_that_cannot_be(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*told: Any, **more: Any) -> Any:
        raise ConfigError("executor 'local' needs a POSIX system")

    monkeypatch.setattr(local.Local, "open", refuse)
    with pytest.raises(ConfigError, match="POSIX"):
        list(start(TinyTrainable(), options=OPTIONS, replicas=Replicas(2)))
