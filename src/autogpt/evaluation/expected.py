"""How far a language model expected the right texts, whatever it wrote itself: perplexity, and bits per byte.

Both are of the same log probabilities, the end of a text included: perplexity is per token, so that it compares models
of one tokenizer alone; bits per byte compare any models, and compressors as well. Of a dialogue every turn that is
learned is a text of its own, and its perplexity is told by how many turns of the assistant came before. Texts that were
longer than may be written have no probability and are left out; a score's number of rows says how many are in.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from autogpt.core import Example, LabelSpace
from autogpt.evaluation.interval import RESAMPLES, Answers, intervals
from autogpt.evaluation.score import Score
from autogpt.metrics._labels import whole

if TYPE_CHECKING:
    from autogpt.core import Array, Scores

TURNS, LEAST = 3, 5
"""Turns of a dialogue that are told one by one, and rows that such a score needs."""


class _Rate:
    """See `core.Metric`: what texts take of what they have, in all; `predicted` are their tokens' log probabilities."""

    higher_is_better = False

    def __init__(
        self, name: str, decimals: int, size: Callable[[str, Array], float], told: Callable[[Any], Any]
    ) -> None:
        self.name, self.decimals, self._size, self._told = name, decimals, size, told

    def __call__(
        self, gold: Sequence[Any], predicted: Sequence[Any], probabilities: Scores | None, space: LabelSpace
    ) -> float:
        return whole(self, gold, predicted, probabilities, space)

    def rows(
        self, gold: Sequence[Any], predicted: Sequence[Any], probabilities: Scores | None, space: LabelSpace
    ) -> Array:
        """Nats, and tokens or bytes, of each text [N, 2]."""
        return np.array([(-row.sum(), self._size(text, row)) for text, row in zip(gold, predicted, strict=True)])

    def score(self, rows: Array, weights: Array) -> Array:
        """The rate under each resample [R]."""
        nats, size = (weights @ rows).T
        return np.asarray(self._told(nats / np.maximum(size, 1)))


def _perplexity(name: str = "perplexity") -> _Rate:
    return _Rate(name, 2, lambda text, row: len(row), np.exp)


BITS = _Rate("bits-per-byte", 3, lambda text, row: len(text.encode()), lambda nats: nats / np.log(2))


def expected(
    rows: Sequence[Example], likely: Sequence[Array], *, seed: int = 0, resamples: int = RESAMPLES
) -> tuple[Score, ...]:
    """The scores of rows whose targets' tokens have these log probabilities ([T] each; none where one was cut)."""
    there = [place for place, row in enumerate(likely) if len(row)]
    found = []
    for metric, places in (*((m, there) for m in (_perplexity(), BITS)), *_by_turn(rows, there)):
        if not places:
            continue
        gold, answers = [str(rows[i].target) for i in places], Answers([likely[i] for i in places])
        one = intervals([metric], gold, answers, space=LabelSpace(), seed=seed, resamples=resamples)[metric.name]
        found.append(Score(metric.name, one.value, one.low, one.high, len(places), False, metric.decimals))
    return tuple(found)


def _by_turn(rows: Sequence[Example], there: Sequence[int]) -> Iterator[tuple[_Rate, list[int]]]:
    """The rows of dialogues, by how many turns of the assistant came before."""
    said = {i: 1 + sum(role == "assistant" for role, _ in rows[i].inputs.get("messages", ())) for i in there}
    if max(said.values(), default=1) < 2:
        return
    for turn in range(1, TURNS + 1):
        places = [i for i in there if said[i] == turn or (turn == TURNS and said[i] > turn)]
        if len(places) >= LEAST:
            yield _perplexity(f"perplexity (turn {turn}{' and later' if turn == TURNS else ''})"), places
