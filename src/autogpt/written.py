"""A written text as a score table, and back.

The waist of the house is a table of numbers, and so is a written text: the bytes of its UTF-8, and beside each how
sure its writer was (the mean log probability of the answer's tokens). Families that write with other tokens, or with
none, give the same table, and nothing between model and answer needs to know a tokenizer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from autogpt.core import Array, Inputs


def source_of(row: Inputs) -> str:
    """What an answer is written from, as one text: the source, or what was said last in a dialogue."""
    return str(row["messages"][-1][1] if "messages" in row else row["source"])


def table(text: str, likely: float) -> Array:
    """The score table [B, 2] of a text whose tokens have this mean log probability."""
    return of_bytes(np.frombuffer(text.encode(), dtype=np.uint8), likely)


def of_bytes(codes: Any, likely: float) -> Array:
    """The score table [B, 2] of the bytes of a text."""
    return np.stack([np.asarray(codes, dtype=np.float64), np.full(len(codes), float(likely))], axis=1)


def text_of(row: Array) -> str:
    """The text of a score table; bytes that are no UTF-8 become the sign for that."""
    return np.clip(np.rint(row[:, 0]), 0, 255).astype(np.uint8).tobytes().decode("utf-8", "replace")
