"""Which source reads what the user gave: by content where that is unmistakable, else by suffix, else as text."""

from __future__ import annotations

import difflib
import errno
import re
import stat
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from autogpt import registry
from autogpt.errors import SourceError
from autogpt.sources import Source, suffix_of
from autogpt.sources._packed import ZIP, head
from autogpt.sources._values import shown

_URL = re.compile(r"[a-z0-9]+:///")


@dataclass(frozen=True, slots=True)
class Found:
    """The source for something, and what of it the source is to be given. Files are parsed in a child process."""

    plugin: Source
    source: Any
    note: str = ""

    @property
    def is_file(self) -> bool:
        return bool(self.plugin.suffixes)


@cache
def plugins() -> tuple[Source, ...]:
    return tuple(registry.get("sources", name) for name in registry.names("sources"))


def accepted() -> str:
    """Everything that can be read, for messages."""
    return "; ".join(plugin.summary for plugin in plugins())


def find(source: Any) -> Found:
    """The source that reads this, or SourceError with what is accepted."""
    if isinstance(source, (str, Path)) and str(source).startswith("~"):
        source = Path(source).expanduser()
    for plugin in plugins():
        if plugin.accepts(source) and not (plugin.name == "hub" and by_suffix(source)):
            if plugin.suffixes:
                regular(Path(_URL.sub("", source, count=1)))
            return Found(plugin, source)
    if isinstance(source, Path) or (isinstance(source, str) and source):
        return _file(Path(source))
    raise SourceError(f"{shown(source)} ({type(source).__name__}) cannot be read; accepted are: {accepted()}")


def by_suffix(path: str | Path) -> Source | None:
    """The source of files with this suffix."""
    suffix = suffix_of(path)
    return next((plugin for plugin in plugins() if suffix in plugin.suffixes), None)


def regular(path: Path) -> None:
    """SourceError unless the path is a readable file with something in it (no pipe, device, folder or broken link)."""
    try:
        status = path.stat()
    except (OSError, ValueError) as error:
        raise SourceError(_absent(path, error)) from None
    if stat.S_ISDIR(status.st_mode):
        raise SourceError(f"{path}: '{path.name}' is a folder where a file is needed; give the file in it")
    if not stat.S_ISREG(status.st_mode):
        raise SourceError(f"{path}: '{path.name}' is a pipe, socket or device, not a file; save its contents to a file")
    if status.st_size == 0:
        raise SourceError(f"{path}: line 1: '' is all there is: the file is empty; give a file with a header and rows")


def _absent(path: Path, error: OSError | ValueError) -> str:
    code = error.errno if isinstance(error, OSError) else None
    if code == errno.ELOOP:
        return f"{path}: '{path.name}' is a link that leads back to itself; give the file it should lead to"
    if code == errno.EACCES:
        return f"{path}: '{path.name}' may not be read; change its permissions (chmod +r)"
    if code == errno.ENOENT and path.is_symlink():
        return f"{path}: '{path.name}' is a link to {path.readlink()}, which does not exist; give the file itself"
    close = difflib.get_close_matches(path.name, _names(path.parent), n=2, cutoff=0.6)
    hint = f"is it {' or '.join(map(repr, close))}" if close else "check the path"
    return f"{shown(str(path), 120)}: there is no such file; {hint}; accepted are: {accepted()}"


def _names(folder: Path) -> list[str]:
    try:
        return [entry.name for entry in folder.iterdir()]
    except (OSError, ValueError):
        return []


def _strange(path: Path, start: bytes) -> str:
    """What a file is that holds no rows of a kind that is read, and what to do; empty where it may be one."""
    page = start[:1000].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    kind = "ZIP" if start.startswith(ZIP) else "TAR" if start[257:262] == b"ustar" else ""
    if kind or start.startswith((b"7z\xbc\xaf", b"Rar!")):
        return f"a {kind or 'packed'} archive; unpack it and give the folder or the file in it"
    if path.suffix.lower() in (".pkl", ".pickle") or (start[:1] == b"\x80" and start[1:2] in b"\x02\x03\x04\x05"):
        return "a pickle, which can run code when it is loaded and is never read; save the data as .parquet or .csv"
    if page.startswith((b"<!doctype html", b"<html", b"<table", b"<?xml")):
        return "a page (HTML or XML), not a table; save the table in it as .csv"
    if path.suffix.lower() in (".yml", ".yaml"):
        return "YAML; give the rows as .jsonl or .csv"
    return "a PDF; copy its text into a .txt, or its table into a .csv" if start.startswith(b"%PDF") else ""


def _file(path: Path) -> Found:
    regular(path)
    try:
        start = head(path)
    except OSError as error:
        raise SourceError(f"{path}: '{path.name}' cannot be opened ({error.strerror}); check its permissions") from None
    named = by_suffix(path)
    if named is not None and named.claims(start):
        return Found(named, path)
    for plugin in plugins():
        if plugin.claims(start):
            seen = f"{path.name} is read as {plugin.name}, which its content is" if named is not None else ""
            return Found(plugin, path, seen)
    if named is None and (strange := _strange(path, start)):
        raise SourceError(f"{path}: '{path.name}' is {strange}")
    if named is None:
        named = next(plugin for plugin in plugins() if ".txt" in plugin.suffixes)
    return Found(named, path)
