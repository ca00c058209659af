"""Cloze templates that a masked language model writes: gaps around the label's word, filled by beam search.

"Making Pre-trained Language Models Better Few-shot Learners" (LM-BFF, Gao et al. 2021) fills them with T5. Ours asks
the model that will tell the labels, a gap at a time from left to right, for the word that is likeliest over training
rows, each with its own label's word. Only whole words and signs can stand in a template.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from autogpt.prompting import Facts, Filler, Prompt
from autogpt.prompts import _grammar

SHAPES = ((1, 0), (2, 0), (3, 0), (1, 1), (2, 1))
"""Gaps before and behind the label's word."""
BEAM, LEAST_NEW = 4, 2
ROWS = 32
"""Training rows that a gap is filled by, at most."""


class Filling:
    """See `prompting.Generator`."""

    name = "filling"
    summary = "templates whose words a masked language model fills in, by the training rows"
    form = "cloze"
    learns = True

    def write(self, facts: Facts) -> Iterator[Prompt]:
        if facts.filler is None or not facts.rows or "text_pair" in facts.rows[0][0]:
            return
        names = {label: own[0] for label, own in facts.names.items()}
        talk = _grammar.chinese(" ".join((*names.values(), *facts.texts[:50])))
        rows = [{**values, "label": names[label]} for values, label in facts.rows[:ROWS] if label in names]
        known: set[str] = set()
        for before, behind in SHAPES:
            for template in beam(facts.filler, rows, before, behind, glue="" if talk else " ")[:LEAST_NEW]:
                if template not in known:
                    known.add(template)
                    yield Prompt.of(template, facts.names, origin="filling")


def beam(filler: Filler, rows: Sequence[Mapping[str, str]], before: int, behind: int, *, glue: str) -> list[str]:
    """Filled templates of a shape, the likeliest first."""
    if not rows:
        return []
    banned = {word.casefold() for row in rows for word in row["label"].split()}
    usable = np.array([_fits(token, banned) for token in filler.tokens])
    found: list[tuple[float, tuple[str, ...]]] = [(0.0, ())]
    for _ in range(before + behind):
        longer = []
        for score, words in found:
            told = filler.likely(_template(words, before, behind, glue, gap=True), rows).mean(axis=0)
            told = np.where(usable, told, -np.inf)
            for token in np.argsort(-told, kind="stable")[:BEAM]:
                if np.isfinite(told[token]):
                    longer.append((score + float(told[token]), (*words, filler.tokens[token])))
        found = sorted(longer, key=lambda one: (-one[0], one[1]))[:BEAM]
    return [_template(words, before, behind, glue, gap=False) for _, words in found]


def _template(words: Sequence[str], before: int, behind: int, glue: str, *, gap: bool) -> str:
    """The template with so many gaps filled; the next one is the gap that is read."""
    rest = [] if not gap else ["{mask}", *["{blank}"] * (before + behind - len(words) - 1)]
    slots = [*(word.replace("{", "{{").replace("}", "}}") for word in words), *rest]
    parts = ["{text}", *slots[:before], "{label}", *slots[before:]]
    return glue.join(parts) + ("。" if not glue else ".")


def _fits(token: str, banned: set[str]) -> bool:
    """Whether a token may stand in a template: a word (not a label's own), or one of the signs that part sentences."""
    if token.casefold() in banned:
        return False
    return token.isalpha() or token in {",", ".", ":", "!", "?", "-", "，", "。", "：", "！"}


plugin = Filling()
