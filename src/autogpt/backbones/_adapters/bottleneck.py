"""Bottleneck adapters: a small two-layer network with a residual after every feed-forward block.

"Parameter-Efficient Transfer Learning for NLP" (Houlsby et al. 2019), placed as in "AdapterFusion" (Pfeiffer et al.
2021): one per layer, behind the feed-forward block's output projection. That projection is found by its shape (a
linear layer that narrows to the model's width), not by its name. Ours begins as the exact identity: `up` is zero.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import nn

from autogpt.backbones._network import linear_layers
from autogpt.errors import ConfigError

WEIGHTS, SETTINGS = "bottlenecks.safetensors", "bottlenecks.json"


class Bottleneck(nn.Module):
    """y + up(gelu(down(y))) of what `inner` gives: [..., D] to [..., D]."""

    def __init__(self, inner: Any, *, width: int, size: int) -> None:
        super().__init__()
        self.inner = inner
        self.down = nn.Linear(width, size)
        self.up = nn.Linear(size, width)
        nn.init.normal_(self.down.weight, std=width**-0.5)
        for tensor in (self.down.bias, self.up.weight, self.up.bias):
            nn.init.zeros_(tensor)

    @property
    def weight(self) -> torch.Tensor:
        """The projection's own (T5 asks it for its number format)."""
        weight: torch.Tensor = self.inner.weight
        return weight

    def forward(self, states: torch.Tensor) -> torch.Tensor:
        found: torch.Tensor = self.inner(states)
        change: torch.Tensor = self.up(nn.functional.gelu(self.down(found)))
        return found + change


def attach(body: Any, *, size: int, seed: int) -> Any:
    """Wrap every output projection of a feed-forward block; first weights depend on `seed` alone."""
    body.requires_grad_(False)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        width = _width(body)
        wrapped = {name: Bottleneck(layer, width=width, size=size) for name, layer in _projections(body).items()}
    _put(body, wrapped)
    return body


def positions(body: Any) -> int:
    return 0


@contextmanager
def removed(body: Any) -> Iterator[Any]:
    wrapped = _bottlenecks(body)
    _put(body, {name: part.inner for name, part in wrapped.items()})
    try:
        yield body
    finally:
        _put(body, wrapped)


def save(body: Any, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    wrapped = _bottlenecks(body)
    tensors = {
        f"{name}.{key}": tensor.detach().cpu().contiguous()
        for name, part in wrapped.items()
        for key, tensor in part.state_dict().items()
        if not key.startswith("inner.")
    }
    save_file(tensors, folder / WEIGHTS)
    sizes = {part.down.out_features for part in wrapped.values()}
    (folder / SETTINGS).write_text(json.dumps({"size": sizes.pop(), "layers": [*wrapped]}, indent=1), "utf-8")


def load(body: Any, folder: Path) -> Any:
    settings = json.loads((folder / SETTINGS).read_text("utf-8"))
    tensors = load_file(folder / WEIGHTS)
    wrapped = {}
    for name in settings["layers"]:
        inner = body.get_submodule(name)
        wrapped[name] = Bottleneck(inner, width=_width(body), size=int(settings["size"]))
        own = {key.removeprefix(f"{name}."): value for key, value in tensors.items() if key.startswith(f"{name}.")}
        wrapped[name].load_state_dict({**own, **{f"inner.{key}": value for key, value in inner.state_dict().items()}})
    _put(body, wrapped)
    return body


def _width(body: Any) -> int:
    """Of the states; the halves of a pair of two models are as wide as each other."""
    return int(getattr(body.config, "decoder", body.config).hidden_size)


def _projections(body: Any) -> dict[str, Any]:
    width = _width(body)
    narrowing = [name for name, (given, made) in linear_layers(body).items() if given > made == width]
    found = {name: body.get_submodule(name) for name in narrowing}
    if not found:
        raise ConfigError(
            f"adapter: {type(body).__name__} has no linear layer that narrows to its width of {width}, behind which "
            "bottlenecks stand; use lora or full"
        )
    return found


def _bottlenecks(body: Any) -> dict[str, Bottleneck]:
    return {name: part for name, part in body.named_modules() if isinstance(part, Bottleneck)}


def _put(body: Any, modules: dict[str, Any]) -> None:
    """Each module where its name says."""
    for name, module in modules.items():
        parent, _, last = name.rpartition(".")
        setattr(body.get_submodule(parent), last, module)
