"""A training with a second one beside it, whose loss is added: a supervised one, and a self-supervised one on texts.

The second loss keeps the body from forgetting what texts are like ("An Embarrassingly Simple Approach for Transfer
Learning from Pretrained Language Models", Chronopoulou et al. 2019, whose weight falls as training goes on). Ours falls
linearly to 0, so that the last steps are for the labels alone, and gives a row's loss the second one's gradient but not
its number: what is logged, picked and left out (`training.pruning`) are losses of rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import torch

from autogpt.core import Batch

if TYPE_CHECKING:
    from autogpt.core import Trainable


@dataclass(frozen=True, slots=True)
class Both(Batch):
    """A batch of the first training, and as many rows of the second."""

    beside: Batch


class Auxiliary:
    """See `core.Trainable`: rows of `first`, each with a row of `second` drawn at random; the modules may share
    parameters. `weight` of the second loss in the first step."""

    def __init__(self, first: Trainable, second: Trainable, *, weight: float, seed: int) -> None:
        self.first, self.second, self.weight, self.seed = first, second, weight, seed
        self.count = len(second.lengths())
        # The first stands last: what it keeps out of training mode of a shared body stays so.
        self.module: Any = torch.nn.ModuleList([second.module, first.module])
        device = next(first.module.parameters()).device
        self.module.register_buffer("autogpt_steps", torch.zeros(2, dtype=torch.long, device=device))

    def lengths(self) -> Sequence[int]:
        return self.first.lengths()

    def batch(self, rows: Sequence[int]) -> Both:
        step = int(self.module.autogpt_steps[0])
        rng = np.random.default_rng([self.seed, 19, step, int(rows[0])])
        drawn = rng.choice(self.count, size=len(rows), replace=len(rows) > self.count)
        own = self.first.batch(rows)
        return Both(
            **{one.name: getattr(own, one.name) for one in fields(Batch)},
            beside=self.second.batch([int(row) for row in drawn]),
        )

    def forward(self, batch: Batch) -> torch.Tensor:
        return self.first.forward(batch)

    def loss(self, logits: torch.Tensor, batch: Batch) -> torch.Tensor:
        """Loss [B] of the first training; its gradient is that of both."""
        beside = cast("Both", batch).beside  # the loop gives back what `batch` made
        own = self.first.loss(logits, batch).float()
        step, total = self.module.autogpt_steps.tolist()
        weight = self.weight * (1 - step / total if total else 1.0)
        more = weight * self.second.loss(self.second.forward(beside), beside).float().mean()
        return own + (more - more.detach())

    def groups(self) -> list[dict[str, Any]]:
        """Both trainings' groups; a parameter that they share stands in the first one's."""
        found = list(self.first.groups())
        known = {id(parameter) for group in found for parameter in group["params"]}
        for group in self.second.groups():
            pairs = zip(group["names"], group["params"], strict=True)
            fresh = [(f"beside.{name}", parameter) for name, parameter in pairs if id(parameter) not in known]
            if fresh:
                found.append({**group, "names": [name for name, _ in fresh], "params": [one for _, one in fresh]})
        return found

    def after_step(self, step: int, total: int) -> None:
        self.first.after_step(step, total)
        self.second.after_step(step, total)
        self.module.autogpt_steps.copy_(torch.tensor([step, total]))
