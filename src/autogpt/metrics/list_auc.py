"""Area under the ROC curve within a row, averaged over rows: how often a relevant candidate stands above another one.

Rows with only relevant candidates have none and are left out ("Optimizing Search Engines using Clickthrough Data",
Joachims 2002, counts the same pairs). Equal scores count one half.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from autogpt.metrics._lists import ListMetric

if TYPE_CHECKING:
    from autogpt.core import Array


class ListAUC(ListMetric):
    name = "list-auc"

    def of(self, relevance: Array, scores: Array) -> float:
        good, bad = scores[relevance > 0], scores[relevance <= 0]
        if not len(bad):
            return float("nan")
        return float((np.sign(good[:, None] - bad[None, :]) / 2 + 0.5).mean())


plugin = ListAUC()
