"""How much a text says about a label: two-fold naive Bayes on words, as agreement beyond chance (Cohen's kappa).

It only has to tell "something" from "nothing", in milliseconds: that is what separates a topic from an agent's name.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Sequence

from autogpt.core import Table
from autogpt.data.columns import sample_rows
from autogpt.data.words import as_text, is_missing, words

ENOUGH_ROWS = 150
NOTHING, SOMETHING = 0.06, 0.2
"""Kappa at most, or at least, when the text says nothing, or something, about a label."""


def association(table: Table, text: str, target: str, *, rows: int = 1200) -> float | None:
    """Kappa of predicting `target` from `text` out of fold; None when there are too few rows to tell."""
    pairs = []
    for place in sample_rows(len(table.rows), rows):
        row = table.rows[place]
        if not is_missing(row.get(text)) and not is_missing(row.get(target)):
            pairs.append((sorted(set(words(as_text(row[text]).lower()))), str(row[target]).strip()))
    if len(pairs) < ENOUGH_ROWS:
        return None
    # Neighbouring rows are often alike, so folds are blocks of four rows in turn.
    folds = [[pair for i, pair in enumerate(pairs) if (i // 4) % 2 == fold] for fold in (0, 1)]
    answers = [answer for a, b in ((0, 1), (1, 0)) for answer in _predict(folds[a], folds[b])]
    agreed = sum(predicted == label for predicted, label in answers) / len(answers)
    said, true = Counter(predicted for predicted, _ in answers), Counter(label for _, label in answers)
    chance = sum(n * said[label] for label, n in true.items()) / len(answers) ** 2
    return (agreed - chance) / (1 - chance) if chance < 1 else 0.0


def _predict(train: Sequence[tuple[list[str], str]], test: Sequence[tuple[list[str], str]]) -> list[tuple[str, str]]:
    priors = Counter(label for _, label in train)
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    totals: Counter[str] = Counter()
    for tokens, label in train:
        for token in tokens:
            counts[token][label] += 1
            totals[label] += 1
    base = {label: math.log(n / len(train)) for label, n in priors.items()}
    vocabulary = len(counts) + 1
    answers = []
    for tokens, label in test:
        scores = dict(base)
        for token in tokens:
            if token in counts:
                seen = counts[token]
                for name in scores:
                    scores[name] += math.log((seen[name] + 0.1) / (totals[name] + 0.1 * vocabulary))
        answers.append((max(scores, key=lambda name: scores[name]), label))
    return answers
