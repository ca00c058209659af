"""Label words that a masked language model says itself: what it would fill in beside the rows of one label and not of
the others.

"Automatically Identifying Words That Can Serve as Labels for Few-Shot Text Classification" (PETAL, Schick et al. 2020):
among the words that are likely for a label's rows those with the highest likelihood ratio. Inflections of the label's
name (the same stem) are looked for in the same way.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from autogpt.prompting import Facts, Prompt
from autogpt.prompts.patterns import templates

TEMPLATES, ROWS = 3, 64
LIKELY = 100
"""Words of a label that are compared, the likeliest by its rows."""
KEPT = (1, 3)
"""Words of a label that stand together."""
STEM = 4


class Verbalizer:
    """See `prompting.Generator`."""

    name = "verbalizer"
    summary = "label words that a masked language model predicts beside the rows of a label"
    form = "cloze"
    learns = True

    def write(self, facts: Facts) -> Iterator[Prompt]:
        labels = list(facts.names)
        if facts.filler is None or {label for _, label in facts.rows} < set(labels):
            return
        rows = [values for values, _ in facts.rows[:ROWS]]
        target = np.array([labels.index(label) for _, label in facts.rows[:ROWS]])
        if len(set(target.tolist())) < len(labels):
            return
        for template in templates(facts)[:TEMPLATES]:
            gap = template.replace("{label}", "{mask}")
            told = facts.filler.likely(gap, rows)
            ranked = [telling(told, target == place, facts.filler.tokens) for place in range(len(labels))]
            if not all(ranked):
                continue
            for count in KEPT:
                words = {label: tuple(own[:count]) for label, own in zip(labels, ranked, strict=True)}
                yield Prompt.of(template, words, origin="verbalizer: predicted words")
            named = {}
            for label, own in zip(labels, ranked, strict=True):
                kin = [word for word in own if any(_akin(word, name) for name in facts.names[label])]
                named[label] = tuple(dict.fromkeys([*facts.names[label], *kin[:2], *own[:2]]))
            yield Prompt.of(template, named, origin="verbalizer: label names, inflections and predicted words")


def telling(told: np.ndarray, own: np.ndarray, tokens: Sequence[str]) -> list[str]:
    """Words that are likely at the gap for a label's rows, the highest likelihood ratio to the other rows first."""
    words = np.array([token.isalpha() and (len(token) > 1 or not token.isascii()) for token in tokens])
    likely = np.where(words, told[own].mean(axis=0), -np.inf)
    first = np.argsort(-likely, kind="stable")[:LIKELY]
    first = first[np.isfinite(likely[first])]
    ratio = told[own].mean(axis=0) - told[~own].mean(axis=0)
    return [tokens[place] for place in first[np.argsort(-ratio[first], kind="stable")] if ratio[place] > 0]


def _akin(word: str, name: str) -> bool:
    """Whether a word is an inflection of a name: another word with the same stem."""
    word, name = word.casefold(), name.casefold()
    stem = max(STEM, round(0.7 * len(name)))
    return word != name and len(name) >= STEM and word[:stem] == name[:stem]


plugin = Verbalizer()
