"""Apache Arrow files (Feather) and streams, read in batches with pyarrow. Numbers stay numbers, dates become text."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from autogpt.core import Rejection
from autogpt.errors import SourceError
from autogpt.sources import Item, Request
from autogpt.sources._values import Plain, shown, unique_names

_FILE = b"ARROW1"


class Arrow:
    name = "arrow"
    summary = "Arrow (.arrow .feather)"
    suffixes = (".arrow", ".feather", ".ipc")
    takes_query = False

    def accepts(self, source: Any) -> bool:
        return False

    def claims(self, head: bytes) -> bool:
        return head.startswith(_FILE)

    def items(self, source: Any, request: Request) -> Iterator[Item]:
        import pyarrow as pa

        path, row = Path(source), 0
        try:
            with pa.memory_map(str(path)) as memory:
                whole = memory.read(len(_FILE)) == _FILE
                memory.seek(0)
                reader = pa.ipc.open_file(memory) if whole else pa.ipc.open_stream(memory)
                names, notes = unique_names(reader.schema.names)
                yield from notes
                plain = Plain(request.limits)
                batches = map(reader.get_batch, range(reader.num_record_batches)) if whole else iter(reader)
                for batch in batches:
                    for cells in zip(*(column.to_pylist() for column in batch.columns), strict=True):
                        row += 1
                        try:
                            yield row, plain.row(dict(zip(names, cells, strict=True)))
                        except ValueError as error:
                            yield Rejection(str(path), row, str(error))
                yield from plain.notes()
        except (pa.ArrowException, OSError) as error:
            raise SourceError(
                f"{path}: behind row {row} it cannot be read as Arrow ({shown(str(error), 80)}); "
                "the file is cut or damaged: fetch or write it again"
            ) from None


plugin = Arrow()
