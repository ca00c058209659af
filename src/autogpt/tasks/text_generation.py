"""A text that is written to a prompt: an answer, code, HTML, JSON, a continuation."""

from __future__ import annotations

from autogpt.tasks._writing import Writing

plugin = Writing(
    "text-generation",
    metrics=("chrf", "text-match", "bleu"),
    summary="a text written to a prompt: answers, code, markup",
)
