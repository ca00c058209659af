"""A written text as a score table, and back.

The waist of the house is a table of numbers, and so is a written text: the bytes of its UTF-8, and beside each how
sure its writer was (the mean log probability of the answer's tokens). Families that write with other tokens, or with
none, give the same table, and nothing between model and answer needs to know a tokenizer.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

if TYPE_CHECKING:
    from autogpt.core import Array, Inputs, Row


class Format(Protocol):
    """What a written text is to be well-formed as. `told` is what people call it; `closing` the characters that end
    what is open, the soonest first."""

    name: str
    told: str
    closing: str

    def fault(self, text: str) -> str | None:
        """Why a text is not well-formed; None when it is."""

    def shows(self, text: str) -> bool:
        """Whether a text is meant to be of this format, and does not merely happen to be."""

    def repair(self, text: str) -> str:
        """The text with what is open closed and what is too much cut; nothing is made up. Unchanged where it is
        well-formed, and where it cannot be repaired."""

    def grammar(self, examples: Sequence[str]) -> str | None:
        """A grammar (llguidance's Lark) of which all texts are well-formed, and which has what the examples have."""


class Reward(Protocol):
    """A program that checks what a model wrote. `columns` are names by which the row's column is known that the check
    needs; none: the text is enough."""

    name: str
    summary: str
    columns: tuple[str, ...]

    def score(self, texts: Sequence[str], row: Row, *, column: str | None, source: str) -> list[float]:
        """How good each text is as an answer to the row, from 0 to 1. `column` is the row's column that the check
        needs, `source` what the user named for it (a file, an expression, nothing). InputError: one is missing."""


def source_of(row: Inputs) -> str:
    """What an answer is written from, as one text: the source below its controls, or a dialogue's last turn."""
    return str(row["messages"][-1][1] if "messages" in row else row.get("controls", "") + row["source"])


def table(text: str, likely: float) -> Array:
    """The score table [B, 2] of a text whose tokens have this mean log probability."""
    return of_bytes(np.frombuffer(text.encode(), dtype=np.uint8), likely)


def of_bytes(codes: Any, likely: float) -> Array:
    """The score table [B, 2] of the bytes of a text."""
    return np.stack([np.asarray(codes, dtype=np.float64), np.full(len(codes), float(likely))], axis=1)


def text_of(row: Array) -> str:
    """The text of a score table; bytes that are no UTF-8 become the sign for that."""
    return np.clip(np.rint(row[:, 0]), 0, 255).astype(np.uint8).tobytes().decode("utf-8", "replace")
