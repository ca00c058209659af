"""Mean average precision: the precision at the place of each relevant candidate, averaged within and over rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from autogpt.metrics._lists import ListMetric, tied

if TYPE_CHECKING:
    from autogpt.core import Array


class ListMAP(ListMetric):
    name = "list-map"

    def of(self, relevance: Array, scores: Array) -> float:
        total, before, found = 0.0, 0, 0
        for group in tied(relevance > 0, scores):
            size, relevant = len(group), int(group.sum())
            if relevant:
                place = np.arange(1, size + 1)
                # Relevant ones expected up to a place of the group, given that a relevant one stands there.
                expected = found + 1 + (place - 1) * (relevant - 1) / max(size - 1, 1)
                total += float((relevant / size * expected / (before + place)).sum())
            before, found = before + size, found + relevant
        return total / found


plugin = ListMAP()
