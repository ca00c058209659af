"""Rows that are learned already are computed less often, and weigh more when they are: fewer tokens, the same gradient.

"InfoBatch: Lossless Training Speed Up by Unbiased Dynamic Data Pruning" (Qin et al. 2024) leaves out a share of the
rows whose last known loss is below the mean, and lets the others weigh more, so that the expected gradient is that of
all rows; the last steps see all rows again. Ours keeps a row with a probability in proportion to its loss, as
importance sampling does ("Not All Samples Are Created Equal", Katharopoulos & Fleuret 2018), with a floor that bounds
the weights; and it leaves rows out of each batch instead of each epoch, so that the number of steps, the learning
rate's schedule and what a resumed run does next stay as they were planned. What the linear head lost is known before
the first step, so the first pass is shortened too. Rows whose loss is not known yet are never left out.
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
        if not self.share or step >= (1 - WHOLE) * total:
            return rows, np.ones(len(rows), dtype=np.float32)
        relative = (self.losses[rows] / self.losses.nanmean()).nan_to_num(nan=1.0)
        probability = relative.clamp(1 - self.share, 1.0).numpy()
        drawn = np.random.default_rng([self.seed, step, 29]).random(len(rows))
        kept = drawn < probability
        if not kept.any():
            kept[int((drawn / probability).argmin())] = True
        return rows[kept], (1 / probability[kept]).astype(np.float32)

    def record(self, rows: Rows, losses: Sequence[torch.Tensor]) -> None:
        """What the rows of a step just lost, in their order. It waits for a GPU: only where it is used."""
        if not self.share:
            return
        self.losses[torch.from_numpy(rows)] = torch.cat(list(losses)).float().cpu()
