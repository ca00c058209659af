"""Memory: how much more of it this process may take, and what to do when it does not suffice. Torch-free.

Out of memory is an answer, not a crash: recognise it, and halve the work. But Linux promises more than it has and ends
a process that uses what it was promised, so on a CPU nothing may be tried out: a `Guard` says beforehand how much room
there is. The bound is the lowest of the user's own limit (`--memory-limit`, of the resident size), the limit of the
process group (cgroup, version 1 or 2), those of the process (RLIMIT_AS, RLIMIT_DATA), and what the machine has left;
on a GPU what is free there.

Torch raises `OutOfMemoryError` on accelerators but a plain `RuntimeError` on a CPU; NumPy raises `MemoryError`.
"""

from __future__ import annotations

import ctypes
import gc
import logging
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from autogpt.errors import ResourceError

logger = logging.getLogger(__name__)

Item = TypeVar("Item")
Result = TypeVar("Result")

_PHRASES = ("out of memory", "can't allocate memory", "cannot allocate memory", "not enough memory")
SHARE = 0.8
"""Of the room that there is, at most, is planned with: what is estimated is not what is taken."""
_ENDLESS = 1 << 60
_MMAP_THRESHOLD = -3  # M_MMAP_THRESHOLD of malloc.h


@dataclass(frozen=True, slots=True)
class Room:
    """How many bytes more may be taken (never less than 0), and what sets the bound."""

    bytes: int
    bound: str


class Guard:
    """What one run may take of memory, and the place to say what was made smaller because of it.

    `limit`: bytes of resident size that the user allows. `say` is told what was shrunk, once for each message.
    """

    def __init__(self, limit: int | None = None, *, say: Callable[[str], None] = logger.warning) -> None:
        self.limit = limit
        self._say, self._said = say, set[str]()
        self._peak = high_water()

    def __reduce__(self) -> tuple[type[Guard], tuple[int | None]]:
        """In another process: the same limit, told to the log there."""
        return Guard, (self.limit,)

    def room(self, device: str = "cpu") -> Room:
        """The lowest of all bounds, at this moment."""
        found = [Room(_physical(), "memory free on this machine"), *_limits()]
        group = group_room()
        if group is not None:
            found.append(Room(group, "the limit of this container (cgroup)"))
        if self.limit is not None:
            found.append(Room(self.limit - resident(), "--memory-limit"))
        if device == "cuda":
            found = [Room(_on_gpu(), "memory free on the GPU"), *found[-1:] * (self.limit is not None)]
        least = min(found, key=lambda room: room.bytes)
        return Room(max(0, least.bytes), least.bound)

    def exceeded(self) -> bool:
        """Whether the resident size has passed the limit since this was asked last, or there is no room at all."""
        peak, before = high_water(), self._peak
        self._peak = max(peak, before)
        return (self.limit is not None and peak > max(self.limit, before)) or self.room().bytes == 0

    def tell(self, message: str) -> None:
        """Say what was made smaller; the same thing is said once."""
        if message not in self._said:
            self._said.add(message)
            self._say(message)


def resident() -> int:
    """Bytes of this process that are in memory now."""
    import psutil

    return int(psutil.Process().memory_info().rss)


def high_water() -> int:
    """The most bytes of this process that ever were in memory at once."""
    try:
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    try:
        import resource
    except ImportError:  # Windows
        return resident()
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024


def group_room(root: Path = Path("/")) -> int | None:
    """Bytes left below the limits of this process's cgroup and those above it; None where none is set.

    What the kernel would give back (files read long ago) counts as free. `root` stands for the root of the file system.
    """
    try:
        lines = (root / "proc/self/cgroup").read_text().splitlines()
    except OSError:
        return None
    found = []
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers == "":
            names, base = ("memory.max", "memory.current", "inactive_file"), root / "sys/fs/cgroup"
        elif "memory" in controllers.split(","):
            names = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
            base = root / "sys/fs/cgroup/memory"
        else:
            continue
        own = base / path.lstrip("/")
        folders = [own, *(parent for parent in own.parents if parent == base or base in parent.parents)]
        found += [left for folder in folders if (left := _group_left(folder, *names)) is not None]
    return min(found) if found else None


