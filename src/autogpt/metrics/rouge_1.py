"""Shared words ("ROUGE", Lin 2004; see `_written`)."""

from __future__ import annotations

from autogpt.metrics._written import MeanOfTexts, rouge

plugin = MeanOfTexts("rouge-1", rouge("rouge1"))
