"""Blocks of texts, as models and objectives of training on texts alone exchange them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np

if TYPE_CHECKING:
    import torch

    from autogpt.core import Array


@dataclass(frozen=True, slots=True)
class Signs:
    """What an objective has to know of a tokenizer. `starts`: tokens that begin a word (None: any may);
    `first`: the first id that stands for text; `sentinels`: signs that stand for what was cut out; `salience` [V]:
    how telling a token is among the texts (None: not measured)."""

    vocabulary: int
    pad: int = 0
    mask: int = 0
    end: int = 0
    start: int = 0
    first: int = 0
    special: frozenset[int] = frozenset()
    starts: Array | None = None
    sentinels: tuple[int, ...] = ()
    salience: Array | None = None
    ignored: int = -100


@dataclass(frozen=True, slots=True)
class Blocks:
    """A batch of an objective: what the model is given, and the token [B, T] that each place should tell (or -100)."""

    inputs: Mapping[str, Array]
    target: Array


class Objective(Protocol):
    """What is hidden of texts and has to be told, by a model of one `family`; `tells` is what its loss is called."""

    name: str
    family: str
    summary: str
    tells: str

    def batch(self, blocks: Sequence[Array], signs: Signs, rng: np.random.Generator) -> Blocks:
        """Blocks of token ids, as the model is to read them now."""


@runtime_checkable
class OfVectors(Protocol):
    """An objective whose loss is of texts' vectors: the model's head over its vocabulary has no part in it.

    `contrastive`: a text is told from the others of its batch, through other dropout. So no batch is torn apart, and
    what is measured is measured with dropout.
    """

    name: str
    contrastive: bool

    def part(self, width: int, vocabulary: int) -> torch.nn.Module | None:
        """What trains beside the body and is thrown away afterwards (None: nothing)."""

    def losses(self, vectors: torch.Tensor, target: torch.Tensor, words: torch.Tensor, part: Any) -> torch.Tensor:
        """Minus log probability [B, T] of what `target` [B, T] has (0 where that is -100), by unit vectors [R, D] of
        the rows R that the model was given, and word embeddings [V, D]."""


def padded(rows: Sequence[Array], pad: int) -> tuple[Array, Array]:
    """Ids and mask [B, T], int64, padded to the longest row."""
    ids = np.full((len(rows), max(len(row) for row in rows)), pad, dtype=np.int64)
    mask = np.zeros_like(ids)
    for place, row in enumerate(rows):
        ids[place, : len(row)], mask[place, : len(row)] = row, 1
    return ids, mask


SEEN = 3


def salience(blocks: Sequence[Array], vocabulary: int) -> Array:
    """How telling each token is [V]: the logarithm of blocks over blocks that have it; 0 of what hardly any has."""
    having = np.zeros(vocabulary)
    for block in blocks:
        having[np.unique(block)] += 1
    return np.where(having >= SEEN, np.log(max(len(blocks), 1) / np.maximum(having, 1)), 0.0)
