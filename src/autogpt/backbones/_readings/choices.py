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
        # One more token than allowed tells a cut pair from one that just fits. The longer side is cut.
        found = _encode(tokenizer, read, max_length + 1)
        cut = [place for place, (ids, _) in enumerate(found) if len(ids) > max_length]
        for place, short in zip(cut, _encode(tokenizer, [read[place] for place in cut], max_length), strict=True):
            found[place] = short
        pieces = [
            Piece(row, ids, words=np.array([place]), types=types)
            for (row, place), (ids, types) in zip(owners, found, strict=True)
        ]
        return pieces, [read[place][0] for place in cut]

    def size(self, inputs: Inputs) -> int | None:
        return len(inputs["choices"])

    def features(self, body: Body, inputs: Mapping[str, torch.Tensor]) -> torch.Tensor:
        import torch

        mask, types = inputs["mask"], inputs["types"]
        hidden = body.hidden(inputs["ids"], mask, types)
        first, second = (body.scaled(body.mean(hidden, part)) for part in (mask * (1 - types), mask * types))
        return torch.cat([body.pooled(hidden, mask), (first - second).abs(), first * second], dim=-1)


def _encode(tokenizer: Any, pairs: list[tuple[str, str]], max_length: int) -> list[tuple[Any, Any]]:
    """Token ids and segment ids of each pair. Families without segments get them from where the tokens come from."""
    if not pairs:
        return []
    texts, candidates = (list(side) for side in zip(*pairs, strict=True))
    found = tokenizer(texts, candidates, truncation="longest_first", max_length=max_length)
    types = found.get("token_type_ids")
    if types is None or not any(map(any, types)):
        types = [[int(part == 1) for part in found.sequence_ids(row)] for row in range(len(pairs))]
    return [
        (np.asarray(ids, dtype=np.int32), np.asarray(type_ids, dtype=np.int32))
        for ids, type_ids in zip(found["input_ids"], types, strict=True)
    ]


reading = Choices()
