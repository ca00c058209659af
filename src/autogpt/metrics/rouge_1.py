"""Shared words ("ROUGE", Lin 2004; see `_written`)."""

from __future__ import annotations

from autogpt.metrics._written import Rouge

plugin = Rouge("rouge-1", "rouge1")
