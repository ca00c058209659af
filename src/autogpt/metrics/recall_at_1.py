"""Share of the right labels that stand first (with one right label per row: the share of rows answered right)."""

from autogpt.metrics._ranking import Recall

plugin = Recall(1)
