"""Folders of texts: a file is a row, the folder that it lies in its label (`train/pos/17.txt`, `sci.space/60191`)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from autogpt.core import Rejection
from autogpt.sources import Item, Left, Request, drawn, split_of
from autogpt.sources._values import fault

_SUFFIXES = (".txt", ".text", ".md", ".eml")
_UNLABELLED = ("unsup", "unsupervised", "unlabeled", "unlabelled", "unlabeled_data", "无标签", "未标注")


def entries(folder: Path) -> list[Path]:
    """What lies in a folder, in order, without what is hidden or a program's own."""
    return sorted(path for path in folder.iterdir() if not path.name.startswith((".", "_")))


def labels(folder: Path) -> list[Path]:
    """The folders in a folder that are labels: two at least, each with text files and nothing else in it."""
    found = [path for path in entries(folder) if path.is_dir() and split_of(path.name) is None]
    return found if len(found) > 1 and all(_has_texts(path) for path in found) else []


def rows(folders: Sequence[Path], request: Request) -> Iterator[Item]:
    """A row a file, numbered through."""
    texts = ((path, folder.name) for folder in folders for path in entries(folder) if _is_text(path))
    for number, (path, label) in enumerate(texts, start=1):
        if drawn(number, request.share):
            yield _row(path, number, label, request)
        else:
            yield Left(1)


def content(path: Path, request: Request, *, empty: bool = False) -> str | Rejection:
    """The text of a file, or why it cannot be a row; an `empty` one may be."""
    limit = request.limits.field_bytes
    try:
        with path.open("rb") as file:
            data = file.read(limit + 1)
    except OSError as error:
        return Rejection(str(path), None, f"it cannot be opened ({error.strerror}); check its permissions")
    if len(data) > limit:
        return Rejection(
            str(path), None, f"it is over the limit of {limit:,} bytes; shorten it or raise limits.field_bytes"
        )
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("cp1252", "replace")
    reason = fault(text) if text.strip() or empty else "the file is empty; write a text or remove it"
    return text if reason is None else Rejection(str(path), None, reason)


def _row(path: Path, number: int, label: str, request: Request) -> Item:
    text = content(path, request)
    if isinstance(text, Rejection):
        return text
    return number, {"text": text, "label": None if label.lower() in _UNLABELLED else label, "file": path.name}


def _has_texts(folder: Path) -> bool:
    found = entries(folder)
    return bool(found) and all(map(_is_text, found))


def _is_text(path: Path) -> bool:
    """By its name: with the suffix of a text, or with none (a number counts as none)."""
    suffix = path.suffix.lower()
    return path.is_file() and (suffix in ("", *_SUFFIXES) or suffix[1:].isdigit())
