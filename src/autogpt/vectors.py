"""Frozen vectors: rows at length 1, how long they usually are, and the rows most alike to each by their cosine."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from autogpt.core import Array

_BLOCK = 1000


def unit(table: Array) -> Array:
    """Rows [N, D] (or one row [D]) at length 1; a row of zeros stays one."""
    return np.asarray(table / np.maximum(np.linalg.norm(table, axis=-1, keepdims=True), 1e-9))


def typical_length(table: Array) -> float:
    """Mean length of rows [N, D]; 1 where all are zeros, so that it can be divided by."""
    return float(np.linalg.norm(table, axis=1).mean()) or 1.0


def neighbours(table: Array, count: int) -> Array:
    """Places [N, K] of the rows most alike by cosine, in no order, the row itself left out. K is at most N - 1."""
    rows, count = unit(table), min(count, len(table) - 1)
    found = np.empty((len(rows), count), dtype=np.int64)
    for start in range(0, len(rows), _BLOCK):
        alike = rows[start : start + _BLOCK] @ rows.T
        alike[np.arange(len(alike)), np.arange(start, start + len(alike))] = -np.inf
        found[start : start + _BLOCK] = np.argpartition(-alike, count - 1, axis=1)[:, :count]
    return found
