"""The training loop: a generator of Steps over anything that satisfies `core.Trainable`, on Hugging Face Accelerate.

One step is one effective batch, whatever fits in memory at once. What the reader of the steps may rely on:

* the same seed gives the same weights; a resumed run gives the weights of one that never stopped (bit for bit on CPU);
* it ends by itself before `remaining()` reaches 0, with the learning rate annealed and the best weights restored;
* no number that is not finite is ever applied or saved: the step is undone and the learning rate halved;
* a lack of memory halves the micro-batch and leaves the mathematics alone.

Console, progress bar, journal and pruning are consumers of the steps. One process decides; with `replicas` several
compute the gradients of each batch (see `parallel`).
"""

from __future__ import annotations

import hashlib
import logging
import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch

from autogpt.core import Step, Trainable
from autogpt.errors import AutoGPTError, InputError, Interrupted
from autogpt.runtime import Runtime
from autogpt.training.batching import Rows, batches_per_epoch, epoch_batches, padded_tokens
from autogpt.training.checkpoint import Checkpoints, Progress
from autogpt.training.gradients import WHOLE, Gradients, Outcome, StopRequestedError
from autogpt.training.optimizer import clip_gradient, gradient_norm, make_optimizer, set_learning_rate
from autogpt.training.options import LoopOptions
from autogpt.training.pace import Pace
from autogpt.training.pruning import Pruning
from autogpt.training.replicas import Replicas
from autogpt.training.trackers import Tracker

__all__ = ["LoopOptions", "train"]

logger = logging.getLogger(__name__)

MICRO_TOKENS = {"cpu": 4096, "cuda": 32768, "mps": 8192}
"""Padded tokens computed at once, to begin with. On a CPU more is no faster, and 4096 tokens of BERT-base take 5 GB."""

MAX_ROLLBACKS = 3
SNAPSHOT_STEPS = 100
"""Steps between the states in memory that a roll-back returns to."""
MOMENTS, COPIES = 2, 2
"""What is kept in units of the trained parameters: AdamW's averages; the best weights so far, and once more as bytes.
A state to roll back to comes on top: the weights alone before the first SNAPSHOT_STEPS, then with the averages."""


class Judge(Protocol):
    """What the loop needs of a metric."""

    @property
    def name(self) -> str: ...
    @property
    def higher_is_better(self) -> bool: ...


def train(
    model: Trainable,
    *,
    options: LoopOptions,
    folder: Path,
    seed: int,
    remaining: Callable[[], float],
    validate: Callable[[], Mapping[str, float]] | None,
    metric: Judge,
    runtime: Runtime,
    tracker: Tracker | None = None,
    stop: Callable[[], bool] | None = None,
    micro_tokens: int | None = None,
    whole: bool = False,
    losses: Sequence[float] | None = None,
    replicas: Replicas | None = None,
) -> Iterator[Step]:
    """Train, and yield a Step per optimizer step; rows, tokens and seconds are those of the step.

    Once exhausted, the module holds the best weights by `metric` over the validations (the last weights without
    `validate`). Called again with the same folder it goes on from the newest checkpoint, or returns at once if that
    training had ended. `stop` is asked before every micro-batch; when it says yes, the state is saved and
    `Interrupted` is raised. `losses` are what rows lose before the first step, where that is known (for `prune`).
    With `whole` no batch is torn apart (its loss compares rows). ResourceError when there is no room for the least, or
    one of `replicas` is lost.
    """
    gradients = Gradients(runtime, seed=seed, stop=stop or (lambda: False))
    run = _Run(model, options=options, folder=folder, seed=seed, metric=metric, gradients=gradients, losses=losses)
    if not run.resume(WHOLE if whole else micro_tokens or MICRO_TOKENS[gradients.device.type]):
        return
    with ExitStack() as training:
        if replicas is not None:
            run.spread(replicas, training, remaining=remaining(), whole=whole)
        yield from _steps(run, remaining=remaining, validate=validate, tracker=tracker, whole=whole)


def _steps(
    run: _Run,
    *,
    remaining: Callable[[], float],
    validate: Callable[[], Mapping[str, float]] | None,
    tracker: Tracker | None,
    whole: bool,
) -> Iterator[Step]:
    """One after another, and in the end the best weights."""
    run.probe(whole=whole)
    pace = run.pace = run.measured(remaining, validated=validate is not None)
    while run.progress.step < run.progress.total and remaining() > 0:
        began = time.monotonic()
        try:
            outcome = run.update()
        except StopRequestedError:
            run.save()
            raise run.interrupted() from None
        if outcome is None:
            continue
        seconds = time.monotonic() - began
        asked = pace.replan(run.progress)
        scores, improved = run.judge(validate, asked=asked) if validate is not None else (None, False)
        run.keep()
        if tracker is not None:
            tracker.log({**run.numbers, **(scores or {})}, run.progress.step)
        step = Step(
            step=run.progress.step,
            total=run.progress.total,
            loss=run.numbers["loss"],
            rows=outcome.rows,
            tokens=outcome.tokens,
            seconds=seconds,
            scores=scores,
            is_best=improved,
            note=" ".join(filter(None, (run.note, outcome.note))),
        )
        run.note = ""
        pace.start_step()  # what the reader of the steps spends counts as training time
        yield step
    run.finish()


