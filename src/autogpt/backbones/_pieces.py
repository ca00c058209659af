"""Rows as token ids. A piece is one row, or one window of a row of tokens that is longer than the model can read."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from autogpt import memory
from autogpt.core import Inputs
from autogpt.errors import ResourceError

if TYPE_CHECKING:
    import torch

    from autogpt.core import Array, Scores

log = logging.getLogger(__name__)

TOKENS_PER_BATCH = 4096
LEAST_ROWS, MOST_PADDING = 16, 0.08
"""A batch of at least so many rows is ended where padding would be more than this share of it."""


@dataclass(frozen=True, slots=True)
class Piece:
    """`row` is the place in the list that was tokenized; for token input, word `words[i]` begins at `places[i]`."""

    row: int
    ids: Array
    pair: Array | None = None
    words: Array | None = None
    places: Array | None = None

    @property
    def length(self) -> int:
        return max(len(self.ids), len(self.pair) if self.pair is not None else 0)


def tokenize(tokenizer: Any, inputs: Sequence[Inputs], *, max_length: int) -> tuple[list[Piece], list[str]]:
    """Pieces in row order, and the texts that were cut at `max_length` tokens. Token input is windowed, never cut."""
    if not inputs:
        return [], []
    if "tokens" in inputs[0]:
        return _windows(tokenizer, inputs, max_length), []
    ids, cut = _texts(tokenizer, [row["text"] for row in inputs], max_length)
    if "text_pair" not in inputs[0]:
        return [Piece(row, found) for row, found in enumerate(ids)], cut
    pairs, pair_cut = _texts(tokenizer, [row["text_pair"] for row in inputs], max_length)
    return [Piece(row, a, b) for row, (a, b) in enumerate(zip(ids, pairs, strict=True))], cut + pair_cut


def _texts(tokenizer: Any, texts: list[str], max_length: int) -> tuple[list[Array], list[str]]:
    # One more token than allowed tells a cut text from one that just fits.
    found = tokenizer(texts, truncation=True, max_length=max_length + 1, return_attention_mask=False)["input_ids"]
    cut = [row for row, ids in enumerate(found) if len(ids) > max_length]
    if cut:
        short = tokenizer([texts[row] for row in cut], truncation=True, max_length=max_length)["input_ids"]
        for row, ids in zip(cut, short, strict=True):
            found[row] = ids
    return [np.asarray(ids, dtype=np.int32) for ids in found], [texts[row] for row in cut]


def _windows(tokenizer: Any, inputs: Sequence[Inputs], max_length: int) -> list[Piece]:
    encoded = tokenizer(
        [list(row["tokens"]) for row in inputs],
        is_split_into_words=True,
        truncation=True,
        max_length=max_length,
        return_overflowing_tokens=True,
        stride=0,
    )
    pieces = []
    owners = encoded["overflow_to_sample_mapping"]
    last = (-1, -1)
    for window, row in enumerate(owners):
        words, places = [], []
        for place, word in enumerate(encoded.word_ids(window)):
            # A word belongs to the window in which it begins.
            if word is not None and (row, word) != last:
                words.append(word)
                places.append(place)
                last = (row, word)
        ids = np.asarray(encoded["input_ids"][window], dtype=np.int32)
        pieces.append(Piece(row, ids, words=np.asarray(words, np.int64), places=np.asarray(places, np.int64)))
    return pieces


def pad(rows: Sequence[Array], pad_id: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Token ids [B, T] and attention mask [B, T], int64, padded to the longest row."""
    import torch

    width = max(len(row) for row in rows)
    ids = np.full((len(rows), width), pad_id, dtype=np.int64)
    mask = np.zeros((len(rows), width), dtype=np.int64)
    for place, row in enumerate(rows):
        ids[place, : len(row)] = row
        mask[place, : len(row)] = 1
    return torch.from_numpy(ids), torch.from_numpy(mask)


def tensors(pieces: Sequence[Piece], pad_id: int, device: str) -> dict[str, torch.Tensor]:
    """`ids` and `mask` [B, T]; `pair_ids` and `pair_mask` too when the pieces are pairs."""
    ids, mask = pad([piece.ids for piece in pieces], pad_id)
    found = {"ids": ids, "mask": mask}
    if pieces[0].pair is not None:
        found["pair_ids"], found["pair_mask"] = pad([p.pair for p in pieces if p.pair is not None], pad_id)
    return {name: tensor.to(device) for name, tensor in found.items()}


def buckets(pieces: Sequence[Piece], *, tokens: int, rows: int) -> list[list[int]]:
    """Places of pieces, sorted by length, cut at `rows` pieces, `tokens` padded tokens, or too much padding."""
    found: list[list[int]] = []
    current: list[int] = []
    filled = 0
    for place in sorted(range(len(pieces)), key=lambda i: pieces[i].length):
        width = pieces[place].length
        padded = (len(current) + 1) * width
        wasteful = len(current) >= LEAST_ROWS and padded - filled - width > MOST_PADDING * padded
        if current and (len(current) >= rows or padded > tokens or wasteful):
            found.append(current)
            current, filled = [], 0
        current.append(place)
        filled += width
    return [*found, current] if current else found


def blank_rows(width: int, sizes: Sequence[int | None], fill: torch.Tensor | None = None) -> Scores:
    """Zeros [N, width], or per row [words, width]; a word that the tokenizer drops keeps `fill` (the head's bias)."""
    if not sizes or sizes[0] is None:
        return np.zeros((len(sizes), width), dtype=np.float32)
    value = 0.0 if fill is None else fill.detach().float().cpu().numpy()
    return [np.zeros((size or 0, width), dtype=np.float32) + value for size in sizes]


def gather(
    rows: Scores, pieces: Sequence[Piece], function: Callable[[list[int]], torch.Tensor], *, batch_rows: int = 256
) -> None:
    """Write what `function` gives for places of `pieces` into `rows`; out of memory halves the batch and goes on."""
    import torch

    waiting = buckets(pieces, tokens=TOKENS_PER_BATCH, rows=batch_rows)[::-1]
    while waiting:
        places = waiting.pop()
        try:
            with torch.inference_mode():
                found = function(places).float().cpu().numpy()
        except (RuntimeError, MemoryError) as problem:
            waiting += _halves(places, problem)
            continue
        for place, values in zip(places, found, strict=True):
            piece = pieces[place]
            if piece.words is None:
                rows[piece.row] = values
            else:
                rows[piece.row][piece.words] = values[piece.places]


def _halves(places: list[int], problem: BaseException) -> list[list[int]]:
    if not memory.is_out_of_memory(problem):
        raise problem
    memory.release()
    if len(places) == 1:
        raise ResourceError("one row does not fit into memory; give a smaller backbone or shorter texts") from None
    middle = len(places) // 2
    log.warning("out of memory with %d rows at once; going on with %d", len(places), middle)
    return [places[middle:], places[:middle]]
