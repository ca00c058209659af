"""Rows as token ids. A piece is one row, or one window of a row of tokens that is longer than the model can read."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from autogpt import memory
from autogpt.blocks import padded
from autogpt.errors import ResourceError
from autogpt.runtime import Runtime

if TYPE_CHECKING:
    import torch

    from autogpt.core import Array, Scores

log = logging.getLogger(__name__)

TOKENS_PER_BATCH = 4096
LEAST_ROWS, MOST_PADDING = 16, 0.08
"""A batch of at least so many rows is ended where padding would be more than this share of it."""
PLENTY = 4 << 30
"""Bytes that a batch of `TOKENS_PER_BATCH` never takes: with so much room nothing is counted before reading."""


@dataclass(frozen=True, slots=True)
class Piece:
    """`row` is the place in the list that was tokenized; `pair` a second text that is read by itself.

    `words`: score rows of the row that this piece gives, from the hidden states at `places`, or (without `places`) the
    one that all of it gives. Without `words` the piece gives the row's one answer, and `places` (as many in every
    piece) are states that its reading looks at. `types` are segment ids, for readings of two texts at once.
    """

    row: int
    ids: Array
    pair: Array | None = None
    words: Array | None = None
    places: Array | None = None
    types: Array | None = None

    @property
    def length(self) -> int:
        return max(len(self.ids), len(self.pair) if self.pair is not None else 0)


def encode(tokenizer: Any, texts: list[str], max_length: int) -> tuple[list[Array], list[str]]:
    """Token ids of every text, and the texts that were cut at `max_length` tokens."""
    # One more token than allowed tells a cut text from one that just fits.
    found = tokenizer(texts, truncation=True, max_length=max_length + 1, return_attention_mask=False)["input_ids"]
    cut = [row for row, ids in enumerate(found) if len(ids) > max_length]
    if cut:
        short = tokenizer([texts[row] for row in cut], truncation=True, max_length=max_length)["input_ids"]
        for row, ids in zip(cut, short, strict=True):
            found[row] = ids
    return [np.asarray(ids, dtype=np.int32) for ids in found], [texts[row] for row in cut]


def filled(piece: Piece, blank: int) -> Piece:
    """The piece with one token `blank` in place of no tokens at all (decoders add none to an empty text)."""
    if len(piece.ids) and (piece.pair is None or len(piece.pair)):
        return piece
    one = np.array([blank], dtype=np.int32)
    pair = one if piece.pair is not None and not len(piece.pair) else piece.pair
    return replace(piece, ids=piece.ids if len(piece.ids) else one, pair=pair)


def pad(rows: Sequence[Array], pad_id: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Token ids [B, T] and attention mask [B, T], int64, padded to the longest row."""
    import torch

    ids, mask = padded(rows, pad_id)
    return torch.from_numpy(ids), torch.from_numpy(mask)


def tensors(pieces: Sequence[Piece], pad_id: int, device: str) -> dict[str, torch.Tensor]:
    """`ids` and `mask` [B, T], and where pieces have them: `pair_ids`, `pair_mask`, `types` [B, T], `places` [B, P]."""
    import torch

    ids, mask = pad([piece.ids for piece in pieces], pad_id)
    found = {"ids": ids, "mask": mask}
    if pieces[0].pair is not None:
        found["pair_ids"], found["pair_mask"] = pad([p.pair for p in pieces if p.pair is not None], pad_id)
    if pieces[0].types is not None:
        found["types"] = pad([p.types for p in pieces if p.types is not None], 0)[0]
    if pieces[0].words is None and pieces[0].places is not None:
        found["places"] = torch.from_numpy(np.stack([p.places for p in pieces if p.places is not None]))
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


