"""Words, with a vector for the first piece of each. What is longer than the encoder reads is windowed, never cut.

A piece that is nothing but the sign for a space ("▁", which SentencePiece puts before a Chinese character) is passed
over: it says too little of its word. Windows overlap, and a word is read (and learned) where it has most context (see
`_windows`).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from autogpt.backbones._pieces import Piece
from autogpt.backbones._readings._windows import OVERLAP, owned
from autogpt.core import Inputs

if TYPE_CHECKING:
    import torch

    from autogpt.backbones._readings import Body
    from autogpt.core import Array


_SPACES = ("▁", "Ġ")


class Tokens:
    """See `_readings.Reading`."""

    name, keys, parts, token_level = "tokens", ("tokens",), 1, True

    def pieces(
        self, tokenizer: Any, inputs: Sequence[Inputs], max_length: int, *, causal: bool = False
    ) -> tuple[list[Piece], list[str]]:
        encoded = tokenizer(
            [list(row["tokens"]) for row in inputs],
            is_split_into_words=True,
            truncation=True,
            max_length=max_length,
            return_overflowing_tokens=True,
            stride=max_length // OVERLAP,
        )
        bare = {tokenizer.convert_tokens_to_ids(sign) for sign in _SPACES} - {tokenizer.unk_token_id, None}
        windows: list[list[int]] = [[] for _ in inputs]
        for window, row in enumerate(encoded["overflow_to_sample_mapping"]):
            windows[row].append(window)
        pieces = []
        for row, told in enumerate(inputs):
            seen = [
                _words(_owners(encoded, window, bare), first=not place) for place, window in enumerate(windows[row])
            ]
            for window, (words, places) in zip(windows[row], owned(seen, len(told["tokens"])), strict=True):
                pieces.append(
                    Piece(row, np.asarray(encoded["input_ids"][window], np.int32), words=words, places=places)
                )
        return pieces, []

    def size(self, inputs: Inputs) -> int | None:
        return len(inputs["tokens"])

    def features(self, body: Body, inputs: Mapping[str, torch.Tensor]) -> torch.Tensor:
        raise NotImplementedError("the head of tokens reads hidden states")


def _owners(encoded: Any, window: int, bare: Collection[int]) -> list[int | None]:
    """The word of every piece; none of a bare space that more of its word follows."""
    words, ids = encoded.word_ids(window), encoded["input_ids"][window]
    follows = [*words[1:], None][: len(words)]
    return [
        None if piece in bare and word is not None and word == after else word
        for piece, word, after in zip(ids, words, follows, strict=True)
    ]


def _words(owner: Sequence[int | None], *, first: bool) -> tuple[Array, Array, Array]:
    """Words of a window, the place of each one's first token, and how many tokens stand at least on both sides.

    The word that a later window begins with is that of the window before: it may have begun there.
    """
    inside = [(place, word) for place, word in enumerate(owner) if word is not None]
    begun: dict[int, int] = {}
    for place, word in inside:
        begun.setdefault(word, place)
    if not first and inside:
        del begun[inside[0][1]]
    places = np.array([*begun.values()], np.int64)
    ends = (inside[0][0], inside[-1][0]) if inside else (0, 0)
    return np.array([*begun], np.int64), places, np.minimum(places - ends[0], ends[1] - places)


reading = Tokens()
