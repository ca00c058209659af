"""Two texts, read together as one sequence of two segments: a cross-encoder, which may compare word with word.

"BERT: Pre-training of Deep Bidirectional Transformers" (Devlin et al. 2019). Unlike `pair` it sees which text comes
first, as entailment and questions with answers need; its features cannot be kept per text. The head reads what it reads
of candidates (see `choices`), so that likeness is told before anything was trained.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from autogpt.backbones._pieces import Piece
from autogpt.backbones._readings import _segments
from autogpt.core import Inputs

if TYPE_CHECKING:
    import torch

    from autogpt.backbones._readings import Body


class Joint:
    """See `_readings.Reading`. Never the first choice for a row: a method asks for it (`Encoder.read_together`)."""

    name, keys, parts, token_level = "joint", ("text", "text_pair"), 3, False

    def pieces(
        self, tokenizer: Any, inputs: Sequence[Inputs], max_length: int, *, causal: bool = False
    ) -> tuple[list[Piece], list[str]]:
        found, cut = _segments.encode(tokenizer, [(row["text"], row["text_pair"]) for row in inputs], max_length)
        return [Piece(row, ids, types=types) for row, (ids, types) in enumerate(found)], cut

    def size(self, inputs: Inputs) -> int | None:
        return None

    def features(self, body: Body, inputs: Mapping[str, torch.Tensor]) -> torch.Tensor:
        return _segments.compared(body, inputs)


reading = Joint()
