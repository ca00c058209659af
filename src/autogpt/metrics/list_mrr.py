"""Mean reciprocal rank: one over the place of the first relevant candidate, averaged over rows.

"The TREC-8 Question Answering Track Report" (Voorhees 1999).
"""

from __future__ import annotations

from math import comb
from typing import TYPE_CHECKING

from autogpt.metrics._lists import ListMetric, tied

if TYPE_CHECKING:
    from autogpt.core import Array


class ListMRR(ListMetric):
    name = "list-mrr"

    def of(self, relevance: Array, scores: Array) -> float:
        before = 0
        for group in tied(relevance > 0, scores):
            size, relevant = len(group), int(group.sum())
            if relevant:
                # The first of `relevant` among `size` in random order stands at `place` with this probability.
                ways = [comb(size - place, relevant - 1) for place in range(1, size - relevant + 2)]
                whole = comb(size, relevant)
                return float(sum(n / whole / (before + place) for place, n in enumerate(ways, start=1)))
            before += size
        return float("nan")


plugin = ListMRR()
