"""Where answers go wrong: pairs of labels mixed up, the worst single answers, groups of rows that do worse."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from autogpt import cells
from autogpt.core import Example, GoldAnswers, LabelSpace, Metric, Prediction
from autogpt.evaluation.interval import Answers, intervals
from autogpt.metrics._answers import agreement, exact
from autogpt.metrics._labels import members
from autogpt.metrics._spans import entities
from autogpt.written import source_of

if TYPE_CHECKING:
    from autogpt.core import Scores

LEAST_SLICE = 20  # rows; below that a group's score says nothing


@dataclass(frozen=True, slots=True)
class Confusion:
    """Rows of label `gold` that were answered `predicted`: how many, of how many, and one of them."""

    gold: str
    predicted: str
    count: int
    of: int
    example: str = ""


@dataclass(frozen=True, slots=True)
class WrongAnswer:
    """One wrong answer. `confidence` for labels; `error` for numbers (predicted - gold)."""

    row: int
    text: str
    gold: str
    predicted: str
    confidence: float | None = None
    error: float | None = None


@dataclass(frozen=True, slots=True)
class Slice:
    """Rows that have something in common, and the main metric on them."""

    group: str
    name: str
    n: int
    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Matrix:
    """Counts [gold][predicted] of some labels; the rest is left out and `hidden` says how many labels that are."""

    labels: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]
    hidden: int = 0


def text_of(example: Example) -> str:
    """What a reader sees of a row: its text (with marks, second text or candidates), or its tokens."""
    inputs = example.inputs
    if "source" in inputs:
        return source_of(inputs)
    if "messages" in inputs:
        return " ‖ ".join(f"{role}: {text}" for role, text in inputs["messages"])
    if "question" in inputs:
        return f"{inputs['question']} ‖ {inputs['text']}"
    if "marks" in inputs:
        return cells.marked(inputs["text"], inputs["marks"], cells.TAGS)[0]
    if "text" in inputs:
        pair = inputs.get("text_pair")
        text = str(inputs["text"]) if pair is None else f"{inputs['text']} ‖ {pair}"
        return f"{text} ‖ {' | '.join(map(str, inputs['choices']))}" if "choices" in inputs else text
    return " ".join(map(str, inputs.get("tokens", ())))


def confusions(test: Sequence[Example], predictions: Sequence[Prediction], *, limit: int = 12) -> list[Confusion]:
    """Pairs of labels that are mixed up, most frequent first (single-label rows)."""
    of = Counter(str(example.target) for example in test)
    pairs: dict[tuple[str, str], list[Example]] = {}
    for example, prediction in zip(test, predictions, strict=True):
        if prediction.value != example.target:
            pairs.setdefault((str(example.target), str(prediction.value)), []).append(example)
    ranked = sorted(pairs.items(), key=lambda item: (-len(item[1]), item[0]))[:limit]
    return [Confusion(g, p, len(rows), of[g], text_of(rows[0])) for (g, p), rows in ranked]


def kinship(test: Sequence[Example], predictions: Sequence[Prediction]) -> dict[str, int]:
    """How far wrong paths are from the right ones, in rows.

    `line`: above or below it; `sibling`: with the same parent; `branch`: elsewhere in the same branch; `other`: in
    another one.
    """
    found = dict.fromkeys(("line", "sibling", "branch", "other"), 0)
    for example, prediction in zip(test, predictions, strict=True):
        gold, answer = cells.ancestors(example.target), cells.ancestors(prediction.value)
        if gold[-1] == answer[-1]:
            continue
        if gold[-1] in answer or answer[-1] in gold:
            found["line"] += 1
        elif gold[0] != answer[0]:
            found["other"] += 1
        else:
            found["sibling" if gold[:-1] == answer[:-1] else "branch"] += 1
    return found


def matrix(test: Sequence[Example], predictions: Sequence[Prediction], *, most: int = 14) -> Matrix:
    """The confusion matrix; with many labels, of those that are mixed up most."""
    pairs = Counter((str(e.target), str(p.value)) for e, p in zip(test, predictions, strict=True))
    labels = sorted({label for pair in pairs for label in pair})
    shown = labels
    if len(labels) > most:
        wrong: Counter[str] = Counter()
        for (gold, predicted), count in pairs.items():
            if gold != predicted:
                wrong.update({gold: count, predicted: count})
        shown = sorted(label for label, _ in sorted(wrong.items(), key=lambda item: (-item[1], item[0]))[:most])
    counts = tuple(tuple(pairs[g, p] for p in shown) for g in shown)
    return Matrix(tuple(shown), counts, len(labels) - len(shown))


def worst(
    test: Sequence[Example], predictions: Sequence[Prediction], output: str, *, limit: int = 12
) -> list[WrongAnswer]:
    """The answers that should worry most: labels by misplaced confidence, numbers by error, tags by wrong entities.

    Of a ranking the first label counts.
    """
    if output == "value":
        ranked = sorted(zip(test, predictions, strict=True), key=lambda pair: -abs(pair[1].value - pair[0].target))
        return [
            WrongAnswer(e.id, text_of(e), f"{e.target:g}", f"{p.value:.3g}", None, float(p.value - e.target))
            for e, p in ranked[:limit]
        ]
    if output == "tokens":
        return _worst_tags(test, predictions, limit)
    wrong = [(e, p) for e, p in zip(test, predictions, strict=True) if not is_right(e, p)]
    wrong.sort(key=lambda pair: (-(pair[1].confidence or 0.0), pair[0].id))
    return [WrongAnswer(e.id, text_of(e), _joined(truth(e)), _joined(p.value), p.confidence) for e, p in wrong[:limit]]


def truth(example: Example) -> Any:
    """The target in the words of an answer: of candidates with a relevance each, the names of the most relevant."""
    inputs = example.inputs
    if "choices" not in inputs:
        return example.target
    best = max(example.target)
    return tuple(n for n, r in zip(inputs.get("names", inputs["choices"]), example.target, strict=True) if r == best)


def is_right(example: Example, prediction: Prediction) -> bool:
    """Whether an answer is what the row says: its label, all of its labels, or one of those that answer as well."""
    if isinstance(example.target, GoldAnswers):
        return bool(agreement(example.target, prediction.value, exact))
    wanted = truth(example)
    if isinstance(wanted, tuple) and not isinstance(prediction.value, tuple):
        return prediction.value in wanted
    return set(members(prediction.value)) == set(members(wanted))


def _joined(value: Any) -> str:
    return ", ".join(map(str, members(value))) or "∅"


def _worst_tags(test: Sequence[Example], predictions: Sequence[Prediction], limit: int) -> list[WrongAnswer]:
    """Rows with most entities missed or made up, as the entities themselves."""
    ranked = []
    for example, prediction in zip(test, predictions, strict=True):
        truth, answer = set(entities(example.target)), set(entities(prediction.value))
        if truth != answer:
            ranked.append((len(truth ^ answer), example, sorted(truth - answer), sorted(answer - truth), prediction))
    ranked.sort(key=lambda item: (-item[0], item[1].id))

    def words(example: Example, found: list[tuple[str, int, int]]) -> str:
        tokens = example.inputs["tokens"]
        return (
            "; ".join(f"{' '.join(tokens[a:b])} → {label}" for label, a, b in sorted(found, key=lambda f: f[1])) or "∅"
        )

    return [
        WrongAnswer(e.id, text_of(e), words(e, missed), words(e, made_up), p.confidence)
        for _, e, missed, made_up, p in ranked[:limit]
    ]


def slices(
    test: Sequence[Example],
    predictions: Sequence[Prediction],
    probabilities: Scores | None,
    *,
    metric: Metric,
    space: LabelSpace,
    languages: Sequence[str] = (),
    seed: int = 0,
) -> list[Slice]:
    """The main metric by text length (quarters) and by language. Groups under 20 rows are left out."""
    lengths = np.array([len(text_of(example)) for example in test])
    edges = np.unique(np.quantile(lengths, [0, 0.25, 0.5, 0.75, 1.0]).astype(int))
    groups: list[tuple[str, str, Any]] = []
    for low, high in pairwise(edges):
        last = high == edges[-1]
        inside = (lengths >= low) & ((lengths <= high) if last else (lengths < high))
        groups.append(("length", f"{low}-{high if last else high - 1}", np.flatnonzero(inside)))
    if len(set(languages)) > 1:
        for language, _ in Counter(languages).most_common():
            groups.append(("language", language, np.flatnonzero(np.array(languages) == language)))
    found = []
    for group, name, rows in groups:
        if len(rows) < LEAST_SLICE or len(rows) == len(test):
            continue
        gold = [test[i].target for i in rows]
        picked = [probabilities[i] for i in rows] if isinstance(probabilities, list) else None
        if probabilities is not None and not isinstance(probabilities, list):
            picked = probabilities[rows]
        answers = Answers([predictions[i].value for i in rows], picked)
        interval = intervals([metric], gold, answers, space=space, seed=seed, resamples=300)[metric.name]
        found.append(Slice(group, name, len(rows), interval.value, interval.low, interval.high))
    return found
