"""Rows back into a file of the same kind: delimiter, encoding, column order and types of the original, columns added.

A file is written beside its place and moved there when it is whole, so that a half-written one is never seen.
"""

from __future__ import annotations

import bz2
import gzip
import lzma
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any, BinaryIO, cast

from autogpt.core import Row
from autogpt.data.kinds import by_suffix, find
from autogpt.errors import SourceError
from autogpt.files import atomic_file
from autogpt.sources import RowWriter, Writable, suffix_of


@contextmanager
def writer(path: str | Path, like: str | Path | None = None) -> Iterator[Callable[[Row], None]]:
    """Gives a function that writes a row; the file is at `path` after the block, or not at all.

    The kind is that of the suffix of `path`, else that of `like`; the layout is copied from `like` where both are of
    the same kind. Columns of the first row that `like` does not have are added behind its own.
    """
    target = Path(path).resolve()
    if target.exists() and not target.is_file():
        raise SourceError(f"{path}: '{target.name}' is no file; give the name of a file")
    if not target.parent.is_dir():
        raise SourceError(f"{path}: the folder {target.parent} does not exist; create it")
    with atomic_file(target) as file:
        yield from _write(file, target, Path(like) if like is not None else None)


def _write(file: IO[bytes], target: Path, like: Path | None) -> Iterator[Callable[[Row], None]]:
    out = _packing(file, target)
    rows = _row_writer(cast(BinaryIO, out), target, like)
    try:
        yield rows.write
    except BaseException:
        with suppress(Exception):
            rows.close()  # lets go of the stream, which is thrown away
        raise
    rows.close()
    if out is not file:
        out.close()


def _packing(file: IO[bytes], target: Path) -> Any:
    """The stream that packs what is written as the suffix says; the file itself where it says nothing."""
    suffix = target.suffix.lower()
    if suffix == ".gz":
        return gzip.GzipFile(filename="", mode="wb", compresslevel=6, fileobj=file, mtime=0)
    if suffix == ".zip":
        raise SourceError(f"{target}: ZIP archives cannot be written; use {target.with_suffix('.gz').name}")
    return bz2.BZ2File(file, "wb") if suffix == ".bz2" else lzma.LZMAFile(file, "wb") if suffix == ".xz" else file


def _row_writer(out: BinaryIO, target: Path, like: Path | None) -> RowWriter:
    original = find(like).plugin if like is not None else None
    plugin = by_suffix(target) or original
    if plugin is None:
        raise SourceError(f"{target}: the suffix {target.suffix!r} names no kind of file; use .csv, .jsonl or .parquet")
    if not isinstance(plugin, Writable):
        raise SourceError(f"{target}: {plugin.name} files cannot be written; use .csv, .jsonl or .parquet")
    same = original is not None and original.name == plugin.name
    return plugin.writer(out, like if same else None, suffix_of(target) or suffix_of(like or ""))
