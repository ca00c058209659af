"""Normalised discounted cumulative gain of the first ten.

"Cumulated Gain-Based Evaluation of IR Techniques" (Järvelin & Kekäläinen 2002). A right label at place r
brings 1 / log2(r + 1); the sum is divided by that of the best order. Gains are 0 or 1.
"""

from __future__ import annotations

import numpy as np

from autogpt.metrics._ranking import Found, RankMetric

CUT = 10
_SUMS = np.concatenate([[0.0], np.cumsum(1.0 / np.log2(np.arange(2, CUT + 2)))])
"""Discounts of the first 0, 1 ... 10 places, summed."""


class NDCG(RankMetric):
    name = f"ndcg-at-{CUT}"

    def of(self, row: Found) -> float:
        first, last = np.minimum(row.above, CUT), np.minimum(row.above + row.tied, CUT)
        gains = (_SUMS[last] - _SUMS[first]) / np.maximum(row.tied, 1)
        return float(gains.sum() / _SUMS[min(row.right, CUT)])


plugin = NDCG()
