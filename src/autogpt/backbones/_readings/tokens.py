"""Words, with a vector for the first piece of each. What is longer than the encoder reads is windowed, never cut."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from autogpt.backbones._pieces import Piece
from autogpt.core import Inputs

if TYPE_CHECKING:
    import torch

    from autogpt.backbones._readings import Body


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
            stride=0,
        )
        pieces = []
        owners = encoded["overflow_to_sample_mapping"]
        last = (-1, -1)
        for window, row in enumerate(owners):
            words, places = [], []
            for place, word in enumerate(encoded.word_ids(window)):
                # A word belongs to the window in which it begins.
                if word is not None and (row, word) != last:
                    words.append(word)
                    places.append(place)
                    last = (row, word)
            ids = np.asarray(encoded["input_ids"][window], dtype=np.int32)
            pieces.append(Piece(row, ids, words=np.asarray(words, np.int64), places=np.asarray(places, np.int64)))
        return pieces, []

    def size(self, inputs: Inputs) -> int | None:
        return len(inputs["tokens"])

    def features(self, body: Body, inputs: Mapping[str, torch.Tensor]) -> torch.Tensor:
        raise NotImplementedError("the head of tokens reads hidden states")


reading = Tokens()