class _Run:
    """One training: where it stands, and what a step, a validation, a save and the end do to it."""

    pace: Pace

    def __init__(
        self,
        model: Trainable,
        *,
        options: LoopOptions,
        folder: Path,
        seed: int,
        metric: Judge,
        gradients: Gradients,
        losses: Sequence[float] | None,
    ) -> None:
        self.model, self.options, self.metric, self.gradients = model, options, metric, gradients
        self.lengths = list(model.lengths())
        if not self.lengths:
            raise InputError("there are no training rows; give at least one")
        self.optimizer = make_optimizer(
            model.groups(),
            learning_rate=options.learning_rate,
            weight_decay=options.weight_decay,
            dtype=gradients.runtime.dtype,
        )
        self.parameters = [p for group in self.optimizer.param_groups for p in group["params"]]
        self.order = _Order(self.lengths, options.batch_rows, seed)
        self.pruning = Pruning(len(self.lengths), share=options.prune, seed=seed, losses=losses)
        fingerprint = _fingerprint(model, options, self.lengths, seed, metric)
        self.disk = Checkpoints(
            folder,
            module=model.module,
            optimizer=self.optimizer,
            fingerprint=fingerprint,
            more={"pruning/losses": self.pruning.losses} if options.prune else {},
        )
        self.compute: Callable[..., Outcome] = gradients.of
        self.numbers: dict[str, float] = {}
        self.note = ""

    def resume(self, micro_tokens: int) -> bool:
        """Take up the newest checkpoint or begin; False when this training had already ended (best weights loaded)."""
        progress, self.note = self.disk.resume()
        per_epoch = self.order.per_epoch
        total = math.ceil(self.options.epochs * per_epoch)
        self.progress = progress or Progress(
            total=total,
            validate_every=math.ceil(per_epoch / self.options.validations) if self.options.validations else total,
            micro_tokens=micro_tokens,
        )
        best_step = self.progress.best_step
        self.best = self.disk.read_best(best_step) if best_step is not None else None
        if self.progress.finished and self.best is not None:
            self.disk.restore(self.best)
            return False
        self.good = (self.progress.step, *self.disk.snapshot())
        self.saved_at = time.monotonic()
        self.model.module.train()
        return True

    def spread(self, replicas: Replicas, training: ExitStack, *, remaining: float, whole: bool) -> None:
        """From now on replicas compute with this process, until `training` ends; where they cannot, say why not."""
        from autogpt.training import parallel, sending

        told = f"each batch is computed by {replicas.size} processes"
        try:
            if whole:
                raise sending.NotSentError("its loss compares all rows of a batch")
            helped = parallel.together(replicas, self.model, self.gradients, remaining=remaining)
            self.compute = training.enter_context(helped)
        except StopRequestedError:
            raise self.interrupted() from None
        except sending.NotSentError as why:
            told = f"each batch is computed by one process: {why}"
            replicas.say(told)
        self.note = " ".join(filter(None, (self.note, told)))

    def interrupted(self) -> Interrupted:
        """What is raised once the state is saved."""
        step, total, folder = self.progress.step, self.progress.total, self.disk.folder
        told = f"stopped at step {step} of {total}; the state is saved in {folder}"
        return Interrupted(told, resume=f"autogpt resume {folder}")

    def probe(self, *, whole: bool) -> None:
        """See `Gradients.probe`."""
        trained = sum(p.nbytes for p in self.parameters)
        copies = COPIES + (3 if self.progress.total >= SNAPSHOT_STEPS else 1) - 1  # the first stands there already
        rows = min(self.options.batch_rows, len(self.lengths)) if whole else 0
        note = self.gradients.probe(
            self.model, self.lengths, self.progress, ahead=(MOMENTS + copies) * trained, whole=rows
        )
        if note:
            self.gradients.runtime.memory.tell(note)
        self.note = " ".join(filter(None, (self.note, note)))

    def measured(self, remaining: Callable[[], float], *, validated: bool) -> Pace:
        """A clock that knows what batches cost and, soon, what the rest costs."""
        costs = [padded_tokens(self.order.batch(step), self.lengths) for step in range(self.order.per_epoch)]
        pace = Pace(
            remaining,
            mean_tokens=sum(costs) / len(costs),
            max_tokens=max(costs),
            weight_bytes=sum(t.nbytes for t in self.disk.weights().values()),
        )
        pace.validation = None if validated else 0.0
        return pace

    def update(self) -> Outcome | None:
        """One optimizer step; None when its numbers were not finite and the last good state was taken up instead."""
        progress = self.progress
        rows = self.order.batch(progress.step)
        kept, weights = self.pruning.pick(rows, progress.step, progress.total)
        outcome = self.compute(self.model, kept, self.lengths, progress, weights=weights)
        loss, norm = torch.stack([outcome.loss, gradient_norm(self.parameters)]).tolist()  # the one wait of a step
        if not (math.isfinite(loss) and math.isfinite(norm)):
            self._roll_back(outcome.blame(loss))
            return None
        rate = self.options.learning_rate * self.options.factor(progress.step, progress.total) * progress.rate_factor
        set_learning_rate(self.optimizer, rate)
        clip_gradient(self.parameters, norm)
        self.optimizer.step()
        progress.step += 1
        self.model.after_step(progress.step, progress.total)
        self.pruning.record(kept, outcome.losses)
        self.pace.end_step(padded_tokens(rows, self.lengths))
        self.numbers = {"loss": loss, "learning_rate": rate, "gradient_norm": norm}
        return outcome

    def judge(
        self, validate: Callable[[], Mapping[str, float]], *, asked: bool
    ) -> tuple[Mapping[str, float] | None, bool]:
        """Validate when it is due, or `asked` for to measure its time; keep the weights when they are the best."""
        progress = self.progress
        due = progress.step == progress.total or progress.step % progress.validate_every == 0
        if not (due or asked) or not self.pace.can_validate():
            return None, False
        start = time.monotonic()
        self.model.module.eval()
        with torch.no_grad():
            scores = validate()
        self.model.module.train()
        self.pace.validation = time.monotonic() - start
        score, before = scores[self.metric.name], progress.best_score
        sign = 1 if self.metric.higher_is_better else -1
        improved = math.isfinite(score) and (before is None or sign * score > sign * before) and self.disk.is_finite()
        if improved:
            progress.best_step, progress.best_score, progress.stale = progress.step, score, 0
            self._write_best()
        elif due:
            progress.stale += 1
        if self.options.patience and progress.stale >= self.options.patience:
            progress.total = progress.step
        self.pace.replan(progress)
        return scores, improved

    def keep(self) -> None:
        """Save, and remember a good state, when it is time to."""
        progress = self.progress
        waited = time.monotonic() - self.saved_at
        if progress.step < progress.total and waited >= self.pace.checkpoint_every(self.options.checkpoint_seconds):
            self.save()
        if progress.step % SNAPSHOT_STEPS == 0 and self.disk.is_finite():
            self.good = (progress.step, *self.disk.snapshot(self.good[1:]))

    def save(self) -> None:
        """Write a checkpoint; weights that are not finite are left to the next step, which will undo them."""
        start = time.monotonic()
        if self.disk.is_finite():
            self.disk.write(self.progress)
        self.saved_at = time.monotonic()
        self.pace.checkpoint = self.saved_at - start

    def finish(self) -> None:
        """Load the best weights and mark the training as ended; never validated, the last finite ones are the best."""
        if self.best is not None:
            self.disk.restore(self.best)
        else:
            if not self.disk.is_finite():
                self.disk.restore(self.good[1])
            self.progress.best_step = self.progress.step
            self._write_best()
        self.disk.finish(self.progress)

    def _write_best(self) -> None:
        start = time.monotonic()
        self.best = self.disk.write_best(self.progress.step, old=self.best)
        self.pace.save = time.monotonic() - start

    def _roll_back(self, what: str) -> None:
        progress, step = self.progress, self.progress.step + 1
        if progress.rollbacks == MAX_ROLLBACKS:
            tried = f"{what} at step {step}, after {MAX_ROLLBACKS} roll-backs"
            raise AutoGPTError(f"{tried}; look at these rows, or use a lower learning rate")
        progress.step, weights, moments = self.good
        self.disk.restore(weights, moments)
        progress.rate_factor /= 2
        progress.rollbacks += 1
        tries = f"{progress.rollbacks} of {MAX_ROLLBACKS}"
        self.note = f"{what} at step {step}: back to step {progress.step}, learning rate halved ({tries})"
        logger.warning("%s", self.note)
        self.save()