def _group_left(folder: Path, limit: str, usage: str, reclaimable: str) -> int | None:
    try:
        most, used = (folder / limit).read_text().strip(), int((folder / usage).read_text())
        stat = dict(line.split() for line in (folder / "memory.stat").read_text().splitlines())
    except (OSError, ValueError):
        return None
    if most == "max" or int(most) >= _ENDLESS:
        return None
    return int(most) - used + int(stat.get(reclaimable, 0))


def _physical() -> int:
    import psutil

    return int(psutil.virtual_memory().available)


def _limits() -> list[Room]:
    """What RLIMIT_AS and RLIMIT_DATA leave to this process."""
    import psutil

    try:
        import resource
    except ImportError:  # Windows
        return []
    used = psutil.Process().memory_info()._asdict()
    kinds = (("RLIMIT_AS", resource.RLIMIT_AS, "vms"), ("RLIMIT_DATA", resource.RLIMIT_DATA, "data"))
    most = [(name, resource.getrlimit(kind)[0], used.get(of)) for name, kind, of in kinds]
    endless = resource.RLIM_INFINITY
    return [Room(limit - has, name) for name, limit, has in most if has is not None and limit not in (-1, endless)]


def _on_gpu() -> int:
    """Free on the current GPU, with what torch keeps for later and does not use."""
    import torch

    free, _ = torch.cuda.mem_get_info()
    return int(free + torch.cuda.memory_reserved() - torch.cuda.memory_allocated())


def size(number: float) -> str:
    """Bytes for people: `7.6 GB`."""
    for unit in ("B", "kB", "MB", "GB"):
        if number < 1000:
            return f"{number:.0f} {unit}" if unit == "B" else f"{number:.1f} {unit}"
        number /= 1000
    return f"{number:.1f} TB"


def is_out_of_memory(error: BaseException) -> bool:
    """Whether this error says that memory ran out, whoever raised it."""
    if isinstance(error, MemoryError):
        return True
    return isinstance(error, RuntimeError) and any(phrase in str(error).lower() for phrase in _PHRASES)


def release() -> None:
    """Give back what is no longer used, the accelerator's cache included (only if torch is loaded at all).

    The C library keeps what was freed for later, where it still counts as ours: it is asked to return it as well.
    """
    gc.collect()
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available():
        torch.cuda.empty_cache()
    _ask_c("malloc_trim", 0)


def frugal() -> None:
    """Have large blocks returned as soon as they are freed, from here on: a little slower, and nothing is hoarded.

    Meant against holes that batches of many lengths leave in the heap: a training of 1.1 GB held 1.6 GB.
    That this is the cause is not shown; with it the same training held 1.55 GB.
    """
    _ask_c("mallopt", _MMAP_THRESHOLD, 1 << 17)
    release()


def _ask_c(name: str, *numbers: int) -> None:
    if sys.platform == "linux":
        try:
            getattr(ctypes.CDLL(None), name)(*numbers)
        except (OSError, AttributeError):  # another C library (musl)
            logger.debug("the C library has no %s", name)


def backed_off(items: Sequence[Item], size: int, work: Callable[[Sequence[Item]], Result]) -> Iterator[Result]:
    """`work` on slices of `size` items, in order; one that does not fit in memory is halved, and so are the rest."""
    start = 0
    while start < len(items):
        part = items[start : start + size]
        result, fits = None, True
        try:
            result = work(part)
        except (MemoryError, RuntimeError) as error:
            if not is_out_of_memory(error):
                raise
            fits = False
        if not fits:  # outside the except block, where the traceback would keep the tensors alive
            release()
            if len(part) == 1:
                raise ResourceError("one row does not fit in memory; use a smaller maximum length or model")
            size = len(part) // 2
            logger.warning("out of memory: batches of %d rows from here on", size)
            continue
        yield result  # type: ignore[misc]
        start += len(part)