def tokens_at_once(
    pieces: Sequence[Piece], function: Callable[[list[int]], torch.Tensor], *, runtime: Runtime, module: Any
) -> int:
    """Padded tokens of a batch that there is room for: the longest piece is read alone first, and counted.

    ResourceError when there is no room for this one; nothing is counted where memory is plentiful.
    """
    import torch

    room = runtime.room()
    if not pieces or room.bytes >= PLENTY:
        return TOKENS_PER_BATCH
    from autogpt import footprint

    longest = max(range(len(pieces)), key=lambda place: pieces[place].length)
    try:
        with torch.inference_mode():
            taken = footprint.of(lambda: function([longest]), module)
    except (RuntimeError, MemoryError) as problem:
        halves([longest], problem)
    usable = memory.SHARE * room.bytes
    if taken > usable:  # what was freed and kept counts as ours: ask again once it is returned
        memory.frugal()
        room = runtime.room()
        usable = memory.SHARE * room.bytes
    if taken > usable and room.bytes:
        raise ResourceError(
            f"reading a row of {pieces[longest].length} tokens takes {memory.size(taken)} of memory, and "
            f"{memory.size(room.bytes)} may be used ({room.bound}); use a smaller backbone or a higher --memory-limit"
        )
    found = max(1, int(usable / max(taken, 1) * pieces[longest].length))
    if found >= TOKENS_PER_BATCH:
        return TOKENS_PER_BATCH
    if found < sum(piece.length for piece in pieces):
        runtime.memory.tell(
            f"texts are read in smaller batches, for lack of memory: {memory.size(room.bytes)} may be used "
            f"({room.bound})"
        )
    return found


def gather(
    rows: Scores,
    pieces: Sequence[Piece],
    function: Callable[[list[int]], torch.Tensor],
    *,
    runtime: Runtime,
    module: Any,
    batch_rows: int = 256,
) -> None:
    """Write what `function` gives for places of `pieces` into `rows`, in batches that there is room for.

    Where memory runs out all the same, the batch is halved and goes on; where one passed the limit, the rest are
    halved. `module` is the net that reads.
    """
    import torch

    given = [np.zeros(len(row), dtype=bool) for row in rows] if isinstance(rows, list) else []
    tokens = tokens_at_once(pieces, function, runtime=runtime, module=module)
    waiting = buckets(pieces, tokens=tokens, rows=batch_rows)[::-1]
    while waiting:
        places = waiting.pop()
        try:
            with torch.inference_mode():
                found = function(places).float().cpu().numpy()
        except (RuntimeError, MemoryError) as problem:
            waiting += halves(places, problem)
            continue
        for place, values in zip(places, found, strict=True):
            piece = pieces[place]
            if piece.words is None:
                rows[piece.row] = values
            else:
                own = np.atleast_2d(values if piece.places is None else values[piece.places])
                _write(rows[piece.row], given[piece.row], piece.words, own)
        if len(places) > 1 and waiting and runtime.exceeded():
            memory.release()
            runtime.memory.tell(f"reading {len(places)} rows at once passed the memory limit; going on with fewer")
            most = max(1, len(places) // 2)
            waiting = [part[i : i + most] for part in waiting for i in range(0, len(part), most)]


def _write(table: Array, given: Array, words: Array, values: Array) -> None:
    """Score rows of one piece. Of one that several pieces give (no answer in any window) the lowest counts."""
    lower = ~given[words] | (values.sum(axis=-1) < table[words].sum(axis=-1))
    table[words[lower]] = values[lower]
    given[words] = True


def halves(places: list[int], problem: BaseException) -> list[list[int]]:
    """The two halves of a batch for which memory ran out, the later one first; any other problem is raised.

    ResourceError: it is a single row.
    """
    if not memory.is_out_of_memory(problem):
        raise problem
    memory.release()
    if len(places) == 1:
        raise ResourceError("one row does not fit into memory; give a smaller backbone or shorter texts") from None
    middle = len(places) // 2
    log.warning("out of memory with %d rows at once; going on with %d", len(places), middle)
    return [places[middle:], places[:middle]]
