"""Packed files as bytes: gzip, bzip2, xz, and a ZIP with one file in it, unpacked in bounded memory.

What cannot be unpacked ends the stream, and `damage` says why.
"""

from __future__ import annotations

import bz2
import io
import lzma
import re
import zipfile
import zlib
from pathlib import Path
from typing import IO, Any

from autogpt.errors import SourceError

GZIP, BZIP2, XZ = b"\x1f\x8b", b"BZh", b"\xfd7zXZ"
ZIP = b"PK\x03\x04"
_ASIDE = re.compile(r"(^|/)(__MACOSX|\.[^/]+)(/|$)")
PACKED = {GZIP: "gzip", BZIP2: "bzip2", XZ: "xz"}
HEAD = CHUNK = 1 << 16
_LZMA_BYTES = 1 << 28  # of the dictionary of xz: what `xz -9` needs, four times
_BOMB_BYTES, _BOMB_RATIO = 1 << 27, 200


class _Unpacker:
    """A decompressor of any kind. zlib's gives back what it was given and has not unpacked (`rest`), those of bzip2 and
    xz keep it, and are `hungry` when nothing of it is left."""

    def __init__(self, kind: str) -> None:
        self._inner: Any = zlib.decompressobj(31)
        if kind == "bzip2":
            self._inner = bz2.BZ2Decompressor()
        elif kind == "xz":
            self._inner = lzma.LZMADecompressor(memlimit=_LZMA_BYTES)

    def decompress(self, data: bytes, size: int) -> bytes:
        return bytes(self._inner.decompress(data, size))

    @property
    def ended(self) -> bool:
        return bool(self._inner.eof)

    @property
    def behind(self) -> bytes:
        return bytes(self._inner.unused_data)

    @property
    def rest(self) -> bytes:
        return bytes(getattr(self._inner, "unconsumed_tail", b""))

    @property
    def hungry(self) -> bool:
        return bool(getattr(self._inner, "needs_input", True))


def _packed(start: bytes) -> str:
    """What a file that begins so is packed with; empty where it is not."""
    return next((kind for mark, kind in PACKED.items() if start.startswith(mark)), "")


def _only_member(path: Path) -> IO[bytes] | None:
    """The one file in a ZIP archive, beside what programs put there for themselves; None where there are more."""
    try:
        archive = zipfile.ZipFile(path)
        members = [info for info in archive.infolist() if not info.is_dir() and not _ASIDE.search(info.filename)]
        whole = len(members) == 1 and members[0].file_size <= max(_BOMB_BYTES, _BOMB_RATIO * members[0].compress_size)
        if whole:
            return archive.open(members[0])
        archive.close()
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, OSError):
        pass
    return None


class Unpacked(io.RawIOBase):
    """The bytes of a file, gzip, bzip2 or xz (of any number of members) or a ZIP with one file in it undone.

    `damage` is why they end early, if they do; `doubtful`: what was given out before may be wrong as well (a wrong
    checksum), other than in a file that was only cut.
    """

    def __init__(self, path: Path) -> None:
        self.damage: str | None = None
        self.doubtful = False
        self._file: IO[bytes] = path.open("rb", buffering=0)
        start = self._file.read(len(XZ)) or b""
        self._kind = _packed(start)
        self._file.seek(0)
        if start.startswith(ZIP) and (member := _only_member(path)) is not None:
            self._file.close()
            self._file = member
        self._inflate = _Unpacker(self._kind)
        self._rest = b""
        self._taken = self._given = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self._member(len(buffer)) if self._kind else self._plain(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        self._file.close()
        super().close()

    def _plain(self, size: int) -> bytes:
        try:
            return self._file.read(size) or b""
        except (zipfile.BadZipFile, zlib.error, EOFError) as error:
            self.damage, self.doubtful = f"the ZIP data is damaged ({error}); fetch or pack the file again", True
            return b""

    def _load(self) -> bytes:
        packed = self._file.read(CHUNK) or b""
        self._taken += len(packed)
        return packed

    def _member(self, size: int) -> bytes:
        """Up to `size` unpacked bytes; never more, however far the input would unpack."""
        while self.damage is None:
            if self._inflate.ended:
                self._rest = (self._inflate.behind or self._load()).lstrip(b"\0")  # zeros pad the last block
                if not self._rest:
                    return b""
                self._inflate = _Unpacker(self._kind)
            hungry = self._inflate.hungry
            packed = self._rest or (self._load() if hungry else b"")
            try:
                data = self._inflate.decompress(packed, size)
            except (zlib.error, lzma.LZMAError, OSError, EOFError) as error:
                self.doubtful = "header" not in str(error)  # no new member behind a good one: only trailing bytes
                self.damage = f"the {self._kind} data is damaged ({error}); fetch or pack the file again"
                break
            self._rest = self._inflate.rest
            self._given += len(data)
            if self._given > max(_BOMB_BYTES, _BOMB_RATIO * self._taken):
                self.damage = (
                    f"the {self._kind} data unpacks to more than {_BOMB_RATIO} times its size (a decompression bomb?); "
                    "unpack it yourself if it is meant"
                )
                break
            if data:
                return data
            if hungry and not packed and not self._inflate.ended:
                self.damage = f"the {self._kind} data ends early (a cut download?); fetch or pack the file again"
        return b""


def refuse_doubtful(path: Path, line: int, raw: Unpacked) -> None:
    """A wrong checksum says that some row is not as it was written, and not which."""
    if raw.doubtful:
        raise SourceError(f"{path}: near line {line}, {raw.damage}; any row before it may be wrong, so none is used")


def is_packed(path: Path) -> bool:
    """Whether a file is gzip, bzip2, xz or ZIP."""
    with path.open("rb") as file:
        start = file.read(len(XZ))
    return bool(_packed(start)) or start.startswith(ZIP)


def head(path: Path, size: int = HEAD) -> bytes:
    """The first unpacked bytes of a file."""
    with io.BufferedReader(Unpacked(path), CHUNK) as stream:
        return stream.read(size)
