"""What a computation takes: the bytes of tensors that are alive at once, counted where they are made.

On a CPU nobody else counts them: the resident size of a process is that of its largest moment so far, and holds what
was freed. So every tensor operation is watched (as in "MemTracker" of torch.distributed's tools, which we make without
because it is private): new storages add to what is alive, and their end takes it away. Under torch's `FakeTensorMode`
the same count costs no memory and almost no time, so a training step can be rehearsed before weights are loaded.

Work space inside a kernel and what the allocator rounds up are not seen; see `SLACK`.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

SLACK = 1.35
"""Resident over counted bytes of a step on a CPU; measured at 1.1 to 1.7 by method (see EXPERIMENTS.md)."""


class Alive(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Counts bytes of storages that operations make inside the block; those of `known` tensors are not new."""

    def __init__(self, known: Iterable[torch.Tensor] = ()) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.now = self.peak = 0
        self._bytes: dict[int, int] = {tensor.untyped_storage()._cdata: 0 for tensor in known}

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        given = function(*args, **(kwargs or {}))
        for tensor in tree_leaves(given):
            if isinstance(tensor, torch.Tensor):
                self._add(tensor.untyped_storage())
        return given

    def _add(self, storage: torch.UntypedStorage) -> None:
        place = storage._cdata
        if place in self._bytes:
            return
        self._bytes[place] = storage.nbytes()
        self.now += storage.nbytes()
        self.peak = max(self.peak, self.now)
        weakref.finalize(storage, self._drop, place)

    def _drop(self, place: int) -> None:
        self.now -= self._bytes.pop(place, 0)


def of(work: Callable[[], Any], module: torch.nn.Module) -> int:
    """Most bytes alive at once while `work` runs, without the weights of `module`; on a GPU as its allocator counts."""
    device = next(module.parameters()).device
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
        before = torch.cuda.memory_allocated(device)
        work()
        return int(torch.cuda.max_memory_allocated(device) - before)
    tensors = [*module.parameters(), *module.buffers()]
    with Alive([*tensors, *(p.grad for p in tensors if p.grad is not None)]) as alive:
        work()
    return int(SLACK * alive.peak)
