"""One text: its pooled sentence vector."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from autogpt.backbones._pieces import Piece, encode
from autogpt.core import Inputs

if TYPE_CHECKING:
    import torch

    from autogpt.backbones._readings import Body


class Text:
    """See `_readings.Reading`."""

    name, keys, parts, token_level = "text", ("text",), 1, False

    def pieces(
        self, tokenizer: Any, inputs: Sequence[Inputs], max_length: int, *, causal: bool = False
    ) -> tuple[list[Piece], list[str]]:
        ids, cut = encode(tokenizer, [row["text"] for row in inputs], max_length)
        return [Piece(row, found) for row, found in enumerate(ids)], cut

    def size(self, inputs: Inputs) -> int | None:
        return None

    def features(self, body: Body, inputs: Mapping[str, torch.Tensor]) -> torch.Tensor:
        return body.sentence(inputs["ids"], inputs["mask"])


reading = Text()
