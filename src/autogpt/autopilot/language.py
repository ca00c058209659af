"""Does the encoder know the language of the texts? Its tokenizer is looked at first; where in doubt, scores decide.

A tokenizer that knows a language has most of its words whole. One that does not either has no piece for its characters
("unknown"), or, if it works on bytes or single letters, splits every word into many. So tokens per character are
compared with what they would be if every word were one token (Chinese and Japanese characters count as words). English
banking questions have 1.15 times as many, German with an English vocabulary 2.2, Russian 4.8 (all-MiniLM-L6-v2). Jargon
and foreign names split much too, and many a multilingual encoder does well on what it splits: that is doubt, no proof,
and then the linear head has to be at least as good as TF-IDF on validation rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from autogpt.autopilot.trial import Result
from autogpt.core import Inputs, Metric
from autogpt.data.words import inputs_text, words

MOST_UNKNOWN, DOUBTFUL_UNKNOWN = 0.05, 0.01
"""Shares of unknown tokens above which the language is not known, and above which that is open."""
MOST_SPLIT, DOUBTFUL_SPLIT = 3.0, 1.6
"""Tokens per word above which the language is not known, and above which that is open."""


@dataclass(frozen=True, slots=True)
class Spelling:
    """How a tokenizer writes some texts: counts of its tokens, those of them unknown, words, and characters."""

    tokens: int
    unknown: int
    words: int
    characters: int

    @classmethod
    def of(cls, inputs: Sequence[Inputs], encoder: Any) -> Spelling:
        """Of the first characters of each row, by the tokenizer of an encoder (`spell`)."""
        texts = [inputs_text(row)[:500] for row in inputs]
        tokens, unknown = encoder.spell(texts)
        characters = sum(len("".join(text.split())) for text in texts)
        return cls(tokens, unknown, sum(len(words(text)) for text in texts), characters)

    @property
    def verdict(self) -> str:
        """`known`, `unknown`, or `open`."""
        share, split = self.unknown / max(self.tokens, 1), self.tokens / max(self.words, 1)
        if share > MOST_UNKNOWN or split > MOST_SPLIT:
            return "unknown"
        return "open" if share > DOUBTFUL_UNKNOWN or split > DOUBTFUL_SPLIT else "known"

    def __str__(self) -> str:
        rate, usual = self.tokens / max(self.characters, 1), self.words / max(self.characters, 1)
        share = self.unknown / max(self.tokens, 1)
        return f"{rate:.2f} tokens per character where {usual:.2f} are usual, {share:.0%} of them unknown"


def pilot(results: Sequence[Result], metric: Metric) -> bool | None:
    """Whether the linear head is at least as good as TF-IDF on validation rows; None while one of them is missing."""
    scores = {result.method: result.scores[metric.name] for result in results if result.method in ("head", "tfidf")}
    if len(scores) < 2:
        return None
    gain = scores["head"] - scores["tfidf"]
    return bool(gain >= 0) if metric.higher_is_better else bool(gain <= 0)


def knows(spelling: Spelling, results: Sequence[Result], metric: Metric) -> tuple[bool, str]:
    """Whether more may be expected of the encoder than of TF-IDF, and why not (empty: there is no doubt)."""
    verdict = spelling.verdict
    if verdict == "known":
        return True, ""
    told = f"the encoder's tokenizer does not know these texts' language ({spelling})"
    if verdict == "unknown":
        return False, f"{told}: no more is expected of it than of TF-IDF; name one that does with --backbone"
    told = f"the encoder may not know these texts' language ({spelling})"
    found = pilot(results, metric)
    if found is None:
        return False, f"{told}: no more is expected of it than of TF-IDF until both are measured"
    if found:
        return True, f"{told}: its linear head is as good as TF-IDF on validation, so it is trusted"
    return False, f"{told}: its linear head is behind TF-IDF on validation, so no more is expected of it"
