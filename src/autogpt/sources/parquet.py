"""Apache Parquet, read in batches with pyarrow. Numbers stay numbers; dates become ISO text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO

from autogpt.core import Rejection, Row
from autogpt.errors import SourceError
from autogpt.sources import ROW, Cut, Item, Left, Request, RowWriter, drawn
from autogpt.sources._values import Plain, shown, unique_names

_BATCH = 512
_BLOCK = 64
"""Rows that are drawn together: no value of a batch without one is made, no row group without one is read."""


class Parquet:
    name = "parquet"
    summary = "Parquet (.parquet)"
    suffixes = (".parquet", ".pq")
    takes_query = False

    def accepts(self, source: Any) -> bool:
        return False

    def claims(self, head: bytes) -> bool:
        return head.startswith(b"PAR1")

    def items(self, source: Any, request: Request) -> Iterator[Item]:
        import pyarrow as pa
        import pyarrow.parquet as pq

        path = Path(source)
        try:
            file = pq.ParquetFile(path)
        except (pa.ArrowException, OSError) as error:
            raise SourceError(
                f"{path}: the Parquet footer cannot be read ({shown(str(error), 80)}); "
                "the file is cut or damaged: fetch or write it again"
            ) from None
        groups = [file.metadata.row_group(group) for group in range(file.num_row_groups)]
        share = request.fitting(sum(ROW * group.num_rows + group.total_byte_size for group in groups))
        if file.metadata.num_rows > request.limits.rows and share >= 1:
            raise SourceError(
                f"{path}: {file.metadata.num_rows:,} rows are more than the limit of "
                f"{request.limits.rows:,}; give a smaller file or raise limits.rows"
            )
        names, notes = unique_names(file.schema_arrow.names)
        yield from notes
        plain = Plain(request.limits)
        row = 0
        yield Cut(_BLOCK if share < 1 else 1, share)
        for group, found in enumerate(groups):
            end = row + found.num_rows
            if not _drawn(row + 1, end, share):
                yield Left(end - row)
                row = end
                continue
            try:
                for batch in file.iter_batches(_BATCH, row_groups=[group], use_threads=False):
                    places = _drawn(row + 1, row + len(batch), share)
                    wanted = (
                        batch if share >= 1 else batch.take(pa.array([place - row - 1 for place in places], pa.int64()))
                    )
                    columns = [column.to_pylist() for column in wanted.columns]
                    yield Left(len(batch) - len(places))
                    row += len(batch)
                    for place, cells in zip(places, zip(*columns, strict=True), strict=True):
                        try:
                            yield place, plain.row(dict(zip(names, cells, strict=True)))
                        except ValueError as error:
                            yield Rejection(str(path), place, str(error))
            except (pa.ArrowException, OSError, ValueError, OverflowError) as error:
                lost = f"rows {row + 1} to {end} cannot be read ({shown(str(error), 80)})"
                for place in range(row + 1, end + 1):
                    yield Rejection(str(path), place, f"{lost}; the file is damaged there: write it again")
            row = end
        yield from plain.notes()

    def writer(self, out: BinaryIO, like: Path | None, suffix: str) -> RowWriter:
        return ParquetWriter(out, like)


def _drawn(first: int, last: int, share: float) -> Sequence[int]:
    """The rows that are drawn of those between two, both included."""
    if share >= 1:
        return range(first, last + 1)
    blocks = (block for block in range(first // _BLOCK, last // _BLOCK + 1) if drawn(block, share))
    return [row for at in blocks for row in range(max(first, at * _BLOCK), min(last, at * _BLOCK + _BLOCK - 1) + 1)]


class ParquetWriter:
    """Rows with the column types of another file; new columns get the type of their first values."""

    def __init__(self, out: BinaryIO, like: Path | None) -> None:
        import pyarrow.parquet as pq

        self._out = out
        self._like = pq.read_schema(like) if like is not None else None
        self._names = unique_names(self._like.names)[0] if self._like is not None else []
        self._kinds = list(self._like.types) if self._like is not None else []
        self._added: list[str] = []
        self._rows: list[Row] = []
        self._writer: Any = None

    def write(self, row: Row) -> None:
        self._rows.append(row)
        if len(self._rows) == _BATCH:
            self._flush()

    def close(self) -> None:
        if self._rows or self._writer is None:
            self._flush()
        self._writer.close()

    def _flush(self) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        added = list(dict.fromkeys(name for row in self._rows for name in row if name not in self._names))
        if self._writer is None:
            columns = [self._typed(place, name) for place, name in enumerate(self._names)]
            columns += [pa.array([row.get(name) for row in self._rows]) for name in added]
            names = [*(self._like.names if self._like is not None else ()), *added]
            table = pa.Table.from_arrays(columns, names=names)
            self._writer = pq.ParquetWriter(self._out, table.schema)
            self._added = added
        else:
            columns = [self._typed(place, name) for place, name in enumerate(self._names)]
            schema = self._writer.schema
            for place, name in enumerate(self._added, start=len(self._names)):
                columns.append(pa.array([row.get(name) for row in self._rows], schema.field(place).type))
            table = pa.Table.from_arrays(columns, schema=schema)
        self._writer.write_table(table)
        self._rows = []

    def _typed(self, place: int, name: str) -> Any:
        """The column as its own type; text of a date or a decimal is cast back to what it was read from."""
        import pyarrow as pa

        kind = self._kinds[place]
        values = [row.get(name) for row in self._rows]
        if pa.types.is_dictionary(kind):
            return pa.array(values, kind.value_type).cast(kind)
        try:
            return pa.array(values, kind)
        except (pa.ArrowException, TypeError, ValueError):
            pass
        try:
            if pa.types.is_decimal(kind):
                values = [None if value is None else str(value) for value in values]
            return pa.array(values).cast(kind)
        except (pa.ArrowException, TypeError, ValueError) as error:
            raise SourceError(
                f"column {shown(name)} cannot be written back as {kind} ({shown(str(error), 80)}); "
                "leave the column out of the input"
            ) from None


plugin = Parquet()
