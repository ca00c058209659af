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

from autogpt import footprint, memory
from autogpt.core import Batch, Trainable
from autogpt.errors import ConfigError, ResourceError
from autogpt.runtime import Runtime
from autogpt.training.batching import Rows, micro_batches, padded_tokens
from autogpt.training.checkpoint import Progress
from autogpt.training.pruning import Weights
from autogpt.training.randomness import seeded

logger = logging.getLogger(__name__)

WHOLE = 1 << 30
"""Tokens at once where a batch must not be torn apart."""
PROBES = 2
"""Batches that are computed to see what they take, and not applied."""
_TOO_MUCH = 1 << 60


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
    """Gradients are in place; this is what is known about their batch, of all rows of which `weight` is the weight.
    `losses` and `index` hold a tensor per part."""

    loss: torch.Tensor
    losses: list[torch.Tensor]
    index: list[torch.Tensor]
    weight: torch.Tensor
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

    processes = 1
    """That compute each batch together, and share this machine's memory."""

    def __init__(self, runtime: Runtime, *, seed: int, stop: Callable[[], bool], rank: int = 0) -> None:
        self.accelerator = Accelerator(cpu=runtime.device == "cpu")
        if self.accelerator.scaler is not None:
            raise ConfigError("ACCELERATE_MIXED_PRECISION is fp16, which is not supported; unset it or use bf16 or no")
        self.device: torch.device = self.accelerator.device
        self.runtime = runtime
        self.seed, self.rank = seed, rank
        self.stop = stop

    def of(
        self,
        model: Trainable,
        rows: Rows,
        lengths: Sequence[int],
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
            model.module.zero_grad(set_to_none=True)
            parts = micro_batches(rows, lengths, max_tokens=progress.micro_tokens)
            try:
                with seeded(self.seed, progress.step, self.rank, device=self.device):
                    outcome = self._accumulate(model, parts, lengths, weights)
                outcome.note = note or self._watched(parts, lengths, progress)
                return outcome
            except StopRequestedError:
                _put_back(buffers)
                raise
            except _TooLargeError as error:
                count, longest = error.rows, error.longest
            _put_back(buffers)
            memory.release()  # outside the except block, where the traceback would keep the tensors alive
            if count == 1 or progress.micro_tokens >= WHOLE:
                raise ResourceError(
                    f"{count} rows of {longest} tokens do not fit in memory; try a smaller --max-length, a smaller "
                    "backbone, or a method that trains fewer parameters (lora, head)"
                )
            progress.micro_tokens = (count // 2) * longest
            note = f"out of memory with {count} rows of {longest} tokens: {progress.micro_tokens} tokens at once now"
            logger.warning("%s", note)

    def probe(self, model: Trainable, lengths: Sequence[int], progress: Progress, *, ahead: int, whole: int = 0) -> str:
        """Fewer rows at once where the longest would not fit; what was changed, in words.

        The longest row is computed forward and back, then two of them beside its gradients, and what each takes is
        counted; nothing is applied. (A step that makes its gradients lets go at the same time what it kept, so that
        they hide the rows in its peak.) `ahead` bytes will be taken beside: moments of the optimizer, kept states.
        Batches of `whole` rows must not be torn apart (0: they may). ResourceError with the number where there is no
        room for the least.
        """
        longest = int(np.argmax(np.asarray(lengths)))
        width = int(lengths[longest])
        memory.release()
        room = self.runtime.room()
        one = self._footprint(model, [longest], progress)
        two = _TOO_MUCH if one == _TOO_MUCH else self._footprint(model, [longest, longest], progress)
        gradients = sum(p.grad.nbytes for p in model.module.parameters() if p.grad is not None)
        model.module.zero_grad(set_to_none=True)
        if one == _TOO_MUCH:
            raise ResourceError(
                f"one row of {width} tokens does not fit in memory, and {memory.size(room.bytes)} may be used "
                f"({room.bound}); try a smaller backbone, or a method that trains fewer parameters (lora, head)"
            )
        row = one if two == _TOO_MUCH else two // 2
        others = self.processes if self.device.type == "cpu" else 1  # who takes as much of the same memory
        fixed, row = others * gradients + ahead, others * row
        rows = int((memory.SHARE * room.bytes - fixed) / max(row, 1))
        if rows < max(1, whole):
            what = f"a batch of {whole} rows" if whole else "one row"
            raise ResourceError(
                f"{what} of {width} tokens takes {memory.size((fixed + max(1, whole) * row) / memory.SHARE)} of memory "
                f"while it trains, and {memory.size(room.bytes)} may be used ({room.bound}); use a smaller backbone, a "
                "method that trains fewer parameters (head), or a higher --memory-limit"
            )
        if whole or rows * width >= progress.micro_tokens:
            return ""
        progress.micro_tokens = rows * width
        memory.frugal()
        return (
            f"{progress.micro_tokens:,} tokens at once, for lack of memory (batches stay as large, in parts): "
            f"{memory.size(room.bytes)} may be used ({room.bound})"
        )

    def _watched(self, parts: list[list[int]], lengths: Sequence[int], progress: Progress) -> str:
        """Half as much at once from here on, when a step passed the memory limit; what was changed, in words."""
        largest = max(parts, key=lambda part: padded_tokens(np.asarray(part), lengths))
        if len(largest) == 1 or progress.micro_tokens >= WHOLE or not self.runtime.exceeded():
            return ""
        tokens = padded_tokens(np.asarray(largest), lengths)
        progress.micro_tokens = min(progress.micro_tokens, (len(largest) // 2) * (tokens // len(largest)))
        memory.release()
        return f"{tokens:,} tokens at once passed the memory limit: {progress.micro_tokens:,} from here on"

    def _footprint(self, model: Trainable, rows: list[int], progress: Progress) -> int:
        """Bytes that a step over some rows takes at most, beside gradients there are; it leaves gradients alone."""
        buffers = [(buffer, buffer.clone()) for buffer in model.module.buffers()]

        def step() -> None:
            batch = model.batch(rows)
            self._backward(model, batch, batch.weight.sum())

        try:
            with seeded(self.seed, progress.step, self.rank, device=self.device):
                return footprint.of(step, model.module)
        except (RuntimeError, MemoryError) as error:
            if not memory.is_out_of_memory(error):
                raise
            return _TOO_MUCH
        finally:
            _put_back(buffers)

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
            weight=weight,
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
