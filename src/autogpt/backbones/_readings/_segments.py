"""Two texts in one sequence: what readings that read texts together share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import torch

    from autogpt.backbones._readings import Body
    from autogpt.core import Array

Encoded = tuple["Array", "Array"]  # token ids and segment ids of a pair


def encode(tokenizer: Any, pairs: list[tuple[str, str]], max_length: int) -> tuple[list[Encoded], list[str]]:
    """Token ids and segment ids of each pair, and the first texts of pairs that were cut (the longer side is)."""
    # One more token than allowed tells a cut pair from one that just fits.
    found = _encode(tokenizer, pairs, max_length + 1)
    cut = [place for place, (ids, _) in enumerate(found) if len(ids) > max_length]
    for place, short in zip(cut, _encode(tokenizer, [pairs[place] for place in cut], max_length), strict=True):
        found[place] = short
    return found, [pairs[place][0] for place in cut]


def compared(body: Body, inputs: Mapping[str, torch.Tensor]) -> torch.Tensor:
    """[B, 3 * D]: the pooled whole sequence, and |u - v| and u * v of its two segments, pooled each by itself."""
    import torch

    mask, types = inputs["mask"], inputs["types"]
    hidden = body.hidden(inputs["ids"], mask, types)
    first, second = (body.scaled(body.mean(hidden, part)) for part in (mask * (1 - types), mask * types))
    return torch.cat([body.pooled(hidden, mask), (first - second).abs(), first * second], dim=-1)


def _encode(tokenizer: Any, pairs: list[tuple[str, str]], max_length: int) -> list[Encoded]:
    """Families without segments get them from where the tokens come from."""
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
