"""Share of the answers that are the target letter by letter, but for white space."""

from __future__ import annotations

from autogpt.metrics._written import MeanOfTexts

plugin = MeanOfTexts("text-match", lambda right, answer: float(right.split() == answer.split()))
