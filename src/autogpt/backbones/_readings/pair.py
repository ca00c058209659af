"""Two texts, read one after the other (a bi-encoder, so that their features can be kept): |u - v| and u * v.

"Supervised Learning of Universal Sentence Representations" (InferSent, Conneau et al. 2017), without u and v
themselves: a linear head cannot use them symmetrically.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from autogpt.backbones._pieces import Piece, encode
from autogpt.core import Inputs

if TYPE_CHECKING:
    import torch

    from autogpt.backbones._readings import Body


class Pair:
    """See `_readings.Reading`."""

    name, keys, parts, token_level = "pair", ("text", "text_pair"), 2, False

    def pieces(
        self, tokenizer: Any, inputs: Sequence[Inputs], max_length: int, *, causal: bool = False
    ) -> tuple[list[Piece], list[str]]:
        ids, cut = encode(tokenizer, [row["text"] for row in inputs], max_length)
        pairs, pair_cut = encode(tokenizer, [row["text_pair"] for row in inputs], max_length)
        return [Piece(row, a, b) for row, (a, b) in enumerate(zip(ids, pairs, strict=True))], cut + pair_cut

    def size(self, inputs: Inputs) -> int | None:
        return None

    def features(self, body: Body, inputs: Mapping[str, torch.Tensor]) -> torch.Tensor:
        import torch

        first = body.sentence(inputs["ids"], inputs["mask"])
        second = body.sentence(inputs["pair_ids"], inputs["pair_mask"])
        return torch.cat([(first - second).abs(), first * second], dim=-1)


reading = Pair()
