"""Words, with a vector for the first piece of each. What is longer than the encoder reads is windowed, never cut.

A piece that is nothing but the sign for a space ("▁", which SentencePiece puts before a Chinese character) is left out
there: between characters no space was meant, and it says too little of its word. Windows overlap, and a word is read
(and learned) where it has most context (see `_windows`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from autogpt.backbones._pieces import Piece
from autogpt.backbones._readings._windows import OVERLAP, owned
from autogpt.core import Inputs

if TYPE_CHECKING:
    import torch

    from autogpt.backbones._readings import Body
    from autogpt.core import Array


_SPACE = "▁"
_CHARACTER = re.compile(r"[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff]")


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
        bare = {tokenizer.convert_tokens_to_ids(_SPACE)} - {tokenizer.unk_token_id, None}
        windows: list[list[int]] = [[] for _ in inputs]
        for window, row in enumerate(encoded["overflow_to_sample_mapping"]):
            windows[row].append(window)
        pieces = []
        for row, told in enumerate(inputs):
            kept = [_without_spaces(tokenizer, encoded, window, bare) for window in windows[row]]
            seen = [_words(owners, first=not place) for place, (_, owners) in enumerate(kept)]
            for (ids, _), (words, places) in zip(kept, owned(seen, len(told["tokens"])), strict=True):
                pieces.append(Piece(row, np.asarray(ids, np.int32), words=words, places=places))
        return pieces, []

    def size(self, inputs: Inputs) -> int | None:
        return len(inputs["tokens"])

    def features(self, body: Body, inputs: Mapping[str, torch.Tensor]) -> torch.Tensor:
        raise NotImplementedError("the head of tokens reads hidden states")


def _without_spaces(tokenizer: Any, encoded: Any, window: int, bare: set[int]) -> tuple[list[int], list[int | None]]:
    """Pieces of a window with the word of each, without bare spaces before characters of theirs."""
    words, ids = encoded.word_ids(window), encoded["input_ids"][window]
    if bare.isdisjoint(ids):
        return ids, words
    spaces = {
        place
        for place in range(len(ids) - 1)
        if ids[place] in bare
        and words[place] is not None
        and words[place] == words[place + 1]
        and _CHARACTER.match(tokenizer.convert_ids_to_tokens(ids[place + 1]))
    }
    kept = [place for place in range(len(ids)) if place not in spaces]
    return [ids[place] for place in kept], [words[place] for place in kept]


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
