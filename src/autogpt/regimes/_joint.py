"""The two trainings of a multi-task run: all tasks on one body, and one task's own parts on it, both by the loop."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from autogpt import registry
from autogpt.config import MultiTask
from autogpt.core import Example, Step, Trainable
from autogpt.events import Event

if TYPE_CHECKING:
    from autogpt.regimes.multi_task import Task

LEAST_BASE = 0.1
"""A gain is relative to the head's score, but never to less than this."""
SHAPE: Mapping[str, Any] = {"embeddings": False, "dropout": False}
"""How `full` trains by default."""


@dataclass(frozen=True, slots=True)
class Gain:
    """What picks the best weights of the joint training: the mean over tasks of the relative gain over the head."""

    name: str = "gain"
    higher_is_better: bool = True


def gain(score: float, base: float, *, sign: int) -> float:
    """How much better than `base` a score is, relative to it: metrics of different tasks become comparable."""
    return sign * (score - base) / max(abs(base), LEAST_BASE)


def loss_scale(task: Task) -> float:
    """1 / the mean loss of the best constant answer: a head that knows nothing loses about 1 in every task."""
    import torch

    output, space = task.bench.output, task.bench.space
    if output.name in ("choices", "span"):  # a row's scores are a table of their own: nothing is constant
        return 1.0
    encoded = output.encode([example.target for example in task.bench.train], space)
    prior = torch.from_numpy(np.asarray(output.prior(encoded, space), dtype=np.float32))
    if output.token_level:
        flat = torch.from_numpy(np.concatenate(list(encoded)))
        losses = output.loss(prior.expand(1, len(flat), -1), flat.unsqueeze(0), None)
    else:
        losses = output.loss(prior.expand(len(encoded), -1), torch.from_numpy(np.asarray(encoded)), None)
    mean = float(losses.mean())
    return 1 / mean if mean > 0 else 1.0


def fit_joint(
    tasks: Sequence[Task], options: MultiTask, *, folder: Path, remaining: Callable[[], float]
) -> tuple[float, str]:
    """Train all heads and the body they share; the best weights by mean gain remain. The gain, and how it went.

    With the folder of a training that was stopped it goes on; of one that ended it takes the weights.
    """
    from autogpt.training.checkpoint import ended
    from autogpt.training.mixture import Mixture, draw

    method = registry.get("methods", "full").options()
    parts = {task.name: _training(task, task.bench.train) for task in tasks}
    held = {task.name: _training(task, task.bench.validation) for task in tasks}
    counts = [len(part.lengths()) for part in parts.values()]
    rows = draw(counts, passes=options.passes, temperature=options.mixing, seed=tasks[0].bench.seed)
    mixture = Mixture(parts, rows, scales={task.name: loss_scale(task) for task in tasks})

    def validate() -> Mapping[str, float]:
        gains = []
        for task in tasks:
            metric = task.bench.metric.name
            score = task.bench.judge(held[task.name].score())[metric]
            gains.append(gain(score, task.start[metric], sign=task.sign))
        return {"gain": float(np.mean(gains))}

    chosen = {"epochs": 1.0, "validations": max(1, round(options.passes)), "prune": 0.0}
    chosen |= {"learning_rate": method.learning_rate, "batch_rows": method.batch_rows}
    for step in _loop(mixture, chosen, tasks[0], validate, Gain(), folder=folder, remaining=remaining):
        tell = {"trial": "together", "step": step.step, "total": step.total, "loss": step.loss, "note": step.note}
        tasks[0].session.listen(Event("step", "together", {**tell, "scores": dict(step.scores or {})}))
    for task in tasks:
        task.encoder.net.eval()
    drawn = np.bincount([task for task, _ in rows], minlength=len(tasks))
    mixed = ", ".join(f"{task.name} {n:,} of {count:,}" for task, n, count in zip(tasks, drawn, counts, strict=True))
    planned, progress = -(-len(rows) // method.batch_rows), ended(folder)
    done, best = (progress.step, progress.best_score or 0.0) if progress is not None else (0, 0.0)
    note = f"together: {done:,} of {planned:,} steps; rows drawn (with repeats) of rows there are: {mixed}; "
    return best, f"{note}mean gain over heads {best:+.1%}"


def fit_parts(task: Task, options: MultiTask, *, remaining: Callable[[], float]) -> None:
    """Train the parts that are mounted, and the task's head; the body stays as it is."""
    method = registry.get("methods", "lora").options()
    chosen = {"epochs": options.passes, "prune": 0.0}
    chosen |= {"learning_rate": method.learning_rate, "batch_rows": method.batch_rows}
    training, held = _training(task, task.bench.train), _training(task, task.bench.validation)

    def validate() -> Mapping[str, float]:
        return task.bench.judge(held.score())

    folder = task.folder / "trials" / "parts"
    for step in _loop(training, chosen, task, validate, task.bench.metric, folder=folder, remaining=remaining):
        tell = {"trial": f"{task.name} parts", "step": step.step, "total": step.total, "loss": step.loss}
        task.session.listen(Event("step", task.name, tell))
    task.encoder.net.eval()


def _training(task: Task, examples: Sequence[Example]) -> Any:
    return task.encoder.training(examples, output=task.bench.output, space=task.bench.space, **SHAPE)


def _loop(
    trainable: Trainable,
    chosen: Mapping[str, Any],
    task: Task,
    validate: Callable[[], Mapping[str, float]],
    metric: Any,
    *,
    folder: Path,
    remaining: Callable[[], float],
) -> Iterator[Step]:
    from autogpt.training.loop import train
    from autogpt.training.options import LoopOptions

    return train(
        trainable,
        options=LoopOptions(**chosen),
        folder=folder,
        seed=task.bench.seed,
        remaining=remaining,
        validate=validate,
        metric=metric,
        runtime=task.bench.runtime(),
        stop=task.bench.stop,
    )
