"""Label words from the pool's own texts: the terms of those that a first pass is sure about.

Terms are counted per class as in class-based TF-IDF ("BERTopic", Grootendorst 2022) and the encoder keeps those that it
finds alike to their label's texts and unlike the others'. An automatic verbalizer ("PETAL", Schick et al. 2020) that
needs no label: the first pass is how alike the encoder finds a text to the labels' names.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from autogpt.probe import centred
from autogpt.prompting import Facts, Prompt
from autogpt.prompts import _grammar
from autogpt.prompts.rules import others
from autogpt.vectors import unit

if TYPE_CHECKING:
    from autogpt.core import Array

CONFIDENT, LEAST = 0.2, 10
"""The share of a class's texts that terms are read off, and how many they are at least."""
COUNTED, KEPT = 24, 6
"""Terms of a class that are counted out for the encoder to judge, and those that it keeps."""
LEAST_TEXTS, MOST_SHARE = 3, 0.2
"""A term stands in so many texts, and in no more than this share of them."""


class Terms:
    """See `prompting.Generator`."""

    name = "terms"
    summary = "label words from the pool's texts that a first pass is sure about"
    form = "description"
    learns = False

    def write(self, facts: Facts) -> Iterator[Prompt]:
        labels = list(facts.names)
        for named, origin in ((facts.names, "label names"), (others(facts.names), "other words")):
            found = terms(facts, _lessons(facts, named))
            if not all(found[label] for label in labels):
                return
            joined = {label: (", ".join((*named[label], *found[label])),) for label in labels}
            yield Prompt.of("{label}", joined, origin=f"terms: {origin} and words of the pool")
            if named == others(facts.names):
                return


def _lessons(facts: Facts, named: Mapping[str, tuple[str, ...]]) -> list[Array]:
    """Places of each label's texts that are surest by its names."""
    vectors = unit(facts.vectors)
    read = iter(unit(np.asarray(facts.read([word for own in named.values() for word in own]))))
    centres = np.stack([np.mean([next(read) for _ in own], axis=0) for own in named.values()])
    scores = np.asarray(centred(vectors, unit(centres))(vectors))
    margin = scores - np.sort(scores, axis=1)[:, -2:-1]
    answers = scores.argmax(axis=1)
    found = []
    for label in range(len(named)):
        own = np.flatnonzero(answers == label)
        own = own if len(own) >= LEAST else np.argsort(-margin[:, label], kind="stable")[:LEAST]
        count = max(LEAST, round(CONFIDENT * len(own)))
        found.append(own[np.argsort(-margin[own, label], kind="stable")[:count]])
    return found


def terms(facts: Facts, lessons: Sequence[Array]) -> dict[str, tuple[str, ...]]:
    """The terms of each label, the most telling first."""
    texts = [set(_words(text)) for text in facts.texts]
    known = Counter(word for own in texts for word in own)
    most = max(LEAST_TEXTS, MOST_SHARE * len(texts))
    counts = [Counter(w for place in own for w in texts[place] if LEAST_TEXTS <= known[w] <= most) for own in lessons]
    total = sum(counts, Counter[str]())
    mean = sum(total.values()) / len(counts)
    ranked = [
        sorted(own, key=lambda w: (-(own[w] / max(1, sum(own.values()))) * np.log1p(mean / total[w]), w))[:COUNTED]
        for own in counts
    ]
    flat = list(dict.fromkeys(word for own in ranked for word in own))
    if not flat:
        return dict.fromkeys(facts.names, ())
    vectors = dict(zip(flat, unit(np.asarray(facts.read(flat))), strict=True))
    centres = unit(np.stack([facts.vectors[own].mean(axis=0) for own in lessons]) - facts.vectors.mean(axis=0))
    found = {}
    for place, label in enumerate(facts.names):
        alike = {word: centres @ vectors[word] for word in ranked[place]}
        telling = {word: float(one[place] - np.delete(one, place).max()) for word, one in alike.items()}
        found[label] = tuple(sorted(telling, key=lambda w: (-telling[w], w))[:KEPT])
    return found


def _words(text: str) -> list[str]:
    """Words of letters, two characters or more; of Chinese every pair of neighbours."""
    low = text.casefold()
    pairs = [run[at : at + 2] for run in re.findall(f"[{_grammar.CJK}]+", low) for at in range(len(run) - 1)]
    return [*re.findall(rf"[^\W\d_{_grammar.CJK}]{{2,}}", low), *pairs]


plugin = Terms()
