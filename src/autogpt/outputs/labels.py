"""Any number of labels per row: a sigmoid per label."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from autogpt.core import Decision, Inputs, LabelSpace, Prediction
from autogpt.soft_targets import any_soft, mixed

if TYPE_CHECKING:
    import torch

    from autogpt.core import Array, Scores


class Labels:
    """See `core.Output`. Scores and probabilities are [N, C]; a target is a tuple of labels, perhaps empty."""

    name = "labels"
    token_level = False
    linear = True

    def space(self, targets: Sequence[Any]) -> LabelSpace:
        return LabelSpace(labels=tuple(sorted({label for target in targets for label in target})))

    def size(self, space: LabelSpace) -> int:
        return len(space.labels)

    def encode(self, targets: Sequence[Any], space: LabelSpace) -> Array:
        """0/1 table, float32 [N, C]; labels outside the space are left out."""
        if any_soft(targets):
            return np.stack(mixed(targets, lambda labels: self.encode([labels], space)[0]))
        place = {label: i for i, label in enumerate(space.labels)}
        table = np.zeros((len(targets), len(space.labels)), dtype=np.float32)
        for row, target in enumerate(targets):
            for label in target:
                if label in place:
                    table[row, place[label]] = 1.0
        return table

    def prior(self, encoded: Any, space: LabelSpace) -> Array:
        """Log odds of each label's frequency."""
        share = (encoded.sum(axis=0) + 0.5) / (len(encoded) + 1.0)
        return np.asarray(np.log(share / (1.0 - share)))

    def loss(self, logits: torch.Tensor, target: torch.Tensor, class_weight: torch.Tensor | None) -> torch.Tensor:
        from torch.nn.functional import binary_cross_entropy_with_logits

        losses = binary_cross_entropy_with_logits(logits, target, pos_weight=class_weight, reduction="none")
        return losses.mean(dim=-1)

    def probabilities(self, scores: Scores, space: LabelSpace, decision: Decision) -> Array:
        scaled = np.asarray(scores, dtype=np.float64) / decision.temperature
        return np.asarray(1.0 / (1.0 + np.exp(-np.clip(scaled, -50, 50))))

    def average(self, tables: Sequence[Scores], weights: Sequence[float]) -> Array:
        """Log odds of the mean probability of each label."""
        share = np.log(np.asarray(weights, dtype=np.float64) / np.sum(weights))
        scores = [np.asarray(table, dtype=np.float64) for table in tables]
        there = np.logaddexp.reduce([w - np.logaddexp(0.0, -one) for w, one in zip(share, scores, strict=True)])
        absent = np.logaddexp.reduce([w - np.logaddexp(0.0, one) for w, one in zip(share, scores, strict=True)])
        return np.asarray(there - absent)

    def decode(
        self, scores: Scores, space: LabelSpace, decision: Decision, inputs: Sequence[Inputs]
    ) -> list[Prediction]:
        """Labels above the threshold, likeliest first. Confidence: of the least sure accept-or-reject choice."""
        table = self.probabilities(scores, space, decision)
        answers = []
        for row in table:
            order = [int(i) for i in np.argsort(-row, kind="stable")]
            chosen = [i for i in order if row[i] >= decision.threshold]
            rest = [i for i in order if row[i] < decision.threshold]
            sure = float(np.where(row >= decision.threshold, row, 1.0 - row).min()) if len(row) else None
            answers.append(
                Prediction(
                    tuple(space.labels[i] for i in chosen),
                    sure,
                    space.labels[rest[0]] if rest else None,
                    abstained=sure is not None and sure < decision.abstain_below,
                )
            )
        return answers


plugin = Labels()
