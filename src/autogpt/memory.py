"""Out of memory is an answer, not a crash: recognise it, and halve the work. Importable from every layer, torch-free.

Torch raises `OutOfMemoryError` on accelerators but a plain `RuntimeError` on a CPU; NumPy raises `MemoryError`.
"""

from __future__ import annotations

import gc
import logging
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from autogpt.errors import ResourceError

logger = logging.getLogger(__name__)

Item = TypeVar("Item")
Result = TypeVar("Result")

_PHRASES = ("out of memory", "can't allocate memory", "cannot allocate memory", "not enough memory")


def is_out_of_memory(error: BaseException) -> bool:
    """Whether this error says that memory ran out, whoever raised it."""
    if isinstance(error, MemoryError):
        return True
    return isinstance(error, RuntimeError) and any(phrase in str(error).lower() for phrase in _PHRASES)


def release() -> None:
    """Give back what is no longer used, the accelerator's cache included (only if torch is loaded at all)."""
    gc.collect()
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available():
        torch.cuda.empty_cache()


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
