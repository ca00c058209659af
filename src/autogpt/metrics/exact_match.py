"""Share of the answers that are one of the right ones, but for case, punctuation and articles (see `_answers`)."""

from __future__ import annotations

from autogpt.metrics._answers import AnswerMetric, exact

plugin = AnswerMetric("exact-match", exact)
