"""A text in another language (or form: formal, plain, spoken) than its source."""

from __future__ import annotations

from autogpt.tasks._writing import Writing

plugin = Writing("translation", metrics=("chrf", "bleu", "text-match"), summary="the source in another language")
