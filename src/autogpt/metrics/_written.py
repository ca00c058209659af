"""Scores of written texts: BLEU and chrF by the sacrebleu library, ROUGE by the rouge-score library.

All are between 0 and 1 here. BLEU and chrF are scores of a whole set of texts and no means over texts: what is kept of
a row is what the libraries count in it, and a resample adds these counts.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from autogpt.core import LabelSpace
from autogpt.errors import ConfigError
from autogpt.metrics._answers import is_cjk, units
from autogpt.metrics._labels import whole
from autogpt.metrics._means import MeanOfRows

if TYPE_CHECKING:
    from autogpt.core import Array, Scores


def texts(name: str, gold: Sequence[Any], predicted: Sequence[Any]) -> tuple[list[str], list[str]]:
    """Targets and answers as texts. ConfigError: they are none."""
    odd = next((one for one in (*gold, *predicted) if not isinstance(one, str)), None)
    if odd is not None:
        raise ConfigError(f"metric {name} judges written texts, and {odd!r} is none")
    return list(gold), list(predicted)


class CorpusMetric:
    """A score of sacrebleu's: `kind` is BLEU or CHRF. Chinese and Japanese are compared by characters."""

    higher_is_better = True
    decimals = 3

    def __init__(self, name: str, kind: str) -> None:
        self.name, self.kind = name, kind

    def __call__(
        self, gold: Sequence[Any], predicted: Sequence[Any], probabilities: Scores | None, space: LabelSpace
    ) -> float:
        return whole(self, gold, predicted, probabilities, space)

    def rows(
        self, gold: Sequence[Any], predicted: Sequence[Any], probabilities: Scores | None, space: LabelSpace
    ) -> Array:
        """What is counted in each row [N, K]."""
        right, answers = texts(self.name, gold, predicted)
        if not right:
            return np.zeros((0, 1))
        scorer = _scorer(self.kind, is_cjk(right))
        return np.asarray(scorer._extract_corpus_statistics(answers, [right]), dtype=np.float64)

    def score(self, rows: Array, weights: Array) -> Array:
        """The score under each resample [R]."""
        scorer = _scorer(self.kind, False)
        sums = np.rint(weights @ rows).astype(int)
        return np.array([scorer._compute_score_from_stats(one.tolist()).score / 100 for one in sums])


@cache
def _scorer(kind: str, cjk: bool) -> Any:
    from sacrebleu.metrics.bleu import BLEU
    from sacrebleu.metrics.chrf import CHRF

    return CHRF() if kind == "chrf" else BLEU(tokenize="zh" if cjk else "13a")


class MeanOfTexts(MeanOfRows):
    """The mean over rows of how well an answer agrees with its target, by `compare(target, answer)`."""

    def __init__(self, name: str, compare: Callable[[str, str], float]) -> None:
        self.name, self.compare = name, compare

    def rows(
        self, gold: Sequence[Any], predicted: Sequence[Any], probabilities: Scores | None, space: LabelSpace
    ) -> Array:
        pairs = zip(*texts(self.name, gold, predicted), strict=True)
        return np.array([self.compare(right, answer) for right, answer in pairs], dtype=float)


def rouge(kind: str) -> Callable[[str, str], float]:
    """F1 of what answer and target share: n-grams (`rouge1`, `rouge2`) or their longest common subsequence (`rougeL`).

    Words, lower case, without marks; in Chinese and Japanese characters. No stemming, so that all languages are alike.
    """
    return lambda right, answer: float(_rouge(kind).score(right, answer)[kind].fmeasure)


class _Units:
    """rouge-score's face of a tokenizer."""

    def tokenize(self, text: str) -> list[str]:
        return [unit for unit in units(text) if any(character.isalnum() for character in unit)]


@cache
def _rouge(kind: str) -> Any:
    from rouge_score.rouge_scorer import RougeScorer

    return RougeScorer([kind], tokenizer=_Units())
