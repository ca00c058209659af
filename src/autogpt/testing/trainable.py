"""A real, tiny thing to train, for tests of the loop and of what is built on it.

Bags of token ids with dropout and a running buffer, labels that can be learned, lengths and weights that differ.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from autogpt.core import Batch

CLASSES = 3


@dataclass(frozen=True)
class Accuracy:
    """What the loop needs of a metric."""

    name: str = "accuracy"
    higher_is_better: bool = True


class Net(torch.nn.Module):
    def __init__(self, dropout: float) -> None:
        super().__init__()
        self.embedding = torch.nn.Embedding(50, 16)
        self.norm = torch.nn.LayerNorm(16)
        self.dropout = torch.nn.Dropout(dropout)
        self.head = torch.nn.Linear(16, CLASSES)
        self.calls: torch.Tensor
        self.register_buffer("calls", torch.zeros(1))

    def forward(self, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        if self.training:
            self.calls += 1
        mean = (self.embedding(ids) * mask[..., None]).sum(1) / mask.sum(1, keepdim=True)
        logits: torch.Tensor = self.head(self.dropout(self.norm(mean)))
        return logits


def _none(batch: Batch, losses: torch.Tensor) -> torch.Tensor:
    return losses


class TinyTrainable:
    """A `core.Trainable`. `seen` has the rows of every micro-batch; `fault` may raise or spoil what it is given.
    `matrices`: the head's matrix is told to begin at random."""

    def __init__(self, *, rows: int = 70, dropout: float = 0.2, seed: int = 1, matrices: bool = False) -> None:
        self.matrices = matrices
        rng = np.random.default_rng(seed)
        self.ids = [rng.integers(1, 50, int(rng.integers(3, 20))) for _ in range(rows)]
        self.labels = [int(ids.min()) % CLASSES for ids in self.ids]
        self.weights = rng.uniform(0.5, 2.0, rows).astype(np.float32)
        with torch.random.fork_rng(devices=[]):  # also in forked processes, where a GPU cannot be asked
            torch.manual_seed(seed)
            self.module: torch.nn.Module = Net(dropout)
        self.seen: list[list[int]] = []
        self.fault: Callable[[Batch, torch.Tensor], torch.Tensor] = _none

    def lengths(self) -> Sequence[int]:
        return [len(ids) for ids in self.ids]

    def batch(self, rows: Sequence[int]) -> Batch:
        longest = max(len(self.ids[row]) for row in rows)
        ids = torch.zeros(len(rows), longest, dtype=torch.long)
        for place, row in enumerate(rows):
            ids[place, : len(self.ids[row])] = torch.from_numpy(self.ids[row])
        self.seen.append(list(rows))
        return Batch(
            inputs={"ids": ids, "mask": (ids > 0).float()},
            target=torch.tensor([self.labels[row] for row in rows]),
            weight=torch.from_numpy(self.weights[list(rows)]),
            index=torch.tensor(list(rows)),
            tokens=int((ids > 0).sum()),
        )

    def forward(self, batch: Batch) -> torch.Tensor:
        logits: torch.Tensor = self.module(batch.inputs["ids"], batch.inputs["mask"])
        return logits

    def loss(self, logits: torch.Tensor, batch: Batch) -> torch.Tensor:
        return self.fault(batch, torch.nn.functional.cross_entropy(logits, batch.target, reduction="none"))

    def after_step(self, step: int, total: int) -> None:
        """Nothing follows a step."""

    def groups(self) -> list[dict[str, Any]]:
        body = [p for name, p in self.module.named_parameters() if not name.startswith("head")]
        head = [p for name, p in self.module.named_parameters() if name.startswith("head")]
        return [{"params": body}, {"params": head, "lr_scale": 5.0, "matrices": self.matrices}]

    def validate(self) -> dict[str, float]:
        batch = self.batch(range(len(self.ids)))
        self.seen.pop()
        torch.rand(7)  # a validation that draws must not change the training
        return {"accuracy": float((self.forward(batch).argmax(1) == batch.target).float().mean())}

    def state(self) -> dict[str, torch.Tensor]:
        return {name: value.clone() for name, value in self.module.state_dict().items()}


def same(a: Mapping[str, torch.Tensor], b: Mapping[str, torch.Tensor]) -> bool:
    """Whether two states are equal bit for bit."""
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)
