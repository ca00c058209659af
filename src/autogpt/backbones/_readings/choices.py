"""A text and candidates: each candidate is read together with the text, as one sequence of two segments.

The head reads three vectors of a candidate: the pooled whole sequence (a cross-encoder: "Passage Re-ranking with BERT",
Nogueira & Cho 2019), and |u - v| and u * v of its two segments, pooled each by itself. The latter tell likeness before
anything was trained, as a bi-encoder's do (see `pair`), at no further pass of the body.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from autogpt.backbones._pieces import Piece
from autogpt.backbones._readings import _segments
from autogpt.core import Inputs

if TYPE_CHECKING:
    import torch

    from autogpt.backbones._readings import Body


class Choices:
    """See `_readings.Reading`. A row has a piece per candidate."""

    name, keys, parts, token_level = "choices", ("text", "choices"), 3, False

    def pieces(
        self, tokenizer: Any, inputs: Sequence[Inputs], max_length: int, *, causal: bool = False
    ) -> tuple[list[Piece], list[str]]:
        owners = [(row, place) for row, one in enumerate(inputs) for place in range(len(one["choices"]))]
        read = [(inputs[row]["text"], inputs[row]["choices"][place]) for row, place in owners]
        found, cut = _segments.encode(tokenizer, read, max_length)
        pieces = [
            Piece(row, ids, words=np.array([place]), types=types)
            for (row, place), (ids, types) in zip(owners, found, strict=True)
        ]
        return pieces, cut

    def size(self, inputs: Inputs) -> int | None:
        return len(inputs["choices"])

    def features(self, body: Body, inputs: Mapping[str, torch.Tensor]) -> torch.Tensor:
        return _segments.compared(body, inputs)


reading = Choices()
