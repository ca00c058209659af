"""Writes that are complete or invisible, and hashes. Everything this package writes to disk goes through here.

A file is written under a hidden name in its own folder, flushed, fsynced, renamed over the old one, and then the folder
itself is fsynced: after a crash or a power cut a reader sees the old content or the new, never a part. A folder is
staged the same way. A full disk is a `ResourceError` that names the bytes that are missing; the old content stays.
"""

from __future__ import annotations

import errno
import hashlib
import importlib.util
import json
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from autogpt.errors import ConfigError, ResourceError

_STAGED = ".staged"
_ASIDE = ".aside"
_FULL = (errno.ENOSPC, errno.EDQUOT)


def write_bytes(path: Path, content: bytes) -> None:
    """Write or replace one file atomically; missing parent folders are made."""
    with _allowed(path):
        path.parent.mkdir(parents=True, exist_ok=True)
    with _replacing(path, len(content)) as file:
        file.write(content)


@contextmanager
def atomic_file(path: Path) -> Iterator[IO[bytes]]:
    """A stream whose content becomes `path` when the block ends without an error, and vanishes otherwise."""
    with _replacing(path, None) as file:
        yield file


@contextmanager
def _replacing(path: Path, needed: int | None) -> Iterator[IO[bytes]]:
    staged = _hidden(path, f".{secrets.token_hex(4)}{_STAGED}")
    with _space_checked(path, needed):
        with _allowed(path):
            begun = staged.open("xb")
        try:
            with begun as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            staged.replace(path)
        except BaseException:
            staged.unlink(missing_ok=True)
            raise
    fsync_folder(path.parent)


def write_text(path: Path, content: str) -> None:
    """Write or replace one UTF-8 text file atomically, line ends as given."""
    write_bytes(path, content.encode("utf-8"))


def append_line(path: Path, line: str) -> None:
    """Add one line to a file (made if need be), durable when this returns. What a kill cut short stays a line alone."""
    with _allowed(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        is_new = not path.exists()
        file = path.open("ab+")
    with _space_checked(path, len(line) + 1), file:
        if file.seek(0, os.SEEK_END):
            file.seek(-1, os.SEEK_END)
            if file.read(1) != b"\n":
                file.write(b"\n")
        file.write(line.encode("utf-8") + b"\n")
        file.flush()
        os.fsync(file.fileno())
    if is_new:
        fsync_folder(path.parent)


def json_lines(path: Path) -> Iterator[dict[str, Any]]:
    """The JSON objects of a file that was only appended to, a line each; a line that a kill cut short is left out."""
    for line in path.read_text("utf-8", errors="replace").split("\n"):
        try:
            record = json.loads(line)
        except ValueError:
            continue
        if isinstance(record, dict):
            yield record


def write_json(path: Path, content: Any) -> None:
    """Write JSON for people and machines alike; NaN and infinity are refused (they are not JSON)."""
    write_text(path, json.dumps(content, ensure_ascii=False, indent=2, allow_nan=False) + "\n")


@contextmanager
def atomic_folder(path: Path) -> Iterator[Path]:
    """A staging folder that becomes `path` when the block ends without an error, and vanishes otherwise.

    When `path` exists it is replaced: moved aside, the new one moved in, the old one deleted. A kill between the two
    moves leaves the old folder under its hidden name, and `settle` brings it back.
    """
    staged = _hidden(path, f".{secrets.token_hex(4)}{_STAGED}")
    with _allowed(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        settle(path)
        staged.mkdir()
    try:
        with _space_checked(path, None):
            yield staged
            _fsync_tree(staged)
            aside = _hidden(path, _ASIDE)
            if path.exists():
                path.rename(aside)
            staged.rename(path)
    except BaseException:
        shutil.rmtree(staged, ignore_errors=True)
        settle(path)
        raise
    fsync_folder(path.parent)
    shutil.rmtree(aside, ignore_errors=True)


def settle(path: Path) -> None:
    """Undo what a kill in the middle of `atomic_folder` left beside `path`: nothing is lost, nothing is half."""
    aside = _hidden(path, _ASIDE)
    if aside.exists():
        if path.exists():
            shutil.rmtree(aside)
        else:
            aside.rename(path)
            fsync_folder(path.parent)


def remove_staged(folder: Path) -> int:
    """Delete what killed writers left staged in `folder` (only its one owner may call this); how many there were."""
    leftovers = list(folder.glob(f".*{_STAGED}")) if folder.is_dir() else []
    for path in leftovers:
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
    return len(leftovers)


def sha256(path: Path) -> str:
    """Hash of a file's bytes, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def hashes(folder: Path) -> dict[str, str]:
    """sha256 of every file below `folder`: relative path with forward slashes -> hash, sorted."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): sha256(path) for path in files}


def fsync_folder(folder: Path) -> None:
    """Make the names in a folder durable (a rename alone may be lost in a power cut). No-op where unsupported."""
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _hidden(path: Path, ending: str) -> Path:
    return path.with_name(f".{path.name}{ending}")


def _fsync_tree(folder: Path) -> None:
    for path in folder.rglob("*"):
        if path.is_file():
            descriptor = os.open(path, os.O_RDWR)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
    for path in (folder, *(p for p in folder.rglob("*") if p.is_dir())):
        fsync_folder(path)


@contextmanager
def _allowed(path: Path) -> Iterator[None]:
    """What begins to write at `path`: where nothing may be written is told as a choice of the user, not as a bug."""
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise
        told = f"{path} cannot be written ({error.strerror}); give a place that may be written to"
        raise ConfigError(told) from error


@contextmanager
def _space_checked(path: Path, needed: int | None) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno not in _FULL:
            raise
        free = shutil.disk_usage(path.parent).free
        size = f"{needed:,} bytes needed, " if needed is not None else ""
        raise ResourceError(
            f"no space left to write {path} ({size}{free:,} bytes free); free some space, then resume"
        ) from error


def carried(package: str, name: str) -> Path | None:
    """What an installed package carries under a name, or None; nothing of the package is imported."""
    spec = importlib.util.find_spec(package)
    path = Path(spec.origin).parent / name if spec is not None and spec.origin is not None else None
    return path if path is not None and path.exists() else None
