"""Lines of a text file that is larger than memory, drawn in blocks: what is not drawn is never read.

A block owns the lines that begin in it, as the splits of MapReduce do (Dean and Ghemawat 2004, "MapReduce: Simplified
Data Processing on Large Clusters"), and the die of `sources.drawn` is thrown once for each. So every line is as likely
as any other, and lines of one block come together (cluster sampling; Cochran 1977, "Sampling Techniques", chapter 9),
for which blocks are small. How many lines were not read is estimated by the ratio of blocks.

A record that goes over several lines cannot be found from the middle of a file. Whether there are such is asked of the
drawn lines (`Blocks.whole`), as loaders do that read CSV side by side (Ge et al. 2019, "Speculative Distributed CSV
Data Parsing for Big Data Analytics"); then, and where bytes have no places (gzip, UTF-16), all of the file is read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from autogpt.core import Rejection
from autogpt.sources import ROW, Cut, Item, Left, Request, drawn
from autogpt.sources._bytes import Encoding, Lines, too_long
from autogpt.sources._packed import is_packed

BLOCK, SMALL = 1 << 14, 1 << 9
"""Bytes. A disk that seeks takes 10 ms for each, one that does not much less than for its lines to be parsed."""
LEAST = 200
"""Blocks that are drawn, or else neighbours in the file would be most of what is seen: of less, blocks are smaller."""
MOST = 1 << 21
"""Blocks of a file, so that throwing the die for each takes a second."""
PROBE = 64  # blocks, of which the size of a line is learned


class Blocks:
    """The lines of the drawn blocks, in order, each with the byte that it begins at (from 1); what `Lines` is for all.

    The first block is read in any case, because a header stands there; whoever throws the die leaves its rows out.
    """

    def __init__(self, path: Path, encoding: Encoding, limit: int, share: float, block: int = BLOCK) -> None:
        self.path, self.encoding = path, encoding
        self._limit, self._share, self._bytes = limit, share, block
        self._size = path.stat().st_size
        self._count = -(-(self._size + 1) // block)
        self._lines = self._read = 0

    def __iter__(self) -> Iterator[tuple[int, str] | Rejection]:
        self._lines = self._read = 0
        for block in self._drawn():
            self._read += 1
            for item in self._block(block):
                if isinstance(item, Rejection):
                    yield item
                    continue
                place, raw = item
                self._lines += bool(raw.strip())
                yield place, raw.decode(self.encoding.name, "surrogateescape")

    def begin(self) -> Iterator[Item]:
        """How rows are drawn."""
        yield Cut(self._bytes, self._share, estimated=True)

    def end(self) -> Iterator[Item]:
        """About how many rows were not read."""
        yield Left(round(self._lines * (self._count - self._read) / max(1, self._read)))

    def wants(self, place: int) -> bool:
        """Whether the row that begins at a byte is drawn."""
        return drawn(place // self._bytes, self._share)

    def whole(self, is_record: Callable[[str], bool]) -> bool:
        """Whether every drawn line is a record by itself, and no part of a longer one."""
        return all(isinstance(item, Rejection) or is_record(item[1]) for item in self)

    def held(self) -> float:
        """About how many bytes all rows would count, told by a few blocks; 0 where no line begins in these."""
        few = [block for block in range(self._count) if drawn(block, PROBE / self._count)]
        lines = sum(1 for block in few for _ in self._block(block))
        return self._size + ROW * lines * self._count / len(few) if lines else 0.0

    def _drawn(self) -> Iterator[int]:
        return (block for block in range(self._count) if block == 0 or drawn(block, self._share))

    def _block(self, block: int) -> Iterator[tuple[int, bytes] | Rejection]:
        """The lines that begin in a block, ends included, the last one read to its end behind the block."""
        end = (block + 1) * self._bytes
        with self.path.open("rb", buffering=self._bytes) as file:
            if block == 0:
                file.seek(len(self.encoding.bom))
            else:
                file.seek(block * self._bytes - 2)  # a line that begins at byte p (from 1) ends the one before at p - 1
                if not file.readline(self._bytes).endswith(b"\n"):
                    return
            while (place := file.tell() + 1) < end and (raw := file.readline(self._limit + 1)):
                if len(raw) > self._limit:
                    while not raw.endswith(b"\n") and raw:
                        raw = file.readline(self._limit + 1)
                    yield too_long(self.path, place, file.tell() + 1 - place, self._limit)
                    continue
                for line in raw.splitlines(keepends=True):  # a carriage return by itself ends a line, too
                    yield place, line
                    place += len(line)


def lines_of(
    path: Path, encoding: Encoding, request: Request, is_record: Callable[[str], bool] | None = None
) -> Lines | Blocks:
    """All lines of a file, or those of drawn blocks where it has more than may be held and can be cut.

    `is_record`: whether a line is a record by itself, where that is not so for all.
    """
    limit = 4 * request.limits.field_bytes
    if request.most is not None and "\n".encode(encoding.name) == b"\n" and not is_packed(path):
        held = Blocks(path, encoding, limit, 0.0).held()
        share = request.fitting(held) if held else 1.0
        size = path.stat().st_size
        block = min(BLOCK, int(share * size / LEAST))
        if share < 1 and block >= SMALL:
            blocks = Blocks(path, encoding, limit, share, max(block, size // MOST))
            if is_record is None or blocks.whole(is_record):
                return blocks
    return Lines(path, encoding, limit, request.share)
