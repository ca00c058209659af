"""Which rows are trained on together: batches of similar length, the same for the same (seed, epoch).

Rows are shuffled, dealt to batches, and sorted by length within groups of batches; then the batches are shuffled.
Padding nearly vanishes while every row is still drawn at random. An epoch's batches differ by at most one row in size,
so there is no tiny last batch whose step would weigh its few rows more than others.

An (effective) batch is one optimizer step. It is computed in micro-batches that fit a budget of padded tokens.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

Rows = np.ndarray[Any, np.dtype[np.int64]]

GROUP = 50
"""Batches sorted together: more pads less, but makes a batch's rows more alike."""


def batches_per_epoch(rows: int, batch_rows: int) -> int:
    """Optimizer steps of one epoch."""
    return -(-rows // batch_rows)


def epoch_batches(lengths: Sequence[int], *, batch_rows: int, seed: int, epoch: int) -> list[Rows]:
    """Every row once, in batches of at most `batch_rows`, longest row first within a batch."""
    rng = np.random.default_rng([seed, epoch])
    order = rng.permutation(len(lengths)).astype(np.int64)
    length = np.asarray(lengths)
    batches: list[Rows] = []
    dealt = np.array_split(order, batches_per_epoch(len(order), batch_rows))
    for start in range(0, len(dealt), GROUP):
        group = dealt[start : start + GROUP]
        rows = np.concatenate(group)
        rows = rows[np.argsort(-length[rows], kind="stable")]
        batches += np.split(rows, np.cumsum([len(batch) for batch in group])[:-1])
    return [batches[i] for i in rng.permutation(len(batches))]


def micro_batches(rows: Rows, lengths: Sequence[int], *, max_tokens: int) -> list[list[int]]:
    """A batch cut, in order, where its padded size would exceed `max_tokens`; one row alone may exceed it."""
    parts: list[list[int]] = []
    longest = 0
    for row in rows.tolist():
        longest = max(longest, lengths[row])
        if parts and (len(parts[-1]) + 1) * longest <= max_tokens:
            parts[-1].append(row)
        else:
            parts.append([row])
            longest = lengths[row]
    return parts


def padded_tokens(rows: Rows, lengths: Sequence[int]) -> int:
    """What a batch costs: its rows times its longest row."""
    return len(rows) * max(int(lengths[row]) for row in rows.tolist())
