"""NDCG@10 within a row's candidates: gains of the first ten, each divided by log2(place + 1), over the best possible.

"Cumulated gain-based evaluation of IR techniques" (Järvelin & Kekäläinen 2002); the gain is the relevance itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from autogpt.metrics._lists import ListMetric, tied

if TYPE_CHECKING:
    from autogpt.core import Array

CUT = 10


class ListNDCG(ListMetric):
    name = "list-ndcg"

    def of(self, relevance: Array, scores: Array) -> float:
        discount = _discount(len(relevance))
        gains = np.concatenate([np.full(len(group), group.mean()) for group in tied(relevance, scores)])
        return float(gains @ discount / (np.sort(relevance)[::-1] @ discount))


def _discount(count: int) -> Array:
    """1 / log2(place + 1) of places 1 to 10, 0 of later ones."""
    places = np.arange(1, count + 1)
    return np.asarray(np.where(places <= CUT, 1 / np.log2(places + 1), 0.0))


plugin = ListNDCG()
