"""kill -9 at random moments of a training, resumed until it ends. One command: `python benchmarks/kill.py`.

A tiny model (dropout, shuffled batches, accumulated gradients, validations) trains in a child process that saves after
every step, so that most kills hit a save. The child is killed after a random part of what a whole training takes and is
started again, until a training ends; its weights must equal those of a training that was never killed, bit for bit, and
nothing half-written may be left behind. Trainings are repeated until enough kills have struck.
"""

from __future__ import annotations

import argparse
import json
import math
import multiprocessing
import os
import random
import signal
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

from autogpt.runtime import Runtime
from autogpt.testing.trainable import Accuracy, TinyTrainable, same
from autogpt.training.loop import LoopOptions, train

OPTIONS = LoopOptions(epochs=4, batch_rows=16, learning_rate=0.01, validations=2, checkpoint_seconds=0)
PROCESSES = multiprocessing.get_context("fork")  # torch is imported once; a life costs milliseconds to begin


@dataclass
class Count:
    """What happened."""

    kills: int = 0
    in_a_save: int = 0
    trainings: int = 0
    equal: int = 0
    left_over: int = 0
    kills_per_training: list[int] = field(default_factory=list)


def life(folder: Path, result: Path) -> None:
    """Train from wherever `folder` stands to the end, and save the weights."""
    tiny = TinyTrainable()
    steps = train(
        tiny,
        options=OPTIONS,
        folder=folder,
        seed=3,
        remaining=lambda: math.inf,
        validate=tiny.validate,
        metric=Accuracy(),
        runtime=Runtime(),
        micro_tokens=60,
    )
    for _ in steps:
        pass
    save_file(tiny.state(), result)


def uninterrupted(scratch: Path) -> tuple[dict[str, torch.Tensor], float]:
    """Weights of a training that nobody kills, and the seconds it takes."""
    start = time.monotonic()
    child = PROCESSES.Process(target=life, args=(scratch / "straight", scratch / "straight.safetensors"))
    child.start()
    child.join()
    return load_file(scratch / "straight.safetensors"), time.monotonic() - start


def killed(scratch: Path, seconds: float, rng: random.Random, count: Count) -> dict[str, torch.Tensor]:
    """Weights of a training whose every life may be cut short."""
    folder, result = scratch / f"run{count.trainings}", scratch / f"run{count.trainings}.safetensors"
    kills = 0
    while True:
        child = PROCESSES.Process(target=life, args=(folder, result))
        child.start()
        child.join(rng.uniform(0.0, seconds))
        if child.exitcode is None and child.pid is not None:
            os.kill(child.pid, signal.SIGKILL)
        child.join()
        if child.exitcode == 0:
            break
        if child.exitcode != -signal.SIGKILL:
            sys.exit(f"a resumed training failed with exit code {child.exitcode}; see above")
        kills += 1
        count.in_a_save += any(folder.glob(".*.staged"))
    count.kills += kills
    count.trainings += 1
    count.kills_per_training.append(kills)
    count.left_over += len([path for path in folder.iterdir() if path.name.startswith((".", "checkpoint"))])
    return load_file(result)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    rng, count = random.Random(given.seed), Count()
    torch.set_num_threads(1)  # no thread pool: it would not survive a fork
    with tempfile.TemporaryDirectory() as folder:
        life(Path(folder) / "warm", Path(folder) / "warm.safetensors")  # what is imported on first use, once
        expected, seconds = uninterrupted(Path(folder))
        while count.kills < given.kills:
            count.equal += same(killed(Path(folder), seconds, rng, count), expected)
    print(json.dumps(vars(count)))
    if count.equal != count.trainings or count.left_over:
        sys.exit(1)


if __name__ == "__main__":
    main()
