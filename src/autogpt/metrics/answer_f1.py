"""Mean F1 of words (in Chinese and Japanese: characters) that an answer shares with a right one (see `_answers`)."""

from __future__ import annotations

from autogpt.metrics._answers import AnswerMetric, overlap

plugin = AnswerMetric("answer-f1", overlap)
