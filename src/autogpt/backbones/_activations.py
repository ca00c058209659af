"""Hidden states at the boundary between frozen and trained layers, computed once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import nn

from autogpt.backbones._network import Net, layers, replaced
from autogpt.backbones._pieces import Piece, buckets, tensors

if TYPE_CHECKING:
    from autogpt.core import Array

    Activation = tuple[Array, Array | None]  # hidden states [T, D] at the boundary, of a text and of its pair


@dataclass(frozen=True, slots=True)
class Cache:
    """`states[i]` belongs to piece i; `others` is what the last frozen layer returned beside its hidden states."""

    stack: nn.ModuleList
    boundary: int
    states: list[Activation]
    others: tuple[None, ...] | None


def fill(
    net: Net, pieces: Sequence[Piece], *, boundary: int, count: int, pad_id: int, device: str, tokens: int
) -> Cache:
    """Per piece the states [T, D] after `boundary` of `count` layers (and those of its pair); the rest is not run."""
    stack = layers(net.body, count)
    seen: list[Any] = []
    others: tuple[None, ...] | None = None
    net.eval()
    found: list[Activation | None] = [None] * len(pieces)
    hook = stack[boundary - 1].register_forward_hook(lambda _, __, given: seen.append(given))
    try:
        with replaced(stack, list(stack)[:boundary]), torch.inference_mode():
            for places in buckets(pieces, tokens=tokens, rows=256):
                chosen = [pieces[place] for place in places]
                seen.clear()
                net.features(tensors(chosen, pad_id, device))
                if isinstance(seen[0], tuple):
                    others = (None,) * (len(seen[0]) - 1)
                states = [(given[0] if isinstance(given, tuple) else given).float().cpu().numpy() for given in seen]
                for row, place in enumerate(places):
                    found[place] = _own(states, row, chosen[row])
    finally:
        hook.remove()
    return Cache(stack, boundary, [activation for activation in found if activation is not None], others)


def _own(states: Sequence[np.ndarray[Any, Any]], row: int, piece: Piece) -> Activation:
    first = states[0][row, : len(piece.ids)].copy()
    second = states[1][row, : len(piece.pair)].copy() if piece.pair is not None else None
    return first, second
