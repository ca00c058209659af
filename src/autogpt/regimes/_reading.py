"""Blocks of texts as the training loop sees them: hidden anew at every step, by an objective."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from autogpt.blocks import Objective, Signs, salience
from autogpt.core import Batch

if TYPE_CHECKING:
    import torch

    from autogpt.backbones._language import LanguageModel
    from autogpt.core import Array


class Reading:
    """See `core.Trainable`: blocks of texts, hidden anew at every step. How many there were stands in a buffer of the
    model, so that a stopped training hides what one that went on would have hidden."""

    def __init__(self, language: LanguageModel, objective: Objective, blocks: Sequence[Array], *, seed: int) -> None:
        import torch

        self.language, self.module = language, language.model
        self.blocks, self.objective, self.seed = blocks, objective, seed
        signs = language.signs()
        self.signs = replace(signs, salience=salience(blocks, signs.vocabulary))
        device = next(self.module.parameters()).device
        self.module.register_buffer("autogpt_step", torch.zeros((), dtype=torch.long, device=device))

    def remove(self) -> None:
        """Leave the model as it is to be saved."""
        del self.module.autogpt_step

    def lengths(self) -> Sequence[int]:
        return [len(block) for block in self.blocks]

    def batch(self, rows: Sequence[int]) -> Batch:
        rng = np.random.default_rng([self.seed, int(self.module.autogpt_step), int(rows[0])])
        return tensors(self.objective, [self.blocks[row] for row in rows], self.signs, rng, self.module, rows)

    def forward(self, batch: Batch) -> torch.Tensor:
        told = {} if self.objective.family == "encoder" else {"use_cache": False}
        logits: torch.Tensor = self.module(**batch.inputs, **told).logits
        return logits

    def loss(self, logits: torch.Tensor, batch: Batch) -> torch.Tensor:
        """Mean over a row's told tokens [B]."""
        return losses(logits, batch.target).sum(dim=1) / (batch.target >= 0).sum(dim=1).clamp(min=1)

    def groups(self) -> list[dict[str, Any]]:
        return self.language.groups()

    def after_step(self, step: int, total: int) -> None:
        self.module.autogpt_step.fill_(step)


def losses(logits: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Minus log probability [B, T] of each token that is to be told; 0 elsewhere."""
    from torch.nn.functional import cross_entropy

    return cross_entropy(logits.float().transpose(1, 2), target, ignore_index=-100, reduction="none")


def tensors(
    objective: Objective,
    blocks: Sequence[Array],
    signs: Signs,
    rng: np.random.Generator,
    module: Any,
    rows: Sequence[int],
) -> Batch:
    import torch

    made = objective.batch(blocks, signs, rng)
    device = next(module.parameters()).device
    return Batch(
        inputs={name: torch.from_numpy(np.ascontiguousarray(table)).to(device) for name, table in made.inputs.items()},
        target=torch.from_numpy(np.ascontiguousarray(made.target)).to(device),
        weight=torch.ones(len(blocks), device=device),
        index=torch.tensor(list(rows)),
        tokens=sum(map(len, blocks)),
    )
