"""Few labelled rows: what the label names say joins them, as rows that the run writes itself.

    goal, label names -> templates (`prompts/rules`) -> descriptions of each label -> examples that weigh as much as a
    few rows of their label -> methods with `takes_descriptions` learn from them beside the rows

SetFit ("Efficient Few-Shot Learning Without Prompts", Tunstall et al. 2022) learns so from templates where there is no
row at all. Ours does beside rows, and how many rows a label's descriptions are worth together is a mean over a grid,
each weight counting as much as it makes rows likely that the head had not learned from; names that mean nothing get a
weight of nothing. Nothing is chosen by the prompts' separation, which needs a pool: of few rows it chose worse than
all templates together do (EXPERIMENTS.md).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cache
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from autogpt import experts, files, registry
from autogpt.autopilot.ladder import FEW_BESIDE_UNLABELLED, rows_per_label
from autogpt.autopilot.trial import Bench
from autogpt.core import Example
from autogpt.prompting import Facts
from autogpt.regimes._rows import read_labels
from autogpt.vectors import unit

if TYPE_CHECKING:
    from autogpt.core import Array
    from autogpt.probe import Head

GENERATOR = "rules"
MOST_TEXTS, PER_LABEL = 640, (4, 24)
"""Descriptions that are read, and how many a label has of them."""
WORTH, FOLDS = (1.0, 4.0), 4
"""Rows of its label that a label's descriptions are worth together: what is tried, beside nothing, and on how many
folds of the rows."""
ONE_ROW_WORTH, SHARPNESS, AGAINST = 1.0, 20.0, -2.0
"""With a single row of a label nothing can be held out. Descriptions are then worth a row, unless they alone, at this
sharpness of cosines, make the rows so much less likely than guessing does (in all, natural logarithm)."""
LEAST_SHARE = 0.5
"""Of the mean over the grid, that must speak for the descriptions; and of the rows, that must have another of their
label, so that they can be held out."""
MOST_ROWS = 1000
"""With more rows in all, weighing descriptions takes longer than they are worth."""
READ_SHARE, ALL_SHARE = 0.15, 0.4
"""Of the time that is left, that reading descriptions may take, and with the rows (which are kept for later trials)."""


def described(
    bench: Bench,
    *,
    goal: str,
    columns: Sequence[str],
    say: Callable[..., None],
    remaining: Callable[[], float],
    kept: Path | None = None,
) -> Bench:
    """The bench whose methods may learn from descriptions of the labels, where rows are few and labels have names.

    They are written when they are first asked for; `kept` is the file that has them for a run that is resumed.
    """
    if bench.output.name != "classes" or len(bench.space.labels) < 2 or set(bench.train[0].inputs) != {"text"}:
        return bench
    names = read_labels(dict.fromkeys(bench.space.labels))
    named = all(any(letter.isalpha() for letter in "".join(own)) for own in names.values())
    few = len(bench.train) <= MOST_ROWS and rows_per_label(bench.train, bench.output) <= FEW_BESIDE_UNLABELLED
    if not named or not few:
        return bench

    @cache
    def examples() -> Sequence[Example]:
        if kept is not None and kept.is_file():
            return [
                Example(-1, {"text": text}, label, weight)
                for text, label, weight in json.loads(kept.read_text("utf-8"))
            ]
        rate = bench.features.rows_per_second
        most = int(min(MOST_TEXTS, READ_SHARE * remaining() * rate)) if rate else MOST_TEXTS
        texts = descriptions(bench, names, goal=goal, columns=columns, most=most)
        found = _weighed(bench, texts, say, seconds=ALL_SHARE * remaining()) if texts else []
        if kept is not None:
            files.write_json(kept, [[one.inputs["text"], one.target, one.weight] for one in found])
        return found

    return replace(bench, descriptions=examples)


def descriptions(
    bench: Bench, names: Mapping[str, tuple[str, ...]], *, goal: str, columns: Sequence[str], most: int
) -> dict[str, tuple[str, ...]]:
    """What is said of each label, at most so many texts in all; empty where that would be too few of each label."""
    texts = [str(row.inputs["text"]) for row in bench.train]
    facts = Facts(goal, tuple(columns), names, texts, np.zeros((len(texts), 1)), read=np.asarray)
    prompts = list(registry.get("prompts", GENERATOR).write(facts))
    found: dict[str, tuple[str, ...]] = {}
    for label in names:
        said = tuple(dict.fromkeys(chain.from_iterable(prompt.descriptions()[label] for prompt in prompts)))
        count = min(len(said), PER_LABEL[1], most // len(names))
        if count < min(len(said), PER_LABEL[0]):
            return {}
        places = np.linspace(0, len(said) - 1, count).round().astype(int)  # templates are ordered: some of every kind
        found[label] = tuple(said[place] for place in places)
    return found


def _weighed(
    bench: Bench, texts: Mapping[str, Sequence[str]], say: Callable[..., None], *, seconds: float
) -> Sequence[Example]:
    """Descriptions as examples, each with its part of what they are worth; none where rows speak against them."""
    labels = list(bench.space.labels)
    flat = [(label, text) for label in labels for text in texts[label]]
    read = [*(row.inputs for row in bench.train), *({"text": text} for _, text in flat)]
    reached, table = bench.features.get(read, seconds=seconds)
    if len(reached) < len(read):
        say("decision", "label names are left out: there is no time or memory to read descriptions of them")
        return []
    vectors = unit(np.asarray(table))
    rows, said = vectors[: len(bench.train)], vectors[len(bench.train) :]
    targets = np.asarray(bench.output.encode([row.target for row in bench.train], bench.space))
    answers = np.array([labels.index(label) for label, _ in flat])
    part = np.array([1 / len(texts[label]) for label, _ in flat])
    worth, why = worth_of(rows, targets, said, answers, part, classes=len(labels), seed=bench.seed)
    told = f"{len(flat):,} descriptions of {len(labels)} labels ({flat[0][1]!r}, {flat[-1][1]!r})"
    if worth <= 0:
        say("decision", f"label names are left out: {told}: {why}")
        return []
    say("decision", f"label names teach beside the rows: {told}, worth {worth:.1f} rows of each label: {why}")
    return [
        Example(-1, {"text": text}, label, weight=float(worth * share))
        for (label, text), share in zip(flat, part, strict=True)
    ]


def worth_of(
    rows: Array, targets: Array, said: Array, answers: Array, part: Array, *, classes: int, seed: int
) -> tuple[float, str]:
    """How many rows of a label its descriptions are worth (0: nothing), and why.

    `rows` [n, D] with `targets` [n]; descriptions `said` [m, D] of labels `answers` [m], `part` [m] of 1 for each.
    """
    held_out = np.bincount(targets, minlength=classes)[targets] > 1  # of other labels nothing else can be known
    if held_out.mean() < LEAST_SHARE:
        centres = unit(np.stack([said[answers == label].mean(axis=0) for label in range(classes)]))
        alone = experts.log_likelihood(SHARPNESS * rows @ centres.T, targets)
        gain = float((alone + np.log(classes)).sum())
        why = f"alone they make the {len(rows)} rows {gain:+.1f} likelier than guessing, and no row can be held out"
        return (ONE_ROW_WORTH if gain > AGAINST else 0.0), why
    fold = experts.folds(targets, seed=seed) % FOLDS

    def likely(worth: float) -> float:
        """Log-likelihood of all rows, each by a head without its fold, at the sharpness that suits the head best."""

        def fit(own: Array, gold: Array) -> Head:
            if not worth:
                return experts.shots_head(own, gold, classes=classes)
            vectors, labels = np.concatenate([own, said]), np.concatenate([gold, answers])
            return experts.student(vectors, labels, np.concatenate([np.ones(len(own)), worth * part]), classes=classes)

        table = experts.cross_fitted(rows, targets, fold, fit, classes=classes)
        return max(float(experts.log_likelihood(sharp * table, targets)[held_out].sum()) for sharp in experts.OWN)

    found = np.array([likely(one) for one in (0.0, *WORTH)])
    share = np.exp(found - found.max())
    share /= share.sum()
    gain = (found[1:].max() - found[0]) / held_out.sum()
    why = f"log-likelihood {gain:+.3f} for each labelled row that was held out"
    if 1 - share[0] < LEAST_SHARE:
        return 0.0, why
    return float(np.exp(share[1:] @ np.log(WORTH) / share[1:].sum())), why
