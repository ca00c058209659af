"""One label per row: softmax over the label space."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from autogpt.core import Decision, Inputs, LabelSpace, Prediction
from autogpt.soft_targets import any_soft, mixed, one_hot

if TYPE_CHECKING:
    import torch

    from autogpt.core import Array, Scores


def softmax(scores: Array, temperature: float = 1.0) -> Array:
    """Softmax over the last axis, float64, safe for large scores."""
    shifted = np.asarray(scores, dtype=np.float64) / temperature
    shifted = np.exp(shifted - shifted.max(axis=-1, keepdims=True))
    return np.asarray(shifted / shifted.sum(axis=-1, keepdims=True))


def log_mean_softmax(tables: Sequence[Array], weights: Sequence[float], *, axis: int = -1) -> Array:
    """Logarithm of the weighted mean of the tables' softmax over `axis`, float64, safe for large scores."""
    share = np.log(np.asarray(weights, dtype=np.float64) / np.sum(weights))
    logs = []
    for table, log_share in zip(tables, share, strict=True):
        scores = np.asarray(table, dtype=np.float64)
        logs.append(scores - np.logaddexp.reduce(scores, axis=axis, keepdims=True) + log_share)
    return np.asarray(np.logaddexp.reduce(logs, axis=0))


class Classes:
    """See `core.Output`. Scores and probabilities are [N, C]."""

    name = "classes"
    token_level = False
    linear = True

    def space(self, targets: Sequence[Any]) -> LabelSpace:
        return LabelSpace(labels=tuple(sorted(set(targets))))

    def size(self, space: LabelSpace) -> int:
        return len(space.labels)

    def encode(self, targets: Sequence[Any], space: LabelSpace) -> Array:
        """Label places, int64 [N]; a label outside the space is -100 (ignored by losses). With soft targets among them
        shares, float32 [N, C]."""
        place = {label: i for i, label in enumerate(space.labels)}
        if any_soft(targets):
            return np.stack(mixed(targets, lambda label: one_hot(np.array(place.get(label, -100)), len(place))))
        return np.array([place.get(target, -100) for target in targets], dtype=np.int64)

    def prior(self, encoded: Any, space: LabelSpace) -> Array:
        """Log frequencies, with one more row per label so that none is impossible."""
        counts = np.bincount(encoded[encoded >= 0], minlength=len(space.labels)) + 1.0
        return np.asarray(np.log(counts / counts.sum()))

    def loss(self, logits: torch.Tensor, target: torch.Tensor, class_weight: torch.Tensor | None) -> torch.Tensor:
        from torch.nn.functional import cross_entropy

        return cross_entropy(logits, target, weight=class_weight, ignore_index=-100, reduction="none")

    def probabilities(self, scores: Scores, space: LabelSpace, decision: Decision) -> Array:
        return softmax(np.asarray(scores), decision.temperature)

    def average(self, tables: Sequence[Scores], weights: Sequence[float]) -> Array:
        return log_mean_softmax([np.asarray(table) for table in tables], weights)

    def decode(
        self, scores: Scores, space: LabelSpace, decision: Decision, inputs: Sequence[Inputs]
    ) -> list[Prediction]:
        table = self.probabilities(scores, space, decision)
        answers = []
        for row in table:
            order = np.argsort(-row, kind="stable")
            best = int(order[0])
            second = space.labels[int(order[1])] if len(order) > 1 else None
            sure = float(row[best])
            answers.append(Prediction(space.labels[best], sure, second, abstained=sure < decision.abstain_below))
        return answers


plugin = Classes()
