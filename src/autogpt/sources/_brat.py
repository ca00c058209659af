"""brat's standoff: a text in `17.txt`, and in `17.ann` what is marked in it (`T1<tab>Person 0 4<tab>Anna`).

"brat: a Web-based Tool for NLP-Assisted Text Annotation" (Stenetorp et al. 2012). A row is a file with its spans;
relations, events and notes are left out. A mark in parts (`0 4;9 12`) reaches from the first to the last.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from autogpt.core import Rejection
from autogpt.sources import Item, Left, Request, drawn
from autogpt.sources._text_folders import content, entries

_MARK = re.compile(r"T\S*\t(\S+) (\d+)(?: \d+;\d+)* (\d+)\t")


def texts(folder: Path) -> list[Path]:
    """The texts of a folder that have marks beside them."""
    return [path for path in entries(folder) if path.suffix.lower() == ".txt" and path.with_suffix(".ann").is_file()]


def rows(paths: Sequence[Path], request: Request) -> Iterator[Item]:
    """A row a file, numbered through."""
    for number, path in enumerate(paths, start=1):
        if not drawn(number, request.share):
            yield Left(1)
            continue
        text, marks = content(path, request), content(path.with_suffix(".ann"), request, empty=True)
        if isinstance(text, Rejection):
            yield text
        elif isinstance(marks, Rejection):
            yield marks
        else:
            yield number, {"text": text, "spans": list(_spans(marks)), "file": path.name}


def _spans(marks: str) -> Iterator[dict[str, Any]]:
    for line in marks.splitlines():
        if mark := _MARK.match(line):
            yield {"start": int(mark[2]), "end": int(mark[3]), "label": mark[1]}
