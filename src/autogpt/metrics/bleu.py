"""Shared word n-grams with a penalty for brevity ("BLEU", Papineni et al. 2002), by sacrebleu (see `_written`)."""

from __future__ import annotations

from autogpt.metrics._written import CorpusMetric

plugin = CorpusMetric("bleu", "bleu")
