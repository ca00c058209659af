"""A `core.Trainable` on its way to another process of the same run: everything but the numbers of its module.

Packed is the structure alone, as `multiprocessing` packs what it sends (trials are sent so, too): it goes over an
inherited socket, is never written anywhere, and is unpacked by our own processes only. Parameters and buffers are
blank on arrival and are broadcast afterwards (see `parallel`), so that weights are never copied into bytes.
"""

from __future__ import annotations

import importlib
import io
from multiprocessing.reduction import ForkingPickler
from types import ModuleType
from typing import Any

import torch

from autogpt.core import Trainable
from autogpt.errors import AutoGPTError


class NotSentError(AutoGPTError):
    """Why a training stays in one process."""


def tensors(module: torch.nn.Module) -> list[torch.Tensor]:
    """Parameters and buffers, each once, in an order that is the same in every process."""
    return list({id(tensor): tensor for tensor in (*module.parameters(), *module.buffers())}.values())


def packed(model: Trainable) -> bytes:
    """The structure of a model. NotSentError: something in it stands in this process alone."""
    buffer = io.BytesIO()
    try:
        _Packer(buffer, model.module).dump(model)
    except Exception as problem:  # objects of plug-ins and libraries, each with reasons of its own
        raise NotSentError(str(problem).splitlines()[0] if str(problem) else type(problem).__name__) from None
    return buffer.getvalue()


def unpacked(sent: bytes) -> Trainable:
    """What `packed` gave, with a blank module. NotSentError: it needs what cannot be imported here."""
    try:
        model: Trainable = ForkingPickler.loads(sent)
    except (ImportError, AttributeError) as problem:
        raise NotSentError(str(problem)) from None
    return model


class _Packer(ForkingPickler):
    """Tensors of the module by their shape; others, which are small (weights of classes), by their bytes."""

    def __init__(self, buffer: io.BytesIO, module: torch.nn.Module) -> None:
        super().__init__(buffer)
        self._blank = {id(tensor) for tensor in tensors(module)}

    def reducer_override(self, given: Any) -> Any:
        if isinstance(given, ModuleType):  # readings are modules
            return importlib.import_module, (given.__name__,)
        if not isinstance(given, torch.Tensor):
            return NotImplemented
        if type(given) not in (torch.Tensor, torch.nn.Parameter):
            raise NotSentError(f"weights of the kind {type(given).__name__} cannot be sent")
        shape, kind, device = tuple(given.shape), given.dtype, given.device.type
        if id(given) in self._blank:
            return _blank, (shape, kind, device, isinstance(given, torch.nn.Parameter), given.requires_grad)
        plain = given.detach().cpu().contiguous().reshape(-1)
        return _whole, (plain.view(torch.uint8).numpy().tobytes(), shape, kind, device)


def _blank(shape: tuple[int, ...], kind: torch.dtype, device: str, parameter: bool, trained: bool) -> torch.Tensor:
    made = torch.zeros(shape, dtype=kind, device=device)
    return torch.nn.Parameter(made, requires_grad=trained) if parameter else made


def _whole(plain: bytes, shape: tuple[int, ...], kind: torch.dtype, device: str) -> torch.Tensor:
    found = torch.frombuffer(bytearray(plain), dtype=kind) if plain else torch.empty(0, dtype=kind)
    return found.reshape(shape).to(device)
