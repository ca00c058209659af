"""Mean reciprocal rank: 1 / the place of the first right label.

"The TREC-8 Question Answering Track Report" (Voorhees 1999).
"""

from __future__ import annotations

import numpy as np

from autogpt.metrics._ranking import Found, RankMetric


class MRR(RankMetric):
    name = "mrr"

    def of(self, row: Found) -> float:
        """Of n equal labels, k of them right, the first is at place j with chance C(n - j, k - 1) / C(n, k)."""
        if not len(row.above):
            return 0.0
        above = int(row.above.min())
        best = row.above == above
        n, k = int(row.tied[best][0]), int(best.sum())
        places = np.arange(1, n - k + 2)
        wrong = (n - k + 1 - places[:-1]) / (n + 1 - places[:-1])  # chance that place j is wrong, when those before are
        chance = np.concatenate([[1.0], np.cumprod(wrong)]) * k / (n + 1 - places)
        return float((chance / (above + places)).sum())


plugin = MRR()
