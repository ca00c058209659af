"""Candidates of a row in order of relevance: a score each, softmax within the row.

The loss is the listwise cross-entropy of ListNet ("Learning to Rank: From Pairwise Approach to Listwise Approach",
Cao et al. 2007, its top-one form). Ours shares the probability among candidates in proportion to their relevance
instead of to its exponential: a relevance of 0 then is no click at all, and one right choice is plain cross-entropy.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from autogpt.core import Decision, Inputs, LabelSpace, Prediction
from autogpt.outputs.classes import log_mean_softmax, softmax
from autogpt.soft_targets import any_soft, mixed

if TYPE_CHECKING:
    import torch

    from autogpt.core import Array, Scores


class Choices:
    """See `core.Output`. Scores and probabilities are a list of [K_i, 1]; a target has a relevance per candidate."""

    name = "choices"
    token_level = False
    linear = True

    def space(self, targets: Sequence[Any]) -> LabelSpace:
        return LabelSpace()

    def size(self, space: LabelSpace) -> int:
        return 1

    def encode(self, targets: Sequence[Any], space: LabelSpace) -> list[Array]:
        """Each candidate's share of the row's relevance, list of float32 [K_i]; zeros where nothing is relevant."""
        if any_soft(targets):
            return [row.ravel() for row in mixed(targets, lambda one: self.encode([one], space)[0][:, None])]
        rows = [np.asarray(target, dtype=np.float32) for target in targets]
        return [row / total if (total := row.sum()) > 0 else row for row in rows]

    def prior(self, encoded: Any, space: LabelSpace) -> Array:
        """A candidate that nothing is known of is as good as any other."""
        return np.zeros(1)

    def loss(self, logits: torch.Tensor, target: torch.Tensor, class_weight: torch.Tensor | None) -> torch.Tensor:
        """target [B, K], filled up with -100; logits of all real candidates, row after row, in any shape."""
        import torch

        there = target != -100
        table = torch.zeros_like(target).masked_scatter(there, logits.reshape(-1).to(target.dtype))
        log_share = torch.log_softmax(table.masked_fill(~there, -torch.inf), dim=-1)
        return -(target * log_share).masked_fill(~there, 0.0).sum(dim=-1)

    def probabilities(self, scores: Scores, space: LabelSpace, decision: Decision) -> list[Array]:
        return [softmax(np.asarray(table).T, decision.temperature).T for table in scores]

    def average(self, tables: Sequence[Scores], weights: Sequence[float]) -> list[Array]:
        rows = zip(*tables, strict=True)
        return [log_mean_softmax([np.asarray(table) for table in row], weights, axis=0) for row in rows]

    def decode(
        self, scores: Scores, space: LabelSpace, decision: Decision, inputs: Sequence[Inputs]
    ) -> list[Prediction]:
        """The best candidate as the user calls it, and all of them in order. Equal ones stay as they stood."""
        answers = []
        for table, row in zip(self.probabilities(scores, space, decision), inputs, strict=True):
            names = row.get("names", row["choices"])
            order = [int(place) for place in np.argsort(-table[:, 0], kind="stable")]
            sure = float(table[order[0], 0])
            answers.append(
                Prediction(
                    names[order[0]],
                    sure,
                    str(names[order[1]]) if len(order) > 1 else None,
                    abstained=sure < decision.abstain_below,
                    best=tuple((names[place], float(table[place, 0])) for place in order),
                )
            )
        return answers


plugin = Choices()
