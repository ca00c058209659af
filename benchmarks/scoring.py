"""Scores, intervals and the comparison of two systems, all from stored answers.

Each score is a function of per-row counts, so that a bootstrap draw is a sum over drawn rows. Several seeds of one
system: a draw takes the same rows from each seed, and the score is the mean over the seeds.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

DRAWS = 2000


def counts(kind: str, gold: Sequence[Any], predicted: Sequence[Any]) -> np.ndarray:
    """[N, 3] hits, answers, truths per row (F1), [N, 1] right or wrong (accuracy), [N, 2] gold, answer (Spearman)."""
    if kind == "classes":
        return np.array([[float(g == p)] for g, p in zip(gold, predicted, strict=True)])
    if kind == "value":
        return np.array([[float(g), float(p)] for g, p in zip(gold, predicted, strict=True)])
    pairs = ((_items(kind, g), _items(kind, p)) for g, p in zip(gold, predicted, strict=True))
    return np.array([[float(len(g & p)), float(len(p)), float(len(g))] for g, p in pairs])


def _items(kind: str, answer: Sequence[str]) -> set[Any]:
    if kind == "labels":
        return set(answer)
    from seqeval.metrics.sequence_labeling import get_entities

    return set(get_entities(list(answer)))


def statistic(kind: str) -> Callable[[np.ndarray], float]:
    """Per-row counts -> score in [0, 1] (Spearman in [-1, 1])."""
    if kind == "classes":
        return lambda table: float(table.mean())
    if kind == "value":
        return _spearman
    return _f1


def _f1(table: np.ndarray) -> float:
    hits, answers, truths = table.sum(axis=0)
    return float(2 * hits / (answers + truths)) if answers + truths else 0.0


def _spearman(table: np.ndarray) -> float:
    from scipy.stats import rankdata

    ranks = rankdata(table, axis=0)
    spread = ranks.std(axis=0)
    if not spread.all():
        return 0.0  # a constant answer ranks nothing
    return float(((ranks - ranks.mean(axis=0)).prod(axis=1)).mean() / spread.prod())


def draws(kind: str, tables: Sequence[np.ndarray], *, n: int = DRAWS, seed: int = 0) -> np.ndarray:
    """[n] bootstrap scores of a system whose seeds gave `tables`. Equal seeds and sizes draw equal rows."""
    rng = np.random.default_rng(seed)
    score = statistic(kind)
    rows = len(tables[0])
    places = (rng.integers(rows, size=rows) for _ in range(n))
    return np.array([np.mean([score(table[place]) for table in tables]) for place in places])


def mean_score(kind: str, tables: Sequence[np.ndarray]) -> float:
    """Mean over the seeds."""
    return float(np.mean([statistic(kind)(table) for table in tables]))


def interval(values: np.ndarray, level: float = 0.95) -> tuple[float, float]:
    """The middle `level` of bootstrap draws."""
    low, high = np.quantile(values, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def verdict(ours: np.ndarray, theirs: np.ndarray) -> str:
    """`win`, `tie` or `loss` by the 95 % interval of the paired difference."""
    low, high = interval(ours - theirs)
    return "win" if low > 0 else "loss" if high < 0 else "tie"
