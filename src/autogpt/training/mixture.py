"""Several trainings as one: their rows in a temperature-mixed order, each row's loss in units of its own task.

"Exploring the Limits of Transfer Learning with a Unified Text-to-Text Transformer" (Raffel et al. 2020) draws task m in
proportion to its number of rows to the power 1/T: T = 1 is the plain mixture, a large T gives all tasks the same. Ours
draws without replacement (whole passes over a task's rows, then a part of one), fixes the draw before the first step,
so that a resumed training sees the same rows, and bounds how often a small task is repeated instead of how much a large
one counts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import torch

from autogpt.core import Batch, Trainable
from autogpt.errors import ConfigError

if TYPE_CHECKING:
    from autogpt.core import Array

MOST_REPEATS = 3.0
"""Passes over a small task's rows, at most, for each pass over all rows: more would learn them by heart."""


def proportions(counts: Sequence[int], *, temperature: float) -> Array:
    """The share of every task [K], summing to 1: its rows to the power 1 / temperature."""
    if not temperature >= 1:
        raise ConfigError(f"mixing temperature {temperature} must be 1 (as many as there are rows) or more")
    weight = np.asarray(counts, dtype=np.float64) ** (1 / temperature)
    return np.asarray(weight / weight.sum())


def draw(counts: Sequence[int], *, passes: float, temperature: float, seed: int) -> list[tuple[int, int]]:
    """(task, row) of a whole training of about `passes` times all rows; every task gives at least one row."""
    total = passes * sum(counts)
    drawn: list[tuple[int, int]] = []
    for task, (count, share) in enumerate(zip(counts, proportions(counts, temperature=temperature), strict=True)):
        wanted = max(1, round(min(total * share, MOST_REPEATS * passes * count)))
        rng = np.random.default_rng([seed, 17, task])
        rounds = [rng.permutation(count) for _ in range(-(-wanted // count))]
        drawn += [(task, int(row)) for row in np.concatenate(rounds)[:wanted]]
    return drawn


@dataclass(frozen=True, slots=True)
class MixedBatch(Batch):
    """Rows of several tasks. `parts` are the tasks' own batches, `order` [B] puts their rows below each other back in
    the order that was asked for."""

    parts: Mapping[str, Batch]
    order: torch.Tensor


class Mixture:
    """See `core.Trainable`: the trainings of several tasks, whose modules may share parameters.

    `scales` multiply the losses of a task. Without them a task of many classes, whose losses are large, would have the
    shared parameters for itself.
    """

    def __init__(
        self, parts: Mapping[str, Trainable], rows: Sequence[tuple[int, int]], *, scales: Mapping[str, float]
    ) -> None:
        self.parts, self.names, self.rows = dict(parts), list(parts), rows
        self.scales = scales
        self.module: torch.nn.Module = torch.nn.ModuleList([part.module for part in parts.values()])

    def lengths(self) -> Sequence[int]:
        own = [part.lengths() for part in self.parts.values()]
        return [own[task][row] for task, row in self.rows]

    def batch(self, rows: Sequence[int]) -> MixedBatch:
        places: dict[str, list[int]] = {}
        for place, row in enumerate(rows):
            places.setdefault(self.names[self.rows[row][0]], []).append(place)
        parts = {
            name: self.parts[name].batch([self.rows[rows[place]][1] for place in own]) for name, own in places.items()
        }
        below = [place for own in places.values() for place in own]
        order = torch.as_tensor(np.argsort(below))
        weight = torch.cat([part.weight for part in parts.values()])
        return MixedBatch(
            inputs={},
            target=weight.new_zeros(0),
            weight=weight[order.to(weight.device)],
            index=torch.as_tensor(list(rows)),
            tokens=sum(part.tokens for part in parts.values()),
            parts=parts,
            order=order,
        )

    def forward(self, batch: Batch) -> torch.Tensor:
        """Losses [B]: the logits of different tasks have no common shape."""
        mixed = cast("MixedBatch", batch)  # the loop gives back what `batch` made
        losses = [
            self.scales[name] * self.parts[name].loss(self.parts[name].forward(part), part).float()
            for name, part in mixed.parts.items()
        ]
        return torch.cat(losses)[mixed.order.to(losses[0].device)]

    def loss(self, logits: torch.Tensor, batch: Batch) -> torch.Tensor:
        return logits

    def groups(self) -> list[dict[str, Any]]:
        """The tasks' groups; a parameter that several tasks share stands in the first of them only."""
        seen: set[int] = set()
        found = []
        for name, part in self.parts.items():
            for group in part.groups():
                named = zip(group["names"], group["params"], strict=True)
                fresh = [(f"{name}.{own}", parameter) for own, parameter in named if id(parameter) not in seen]
                seen.update(id(parameter) for _, parameter in fresh)
                if fresh:
                    found.append({**group, "names": [own for own, _ in fresh], "params": [p for _, p in fresh]})
        return found

    def after_step(self, step: int, total: int) -> None:
        for part in self.parts.values():
            part.after_step(step, total)
