"""How likely a writer has answers, and answers drawn as likely as it has them (torch's own; loaded late)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch.nn.functional import cross_entropy

from autogpt.backbones._pieces import halves
from autogpt.backbones._writing import IGNORED, Decoding, Pair, WriterNet, laid, write

if TYPE_CHECKING:
    from autogpt.core import Array
    from autogpt.runtime import Runtime


def log_likelihoods(net: WriterNet, pairs: Sequence[Pair], *, start: int, pad_id: int, runtime: Runtime) -> Array:
    """Sum over a target's tokens, its end included [N], in nats; in the number format that is fast here."""
    with runtime.autocast():
        found = token_likelihoods(net, pairs, start=start, pad_id=pad_id, runtime=runtime)
    return np.array([row.sum() for row in found])


def token_likelihoods(
    net: WriterNet, pairs: Sequence[Pair], *, start: int, pad_id: int, runtime: Runtime, batch_rows: int = 32
) -> list[Array]:
    """The log probability of each token [T] of the pairs' targets, given their sources, in nats."""
    found: list[Any] = [None] * len(pairs)
    waiting = _batches([len(pair.source) + len(pair.target) for pair in pairs], batch_rows)
    while waiting:
        places = waiting.pop()
        try:
            rows = _one_batch(net, [pairs[place] for place in places], start, pad_id, runtime)
        except (RuntimeError, MemoryError) as problem:
            waiting += halves(places, problem)
            continue
        for place, row in zip(places, rows, strict=True):
            found[place] = row
    return found


@torch.inference_mode()
def _one_batch(net: WriterNet, pairs: Sequence[Pair], start: int, pad_id: int, runtime: Runtime) -> list[Array]:
    inputs, target = laid(pairs, net.kind, start=start, pad_id=pad_id)
    logits = net({name: tensor.to(runtime.device) for name, tensor in inputs.items()})
    told = target.to(runtime.device)
    losses = cross_entropy(logits.float().transpose(1, 2), told, ignore_index=IGNORED, reduction="none")
    each = -losses.double().cpu().numpy()
    return [row[known] for row, known in zip(each, (target != IGNORED).numpy(), strict=True)]


def drawn(
    net: WriterNet, sources: Sequence[Any], most: int, *, seed: int, batch_rows: int, pad_id: int, end: int, start: int
) -> list[Pair]:
    """An answer to each source, its tokens drawn at temperature 1; nobody else's draws are touched."""
    device, decoding = next(net.parameters()).device, Decoding(most=most, temperature=1.0)
    found: list[Any] = [None] * len(sources)
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.manual_seed(seed)
        waiting = _batches([len(source) for source in sources], batch_rows)[::-1]
        while waiting:
            places = waiting.pop()
            try:
                chosen = [sources[place] for place in places]
                written = write(net, chosen, decoding, pad_id=pad_id, end=end, start=start, room=most)
            except (RuntimeError, MemoryError) as problem:
                waiting += halves(places, problem)
                continue
            for place, (ids, _) in zip(places, written, strict=True):
                ended = [*ids, end] if len(ids) < most else ids  # what has all its tokens was cut
                found[place] = Pair(sources[place], np.array(ended, dtype=np.int64))
    return found


def _batches(lengths: Sequence[int], rows: int) -> list[list[int]]:
    """Places of rows of about one length."""
    order = sorted(range(len(lengths)), key=lambda place: lengths[place])
    return [order[at : at + rows] for at in range(0, len(order), rows)]
