"""TF-IDF features and a linear classifier: quick, strong on topics, the baseline that a neural model has to beat.

Margins of a linear support vector machine ("LIBLINEAR", Fan et al. 2008) instead of logistic regression: on 77
classes it was ten times faster and no less accurate; a temperature makes probabilities of margins afterwards.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from autogpt import registry
from autogpt.core import Example, Job, Output, Scorer, Step
from autogpt.errors import ConfigError
from autogpt.soft_targets import as_labels

if TYPE_CHECKING:
    from autogpt.core import Array

    Solve = Callable[[Any, Any, Array, float, Job], tuple[Array, Array]]


PILOT_ROWS = 5_000
TIME_SHARE = 0.4
GROWTH = 1.3
"""Large tables are fitted in this share of the time, as a pilot on the first rows predicts: with 14.5 times as many
rows of noisy labels a fit took 30 times as long, so its seconds grow by this power of the rows."""
MOST_PAIRS = 16
"""Pairs of a relevant and a less relevant candidate that a row teaches with, drawn at random."""
CHARACTER_BYTES, LEAST_ROWS = 200, 500
"""Memory that a character of the texts takes while its n-grams are counted (measured: 160 to 180); rows that are always
fitted on."""


@dataclass(frozen=True, slots=True)
class Options:
    """`c`: inverse strength of regularisation."""

    c: float = field(default=0.5, metadata={"help": "inverse strength of regularisation", "search": (0.05, 10.0)})

    def __post_init__(self) -> None:
        if not self.c > 0:
            raise ConfigError(f"tfidf: c is {self.c}; it must be more than 0")


class Tfidf:
    """See `core.Method`."""

    name = "tfidf"
    summary = "TF-IDF and a linear classifier (questions: rare words near theirs; writing: the likest known row's text)"
    needs_backbone = False
    takes_soft_targets = True
    outputs = frozenset({"classes", "path", "labels", "value", "tokens", "choices", "span", "text"})
    options = Options

    def fit(self, job: Job) -> Generator[Step, None, Scorer]:
        started = time.monotonic()
        options = job.options or Options()
        rows = _fitting(job)
        if len(rows) > 2 * PILOT_ROWS:
            _fit(job, rows[:PILOT_ROWS], options)
            seconds = time.monotonic() - started
            most = PILOT_ROWS * (max(TIME_SHARE * job.remaining(), 0.0) / seconds) ** (1 / GROWTH)
            if most < len(rows):
                rows = rows[: max(PILOT_ROWS, int(most))]
                job.notes.append(f"time allowed fitting on {len(rows)} of {len(job.train)} rows")
        scorer = _fit(job, rows, options)
        yield Step(1, 1, loss=0.0, rows=len(rows), tokens=0, seconds=time.monotonic() - started)
        return scorer


def _fitting(job: Job) -> Sequence[Example]:
    """The first training rows that there is memory for."""
    characters = sum(len(str(value)) for row in job.train for value in row.inputs.values())
    share = job.room() / max(1, CHARACTER_BYTES * characters)
    if share >= 1 or len(job.train) <= LEAST_ROWS:
        return job.train
    most = max(LEAST_ROWS, int(share * len(job.train)))
    job.notes.append(f"memory allowed fitting on {most} of {len(job.train)} rows")
    return job.train[:most]


def _fit(job: Job, rows: Sequence[Example], options: Options) -> Scorer:
    inputs = [example.inputs for example in rows]
    if job.output.name == "span":
        answers: Scorer = registry.get("backbones", "nearby-words").open(inputs, [example.target for example in rows])
        return answers
    if job.output.name == "text":
        known: Scorer = registry.get("backbones", "memory").open(inputs, [str(example.target) for example in rows])
        return known
    scorer, features = registry.get("backbones", "bag-of-words").open(inputs)
    encoded = job.output.encode([example.target for example in rows], job.space)
    solve: Solve = {"value": _ridge, "labels": _one_per_label, "choices": _orders}.get(job.output.name, _margins)
    found = solve(features, encoded, _row_weights(rows, job.output), options.c, job)
    scorer.weight, scorer.bias = (part.astype(np.float32) for part in found)  # as it is saved
    fitted: Scorer = scorer
    return fitted


def _row_weights(rows: Sequence[Example], output: Output) -> Array:
    """A weight per row; for tokens per token, in reading order."""
    weights = np.array([example.weight for example in rows])
    return np.repeat(weights, [len(row.inputs["tokens"]) for row in rows]) if output.token_level else weights


def _ridge(features: Any, encoded: Array, weight: Array, c: float, job: Job) -> tuple[Array, Array]:
    from sklearn.linear_model import Ridge

    model = Ridge(alpha=0.5 / c, solver="sparse_cg").fit(features, encoded, sample_weight=weight)
    return model.coef_[:, None], np.array([model.intercept_])


def _orders(features: Any, encoded: Any, weight: Array, c: float, job: Job) -> tuple[Array, Array]:
    """A support vector machine of differences ("Optimizing Search Engines using Clickthrough Data", Joachims 2002)."""
    rng = np.random.default_rng([job.seed, 37])
    better, worse, weights = [], [], []
    start = 0
    for row, one in zip(encoded, weight, strict=True):
        above, below = np.nonzero(row[:, None] > row[None, :])
        drawn = rng.permutation(len(above))[:MOST_PAIRS]
        better.append(start + above[drawn])
        worse.append(start + below[drawn])
        weights.append(np.full(len(drawn), one / max(len(drawn), 1)))
        start += len(row)
    first, second = np.concatenate(better), np.concatenate(worse)
    if len(first) < 2:
        return np.zeros((features.shape[1], 1), dtype=np.float32), np.zeros(1)
    sign = np.where(np.arange(len(first)) % 2, 1.0, -1.0)  # a classifier needs both kinds
    differences = (features[first] - features[second]).multiply(sign[:, None]).tocsr()
    model = _svm(c, job.seed, intercept=False).fit(differences, sign, sample_weight=np.concatenate(weights))
    return model.coef_.T, np.zeros(1)


def _margins(features: Any, encoded: Any, weight: Array, c: float, job: Job) -> tuple[Array, Array]:
    """One column of margins per label; labels without a row keep a margin of -1."""
    encoded = np.concatenate(encoded) if isinstance(encoded, list) else encoded
    rows, labels, share = as_labels(encoded)
    return _per_column(features[rows], labels, share * weight[rows], c, job.output.size(job.space), job.seed)


def _one_per_label(features: Any, encoded: Array, weight: Array, c: float, job: Job) -> tuple[Array, Array]:
    shares = (np.stack([1 - column, column], axis=1) for column in encoded.T)
    rows = (as_labels(both) for both in shares)
    parts = [_binary(features[at], there > 0, share * weight[at], c, job.seed) for at, there, share in rows]
    return np.stack([w for w, _ in parts], axis=1), np.array([b for _, b in parts])


def _binary(features: Any, positive: Array, weight: Array, c: float, seed: int) -> tuple[Array, float]:
    if positive.all() or not positive.any():
        return np.zeros(features.shape[1], dtype=np.float32), 1.0 if positive.all() else -1.0
    model = _svm(c, seed).fit(features, positive, sample_weight=weight)
    return model.coef_[0].astype(np.float32), float(model.intercept_[0])


def _per_column(features: Any, labels: Array, weight: Array, c: float, size: int, seed: int) -> tuple[Array, Array]:
    coefficients = np.zeros((features.shape[1], size), dtype=np.float32)
    bias = np.full(size, -1.0)
    present = np.unique(labels)
    if len(present) == 1:
        bias[present] = 1.0
        return coefficients, bias
    model = _svm(c, seed).fit(features, labels, sample_weight=weight)
    rows, intercept = model.coef_, model.intercept_
    if len(present) == 2:  # scikit-learn keeps one row of margins for two labels
        rows, intercept = np.concatenate([-rows, rows]), np.concatenate([-intercept, intercept])
    coefficients[:, present] = rows.T
    bias[present] = intercept
    return coefficients, bias


def _svm(c: float, seed: int, *, intercept: bool = True) -> Any:
    from sklearn.svm import LinearSVC

    return LinearSVC(C=c, random_state=seed, max_iter=2000, fit_intercept=intercept)


plugin = Tfidf()
