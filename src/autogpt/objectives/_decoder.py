"""A light decoder that writes a text from its vector: one causal layer over the encoder's own word embeddings.

Attention to a single vector gives a linear map of it whatever is asked, so what is cross-attention elsewhere is here a
vector added at every place. Word embeddings are held still: they move by what the encoder reads, never by what a
decoder writes that is thrown away.
"""

from __future__ import annotations

import math

import torch
from torch import nn

FACTOR = 2
"""Of the feed-forward block's width to the states'."""


class Decoder(nn.Module):
    """Logits [B, T, V] of tokens [B, T] by those before them and unit vectors [B, D]."""

    def __init__(self, width: int, vocabulary: int) -> None:
        super().__init__()
        heads = next(count for count in (8, 4, 2, 1) if width % count == 0)
        self.begin = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, width))
        self.enter, self.leave = nn.LayerNorm(width), nn.LayerNorm(width)
        self.layer = nn.TransformerEncoderLayer(width, heads, FACTOR * width, 0.0, batch_first=True, norm_first=True)
        self.tell = nn.Linear(width, width)
        self.bias = nn.Parameter(torch.zeros(vocabulary))

    def forward(self, vectors: torch.Tensor, tokens: torch.Tensor, words: torch.Tensor) -> torch.Tensor:
        length, width = tokens.shape[1], words.shape[1]
        still = nn.functional.layer_norm(words.detach(), (width,))  # however large a body's embeddings are
        before = nn.functional.pad(self.enter(still[tokens[:, :-1]]), (0, 0, 1, 0))  # nothing stands before the first
        states = before + self.begin(vectors)[:, None] + _places(length, width).to(vectors)
        later = torch.triu(torch.ones(length, length, dtype=torch.bool, device=words.device), diagonal=1)
        told = self.tell(self.leave(self.layer(states, src_mask=later)))
        return nn.functional.linear(told, still / math.sqrt(width), self.bias)


def _places(length: int, width: int) -> torch.Tensor:
    """Sinusoids [T, D] of "Attention Is All You Need" (Vaswani et al. 2017): as many places as a text has."""
    rate = torch.exp(torch.arange(0, width, 2) * (-math.log(10_000.0) / width))
    angle = torch.arange(length)[:, None] * rate
    return torch.stack([angle.sin(), angle.cos()], dim=-1).flatten(1)[:, :width]
