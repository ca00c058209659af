"""F-score of shared character n-grams ("chrF", Popović 2015), by sacrebleu (see `_written`)."""

from __future__ import annotations

from autogpt.metrics._written import CorpusMetric

plugin = CorpusMetric("chrf", "chrf")
