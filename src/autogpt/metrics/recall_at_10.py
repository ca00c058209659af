"""Share of the right labels among the first ten."""

from autogpt.metrics._ranking import Recall

plugin = Recall(10)
