"""F1 of each label, averaged with equal weight: rare labels count as much as common ones.

Labels are those in gold or in the predictions. A label that is never right counts as 0, never as undefined; no rows
give NaN. Rows have one label or a set of labels.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from autogpt.metrics._labels import F1Metric, Rows, blocks, f1, ratio

if TYPE_CHECKING:
    from autogpt.core import Array


class MacroF1(F1Metric):
    def score(self, rows: Rows, weights: Array) -> Array:
        right, predicted, gold = blocks(rows, weights)
        present = predicted + gold > 0
        return ratio(f1(right, predicted, gold).sum(axis=1), present.sum(axis=1))


plugin = MacroF1("macro")
