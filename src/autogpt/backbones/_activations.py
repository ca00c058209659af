"""Hidden states at the boundary between frozen and trained layers, computed once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from autogpt.backbones._network import Net, layers
from autogpt.backbones._pieces import Piece, buckets, tensors
from autogpt.backbones._training import replaced

if TYPE_CHECKING:
    from autogpt.backbones._training import Activation


def boundary_states(
    net: Net, pieces: Sequence[Piece], *, boundary: int, count: int, pad_id: int, device: str, tokens: int
) -> list[Activation]:
    """Per piece the states [T, D] after `boundary` layers (and those of its pair)."""
    stack = layers(net.body, count)
    seen: list[torch.Tensor] = []

    def keep(_: Any, __: Any, given: Any) -> None:
        seen.append(given[0] if isinstance(given, tuple) else given)

    net.eval()
    found: list[Activation | None] = [None] * len(pieces)
    hook = stack[boundary - 1].register_forward_hook(keep)
    try:
        with replaced(stack, list(stack)[:boundary]), torch.inference_mode():
            for places in buckets(pieces, tokens=tokens, rows=256):
                chosen = [pieces[place] for place in places]
                seen.clear()
                net.features(tensors(chosen, pad_id, device))
                states = [table.float().cpu().numpy() for table in seen]
                for row, place in enumerate(places):
                    found[place] = _own(states, row, chosen[row])
    finally:
        hook.remove()
    return [activation for activation in found if activation is not None]


def _own(states: Sequence[np.ndarray[Any, Any]], row: int, piece: Piece) -> Activation:
    first = states[0][row, : len(piece.ids)].copy()
    second = states[1][row, : len(piece.pair)].copy() if piece.pair is not None else None
    return first, second
