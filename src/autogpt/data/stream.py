"""The rows of one file, one after the other, in bounded memory: for files that are larger than it."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from autogpt.core import Rejection, Row
from autogpt.data.read import items
from autogpt.errors import SourceError
from autogpt.sources import Limits, Note, Part, Request

log = logging.getLogger(__name__)


def rows(path: str | Path, *, limits: Limits | None = None) -> Iterator[tuple[int, Row | Rejection]]:
    """(line, row) of each usable row and (line, Rejection) of each other, in the order of the file.

    CSV, JSON Lines, CoNLL and Parquet are read as they are consumed; JSON and workbooks are held by the child process.
    `limits.timeout` is for each batch of rows, and the number of rows is not limited.
    """
    request = Request(limits=replace(limits or Limits(), rows=sys.maxsize))
    for item in items(path, request, streaming=True):
        if isinstance(item, tuple):
            yield item
        elif isinstance(item, Rejection):
            yield item.line or 0, item
        elif isinstance(item, Note):
            log.info("%s: %s", path, item.text)
        elif isinstance(item, Part):
            raise SourceError(f"{path}: only one file at a time can be streamed; give a file such as {item.source}")
