"""Readings, one file each: how the inputs of a row become token ids, and hidden states what the head reads.

The keys of a row's inputs say which reading is meant; neither tasks nor methods know of them.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from autogpt.backbones._pieces import Piece
from autogpt.core import Inputs
from autogpt.errors import InputError

if TYPE_CHECKING:
    import torch

NAMES = ("choices", "question", "tokens", "pair", "marks", "text")
"""In the order in which they are asked: the first whose keys a row has reads it."""

_TEXTS, _LISTS = frozenset({"text", "text_pair", "question"}), frozenset({"tokens", "choices"})


class Body(Protocol):
    """What a reading may ask of the net. Every call of `hidden` or `sentence` runs the body once."""

    def hidden(self, ids: torch.Tensor, mask: torch.Tensor, types: torch.Tensor | None = None) -> torch.Tensor:
        """States [B, T, D] of the last layer; `types` are segment ids [B, T], told to a body that knows segments."""

    def sentence(self, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """Sentence vectors [B, D]: `pooled` of `hidden`."""

    def pooled(self, hidden: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """Sentence vectors [B, D] of states [B, T, D]."""

    def mean(self, hidden: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """Means [B, D] of the states where the mask is 1."""

    def scaled(self, vectors: torch.Tensor) -> torch.Tensor:
        """Vectors [..., D] at the length that sentence vectors have."""


class Reading(Protocol):
    """`keys` of the inputs that it reads; `parts`: vectors of the body's width that the head reads side by side.

    `token_level`: the head reads a vector per token.
    """

    name: str
    keys: tuple[str, ...]
    parts: int
    token_level: bool

    def pieces(
        self, tokenizer: Any, inputs: Sequence[Inputs], max_length: int, *, causal: bool = False
    ) -> tuple[list[Piece], list[str]]:
        """Token ids in row order, and the texts that were cut at `max_length` tokens.

        `causal`: only the last token sees all others.
        """

    def size(self, inputs: Inputs) -> int | None:
        """Score rows of a row with a table of its own; None for a row with one answer."""

    def features(self, body: Body, inputs: Mapping[str, torch.Tensor]) -> torch.Tensor:
        """What the head reads [B, parts * D] of `_pieces.tensors`.

        Never asked of a token-level reading: its head reads the body's own hidden states.
        """


def get(name: str, template: str = "") -> Reading:
    """The reading called `name`; of one that puts rows into a template, with this one."""
    found: Any = importlib.import_module(f"autogpt.backbones._readings.{name}").reading
    reading: Reading = found.filled(template) if template else found
    return reading


def of(inputs: Inputs) -> Reading:
    """The reading of a row with these inputs."""
    for name in NAMES:
        reading = get(name)
        if all(key in inputs for key in reading.keys):
            return reading
    raise InputError(f"inputs with {', '.join(map(repr, inputs)) or 'nothing'} cannot be read by an encoder")


def check(reading: Reading, inputs: Sequence[Inputs]) -> None:
    """InputError: a row lacks what the reading reads, or has something else in its place."""
    for place, row in enumerate(inputs):
        for key in reading.keys:
            if key not in row:
                raise InputError(f"row {place} has no {key!r}; this model reads {' and '.join(reading.keys)}")
            value = row[key]
            if key in _TEXTS and not isinstance(value, str):
                raise InputError(f"row {place}: {key!r} is {value!r}; it must be a text")
            if key in _LISTS and (isinstance(value, str) or not all(isinstance(part, str) for part in value)):
                raise InputError(f"row {place}: {key!r} is {value!r}; it must be a list of texts")
