"""Gradients of one effective batch, in as many micro-batches as memory needs: same numbers, same order of rows.

    loss = sum(weight * loss of row) / sum(weight)      over all rows of the batch, so the parts' gradients just add up

When memory runs out, the step starts over from zero with the micro-batch halved; nothing was applied yet, and the
random draws are those of the step (see `randomness`).
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from accelerate import Accelerator

from autogpt import memory
from autogpt.core import Batch, Trainable
from autogpt.errors import ConfigError, ResourceError
from autogpt.runtime import Runtime
from autogpt.training.batching import Rows, micro_batches
from autogpt.training.checkpoint import Progress
from autogpt.training.pruning import Weights
from autogpt.training.randomness import seeded

logger = logging.getLogger(__name__)


class StopRequestedError(Exception):
    """Leaves a half-computed step: its gradients are dropped, the weights are untouched."""


class _TooLargeError(Exception):
    """A micro-batch did not fit in memory."""

    def __init__(self, rows: int, longest: int) -> None:
        super().__init__()
        self.rows = rows
        self.longest = longest


@dataclass(slots=True)
class Outcome:
    """Gradients are in place; this is what is known about their batch. `losses` and `index` hold a tensor per part."""

    loss: torch.Tensor
    losses: list[torch.Tensor]
    index: list[torch.Tensor]
    rows: int
    tokens: int
    note: str = ""

    def blame(self, loss: float) -> str:
        """Which numbers are not finite, and in which rows."""
        bad = ~torch.isfinite(torch.cat(self.losses))
        index = torch.cat([part.to(bad.device) for part in self.index])
        rows = sorted((index[bad] if bool(bad.any()) else index).tolist())
        named = ", ".join(str(row) for row in rows[:8]) + (", ..." if len(rows) > 8 else "")
        return f"{f'loss {loss}' if not math.isfinite(loss) else 'a gradient that is not finite'} (rows {named})"


class Gradients:
    """Where gradients are computed: device, number format, seeds and the halving of what does not fit."""

    def __init__(self, runtime: Runtime, *, seed: int, stop: Callable[[], bool]) -> None:
        self.accelerator = Accelerator(cpu=runtime.device == "cpu")
        if self.accelerator.scaler is not None:
            raise ConfigError("ACCELERATE_MIXED_PRECISION is fp16, which is not supported; unset it or use bf16 or no")
        self.device: torch.device = self.accelerator.device
        self.runtime = runtime
        self.seed = seed
        self.stop = stop

    def of(
        self,
        model: Trainable,
        rows: Rows,
        lengths: Sequence[int],
        optimizer: torch.optim.Optimizer,
        progress: Progress,
        *,
        weights: Weights | None = None,
    ) -> Outcome:
        """Gradients of the weighted mean loss of `rows`; starts over with halved micro-batches when memory runs out.

        `weights` [rows] are multiplied by the rows' own.
        """
        note = ""
        buffers = [(buffer, buffer.clone()) for buffer in model.module.buffers()]  # running means, if it has any
        while True:
            optimizer.zero_grad(set_to_none=True)
            parts = micro_batches(rows, lengths, max_tokens=progress.micro_tokens)
            try:
                with seeded(self.seed, progress.step, device=self.device):
                    outcome = self._accumulate(model, parts, lengths, weights)
                outcome.note = note
                return outcome
            except StopRequestedError:
                _put_back(buffers)
                raise
            except _TooLargeError as error:
                count, longest = error.rows, error.longest
            _put_back(buffers)
            memory.release()  # outside the except block, where the traceback would keep the tensors alive
            if count == 1:
                raise ResourceError(
                    f"one row of {longest} tokens does not fit in memory; try a smaller --max-length, a smaller "
                    "backbone, or a method that trains fewer parameters (lora, head)"
                )
            progress.micro_tokens = (count // 2) * longest
            note = f"out of memory with {count} rows of {longest} tokens: {progress.micro_tokens} tokens at once now"
            logger.warning("%s", note)

    def _accumulate(
        self, model: Trainable, parts: list[list[int]], lengths: Sequence[int], weights: Weights | None
    ) -> Outcome:
        batches = [model.batch(part) for part in parts]
        if weights is not None:
            shares = np.split(weights, np.cumsum([len(part) for part in parts])[:-1])
            batches = [_weighted(batch, share) for batch, share in zip(batches, shares, strict=True)]
        weight = torch.stack([batch.weight.sum() for batch in batches]).sum().clamp(min=torch.finfo(torch.float32).tiny)
        losses = []
        for part, batch in zip(parts, batches, strict=True):
            if self.stop():
                raise StopRequestedError
            try:
                losses.append(self._backward(model, batch, weight))
            except (RuntimeError, MemoryError) as error:
                if not memory.is_out_of_memory(error):
                    raise
                raise _TooLargeError(len(part), max(lengths[row] for row in part)) from error
        weighted = [(loss * batch.weight).sum() for loss, batch in zip(losses, batches, strict=True)]
        return Outcome(
            loss=torch.stack(weighted).sum() / weight,
            losses=losses,
            index=[batch.index for batch in batches],
            rows=sum(len(part) for part in parts),
            tokens=sum(batch.tokens for batch in batches),
        )

    def _backward(self, model: Trainable, batch: Batch, weight: torch.Tensor) -> torch.Tensor:
        with self.runtime.autocast():
            losses = model.loss(model.forward(batch), batch).float()
        self.accelerator.backward((losses * batch.weight).sum() / weight)
        return losses.detach()


def _weighted(batch: Batch, share: Weights) -> Batch:
    return replace(batch, weight=batch.weight * torch.from_numpy(share).to(batch.weight))


def _put_back(buffers: list[tuple[torch.Tensor, torch.Tensor]]) -> None:
    """A step that is dropped leaves no trace."""
    for buffer, before in buffers:
        buffer.copy_(before)
