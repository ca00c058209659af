"""Share of rows whose first candidate is a most relevant one: accuracy of multiple choice, precision at 1 of a ranking.

Candidates that share the first place count as the share of them that is right.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from autogpt.metrics._lists import ListMetric, tied

if TYPE_CHECKING:
    from autogpt.core import Array


class ChoiceAccuracy(ListMetric):
    name = "choice-accuracy"

    def of(self, relevance: Array, scores: Array) -> float:
        first = next(tied(relevance, scores))
        return float((first == relevance.max()).mean())


plugin = ChoiceAccuracy()