class _Order:
    """The batch of every step; one epoch is held at a time."""

    def __init__(self, lengths: Sequence[int], batch_rows: int, seed: int) -> None:
        self.lengths, self.batch_rows, self.seed = lengths, batch_rows, seed
        self.per_epoch = batches_per_epoch(len(lengths), batch_rows)
        self.epoch, self.batches = -1, list[Rows]()

    def batch(self, step: int) -> Rows:
        epoch, place = divmod(step, self.per_epoch)
        if epoch != self.epoch:
            self.batches = epoch_batches(self.lengths, batch_rows=self.batch_rows, seed=self.seed, epoch=epoch)
            self.epoch = epoch
        return self.batches[place]


def _fingerprint(
    model: Trainable, options: LoopOptions, lengths: Sequence[int], seed: int, metric: Judge
) -> dict[str, Any]:
    """What must be the same for a checkpoint to be of this training. How often it is saved need not be."""
    shapes = [(name, list(p.shape)) for name, p in model.module.named_parameters() if p.requires_grad]
    kept = {name: value for name, value in asdict(options).items() if name != "checkpoint_seconds"}
    return {
        **kept,
        "seed": seed,
        "metric": metric.name,
        "rows": len(lengths),
        "lengths": hashlib.sha256(np.asarray(lengths, dtype=np.int64).tobytes()).hexdigest()[:16],
        "parameters": hashlib.sha256(repr(shapes).encode()).hexdigest()[:16],
    }
