"""A text with two marked spans, in one pass: the sentence vector beside a vector for each span.

Punctuation that every tokenizer knows stands around the spans, @ for the first argument and # for the second, so that
no embedding is added ("An Improved Baseline for Sentence-level Relation Extraction", Zhou & Chen 2021). "Matching the
Blanks" (Baldini Soares et al. 2019) reads the state at the beginning of each span; ours reads the mean over the span,
signs included (a little better on frozen states, the same after fine-tuning), at the length that sentence vectors have,
and beside both the sentence vector.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from autogpt import cells
from autogpt.backbones._pieces import Piece
from autogpt.core import Inputs

if TYPE_CHECKING:
    import torch

    from autogpt.backbones._readings import Body
    from autogpt.core import Array

SIGNS = (("@ ", " @"), ("# ", " #"))


class Marks:
    """See `_readings.Reading`. `Piece.places` are first and last token of the first span, then of the second."""

    name, keys, parts, token_level = "marks", ("text", "marks"), 3, False

    def pieces(
        self, tokenizer: Any, inputs: Sequence[Inputs], max_length: int, *, causal: bool = False
    ) -> tuple[list[Piece], list[str]]:
        signed = [cells.marked(row["text"], row["marks"], SIGNS) for row in inputs]
        encoded = tokenizer(
            [text for text, _ in signed],
            truncation=False,
            verbose=False,
            return_attention_mask=False,
            return_offsets_mapping=True,
            return_special_tokens_mask=True,
        )
        pieces, cut = [], []
        for row, (text, spans) in enumerate(signed):
            ids = np.asarray(encoded["input_ids"][row], dtype=np.int32)
            special = np.asarray(encoded["special_tokens_mask"][row], dtype=bool)
            offsets = np.asarray(encoded["offset_mapping"][row], dtype=np.int64)
            inside = np.stack([~special & (offsets[:, 0] < end) & (offsets[:, 1] > start) for start, end in spans])
            kept = np.arange(len(ids))
            if len(ids) > max_length:
                kept = nearest(special, inside, max_length)
                cut.append(text)
            found = [np.flatnonzero(span[kept])[[0, -1]] for span in inside]
            pieces.append(Piece(row, ids[kept], places=np.concatenate(found)))
        return pieces, cut

    def size(self, inputs: Inputs) -> int | None:
        return None

    def features(self, body: Body, inputs: Mapping[str, torch.Tensor]) -> torch.Tensor:
        import torch

        hidden = body.hidden(inputs["ids"], inputs["mask"])
        tokens = torch.arange(hidden.shape[1], device=hidden.device)
        first, last = inputs["places"].view(-1, 2, 2, 1).unbind(2)
        inside = ((tokens >= first) & (tokens <= last)).to(hidden.dtype)  # [B, 2, T]
        spans = body.scaled((inside / inside.sum(dim=-1, keepdim=True)) @ hidden)
        return torch.cat([body.pooled(hidden, inputs["mask"]), spans.flatten(1)], dim=-1)


def nearest(special: Array, inside: Array, most: int) -> Array:
    """Places of `most` tokens, in order: special ones [T], those inside the spans [2, T], then those nearest to them.

    Of a span that is too long itself the beginning is kept.
    """
    places = np.arange(len(special))
    within = np.flatnonzero(inside.any(axis=0))
    begins = inside.argmax(axis=1)
    near = np.abs(places[:, None] - within).min(axis=1)
    near[special] = -1
    order = np.lexsort((np.abs(places[:, None] - begins).min(axis=1), near))
    return np.sort(order[:most])


reading = Marks()
