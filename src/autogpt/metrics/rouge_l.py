"""Longest common subsequence of words ("ROUGE", Lin 2004; see `_written`)."""

from __future__ import annotations

from autogpt.metrics._written import MeanOfTexts, rouge

plugin = MeanOfTexts("rouge-l", rouge("rougeL"))
