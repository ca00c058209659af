"""New whole words in an encoder's vocabulary, where it splits the words of the texts badly.

Fertility, the tokens that a word takes, tells how well a tokenizer fits ("How Good is Your Tokenizer?", Rust et al.
2021); words of a field as tokens of their own are the cheap part of "exBERT" (Tai et al. 2020) and of "Vocabulary
Adaptation" (Hong et al. 2021, AVocaDo). Ours takes the words that save most tokens, gives each the mean of its pieces'
embeddings, and adds none where the texts are split no worse than texts usually are, or where it would save little.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from autogpt.data.words import CJK, words
from autogpt.errors import ConfigError

if TYPE_CHECKING:
    from autogpt.backbones._language import LanguageModel

SPLIT, SAVED = 1.2, 0.04
"""Tokens per word, with fewer of which no word is added (measured: EXPERIMENTS.md); share of the tokens of words that
new ones must save."""
LEAST_COUNT, LEAST_LETTERS = 10, 4
_WORD = re.compile(rf"[^\W\d_{CJK}]{{{LEAST_LETTERS},}}")


def extended(language: LanguageModel, texts: Iterable[str], most: int) -> str:
    """Add at most `most` words to a language model's vocabulary, if it pays; what was done, and why.

    ConfigError: it is no encoder (nobody reads back what an encoder reads), or its tokenizer takes no words.
    """
    if language.family != "encoder":
        raise ConfigError(f"new words are for encoders, and this model is of {language.family}; leave them out")
    if not getattr(language.tokenizer, "is_fast", False):
        raise ConfigError("this tokenizer takes no new words (it has no tokenizer.json); leave them out")
    counts = counted(language.tokenizer, texts)
    pieces = spelled(language.tokenizer, list(counts))
    before, total = fertility(counts, pieces), sum(counts.values())
    if before < SPLIT:
        return f"no new words: a word takes {before:.2f} tokens, and {SPLIT} or more is bad"
    chosen = gaining(counts, pieces, most)
    saved = sum(counts[word] * (pieces[word] - 1) for word in chosen) / max(total, 1)
    told = f"a word takes {before:.2f} tokens, with {len(chosen):,} new words {before - saved:.2f}"
    if saved < SAVED * before:
        return f"no new words: {told}, which is too little"
    language.extend(chosen)
    return f"new words in the vocabulary: {told} ({', '.join(chosen[:5])}, ...)"


def counted(tokenizer: Any, texts: Iterable[str]) -> Counter[str]:
    """How often each word stands in the texts, spelled as the tokenizer sees it (in lower case, where it folds it)."""
    normalizer = tokenizer.backend_tokenizer.normalizer
    found: Counter[str] = Counter()
    for text in texts:
        found.update(words(text if normalizer is None else normalizer.normalize_str(text)))
    return found


def spelled(tokenizer: Any, found: Sequence[str]) -> dict[str, int]:
    """Tokens that each word takes where a space stands before it."""
    if not found:
        return {}
    ids = tokenizer([f" {word}" for word in found], add_special_tokens=False)["input_ids"]
    return {word: len(row) for word, row in zip(found, ids, strict=True)}


def fertility(counts: Counter[str], pieces: dict[str, int]) -> float:
    """Tokens per word of running text; 0 without any."""
    return sum(count * pieces[word] for word, count in counts.items()) / max(sum(counts.values()), 1)


def gaining(counts: Counter[str], pieces: dict[str, int], most: int) -> list[str]:
    """The words that save most tokens: of letters, not rare, and of more than one token."""
    known = {
        word: count * (pieces[word] - 1)
        for word, count in counts.items()
        if count >= LEAST_COUNT and pieces[word] > 1 and _WORD.fullmatch(word)
    }
    return sorted(known, key=lambda word: (-known[word], word))[:most]
