"""What a long text says, in a short one: summaries, headlines, titles."""

from __future__ import annotations

from autogpt.tasks._writing import Writing

plugin = Writing(
    "summarization", metrics=("rouge-l", "rouge-1", "rouge-2", "chrf"), summary="a short text that tells a long one"
)
