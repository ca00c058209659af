"""Rows that are learned already are computed less often, and weigh more when they are: fewer tokens, the same gradient.

"InfoBatch: Lossless Training Speed Up by Unbiased Dynamic Data Pruning" (Qin et al. 2024): of the rows whose last known
loss is below the mean, a share r is left out at random and the others weigh 1 / (1 - r), so that the expected gradient
is that of all rows; the last steps see all rows again. Ours leaves rows out of each batch instead of each epoch: the
number of steps, the learning rate's schedule and what a resumed run does next stay as they were planned. What
the linear head lost is known before the first step, so the first pass is shortened too. Rows whose loss is not known
yet are never left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from autogpt.training.batching import Rows

Weights = np.ndarray[Any, np.dtype[np.float32]]

WHOLE = 0.125
"""The last share of the steps, in which no row is left out (as in the paper)."""


class Pruning:
    """Last known loss per row [N] (NaN: none), and the draw of a step that depends on (seed, step) alone."""

    def __init__(self, rows: int, *, share: float, seed: int, losses: Sequence[float] | None = None) -> None:
        self.share, self.seed = share, seed
        self.losses = torch.full((rows,), torch.nan) if losses is None else torch.tensor(losses, dtype=torch.float32)

    def pick(self, rows: Rows, step: int, total: int) -> tuple[Rows, Weights]:
        """Which of a batch's rows to compute at `step` (from 0) of `total`, and what each weighs. Order is kept."""
        known = self.losses[rows]
        weights = np.ones(len(rows), dtype=np.float32)
        if not self.share or step >= (1 - WHOLE) * total:
            return rows, weights
        learned = (known < self.losses.nanmean()).numpy()
        drawn = np.random.default_rng([self.seed, step, 29]).random(len(rows))
        kept = ~learned | (drawn >= self.share)
        if not kept.any():
            kept[int(known.argmax())] = True
        weights[learned] = 1 / (1 - self.share)
        return rows[kept], weights[kept]

    def record(self, rows: Rows, losses: Sequence[torch.Tensor]) -> None:
        """What the rows of a step just lost, in their order."""
        self.losses[torch.from_numpy(rows)] = torch.cat(list(losses)).float().cpu()
