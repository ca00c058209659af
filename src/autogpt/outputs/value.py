"""A number per row. Scores are in units of the training targets' standard deviation, around their mean."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from autogpt.core import Decision, Inputs, LabelSpace, Prediction
from autogpt.soft_targets import any_soft, mixed

if TYPE_CHECKING:
    import torch

    from autogpt.core import Array, Scores


class Value:
    """See `core.Output`. Scores are [N, 1], scaled; `probabilities` gives [N, 1] in the user's unit."""

    name = "value"
    token_level = False
    linear = True

    def space(self, targets: Sequence[Any]) -> LabelSpace:
        values = np.asarray(targets, dtype=np.float64)
        return LabelSpace(center=float(values.mean()), scale=float(values.std()) or 1.0)

    def size(self, space: LabelSpace) -> int:
        return 1

    def encode(self, targets: Sequence[Any], space: LabelSpace) -> Array:
        if any_soft(targets):
            targets = np.concatenate(mixed(targets, np.atleast_1d)).tolist()
        values = (np.asarray(targets, dtype=np.float64) - space.center) / space.scale
        return np.asarray(values, dtype=np.float32)

    def prior(self, encoded: Any, space: LabelSpace) -> Array:
        """The mean."""
        return np.zeros(1)

    def loss(self, logits: torch.Tensor, target: torch.Tensor, class_weight: torch.Tensor | None) -> torch.Tensor:
        return (logits[:, 0] - target).square()

    def probabilities(self, scores: Scores, space: LabelSpace, decision: Decision) -> Array:
        return np.asarray(scores, dtype=np.float64) * space.scale + space.center

    def average(self, tables: Sequence[Scores], weights: Sequence[float]) -> Array:
        return np.asarray(
            np.average([np.asarray(table, dtype=np.float64) for table in tables], axis=0, weights=weights)
        )

    def decode(
        self, scores: Scores, space: LabelSpace, decision: Decision, inputs: Sequence[Inputs]
    ) -> list[Prediction]:
        return [Prediction(float(value)) for value in self.probabilities(scores, space, decision)[:, 0]]


plugin = Value()
