"""Several encoders on one body: each has its own head and reading, and where it needs them low-rank parts of its own.

On disk the body stands once, plain, as other libraries load it; a task adds its head and its parts (in PEFT's format):

    trunk/                      body and tokenizer: a transformers (and sentence-transformers) folder
    tasks/<name>/encoder.json   how rows are read, and whether there are parts
    tasks/<name>/head.safetensors
    tasks/<name>/adapter/       "LoRA: Low-Rank Adaptation of Large Language Models" (Hu et al. 2021), unmerged

Ours switches parts where "S-LoRA" (Sheng et al. 2023) mixes them in one batch: a request is of one task, and to switch
is to tell each layer a name. Weights are never read again.
"""

from __future__ import annotations

import copy
import json
import threading
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from autogpt.backbones import _folder, _loading, _pretrained
from autogpt.backbones._loading import Shape
from autogpt.backbones._network import Net, PooledNet, unread
from autogpt.backbones.encoder import Encoder
from autogpt.core import Inputs
from autogpt.errors import ModelError
from autogpt.runtime import Runtime, detect

if TYPE_CHECKING:
    from autogpt.core import Scores

TRUNK, TASKS, HEAD, ABOUT = "trunk", "tasks", "head.safetensors", "encoder.json"
SPARE, SWEEPS = 8, 4
"""Columns beyond the rank, and power iterations, of a random projection: the error is then hardly above the least."""


class Trunk:
    """One body that several encoders read with, one at a time."""

    def __init__(self, encoders: Mapping[str, Encoder]) -> None:
        """The first encoder's body takes the place of all others'."""
        self.encoders = dict(encoders)
        self.adapted: dict[str, str] = {}  # task -> PEFT's name of its parts
        self.mounted: str | None = None
        self._lock = threading.Lock()
        self._found: tuple[tuple[str, ...], list[Any]] = ((), [])
        self._put(next(iter(self.encoders.values())).net.body)

    @property
    def body(self) -> Any:
        """The one body, with all parts on it."""
        return next(iter(self.encoders.values())).net.body

    def scorer(self, name: str) -> Mounted:
        """The scorer of one task."""
        return Mounted(self, name)

    def mount(self, name: str) -> None:
        """Put a task's own parts on the body, and those of others off it."""
        if name == self.mounted or not self.adapted:
            return
        own = self.adapted.get(name)
        # PEFT's `set_adapter` also sets what trains, on every parameter: 5 ms. What a layer computes are these two.
        for layer in self._layers():
            layer._disable_adapters = own is None
            if own is not None:
                layer._active_adapter = [own]
        self.mounted = name

    def _layers(self) -> list[Any]:
        """The body's layers that have parts, found once for every number of tasks with parts."""
        if self._found[0] != (names := tuple(self.adapted)):
            from peft.tuners.tuners_utils import BaseTunerLayer

            self._found = names, [part for part in self.body.modules() if isinstance(part, BaseTunerLayer)]
        return self._found[1]

    def score(self, name: str, inputs: Sequence[Inputs], *, batch_rows: int = 256) -> Scores:
        """Scores of one task; requests of several threads wait for each other, for there is one body."""
        with self._lock:
            self.mount(name)
            return self.encoders[name].score(inputs, batch_rows=batch_rows)

    def give(self, name: str, *, rank: int, seed: int, like: Encoder | None = None) -> None:
        """Low-rank parts for one task on all linear layers, mounted.

        They begin as no change at all; or as what brings the body as near as their rank can to that of `like`, a model
        of the task's own, whose head is taken too.
        """
        import torch
        from peft import LoraConfig, get_peft_model

        own = f"task{[*self.encoders].index(name)}"  # PEFT's names may not have dots
        config = LoraConfig(
            r=rank, lora_alpha=rank, use_rslora=True, target_modules="all-linear",
            exclude_modules=unread(self.body),
        )  # fmt: skip
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            if self.adapted:
                self.body.add_adapter(own, config)
            else:
                self._put(get_peft_model(self.body, config, adapter_name=own))
        self.body.base_model.enable_adapter_layers()
        self.body.set_adapter(own)  # and train these parts only
        self.adapted[name], self.mounted = own, None
        self.mount(name)
        if like is not None:
            self._approach(own, like, seed=seed)
            self.encoders[name].net.head.load_state_dict(like.net.head.state_dict())

    def _approach(self, own: str, like: Encoder, *, seed: int) -> None:
        """What each layer lacks, approximated by the parts' rank: the leading singular vectors (Eckart and Young 1936),
        found with random projections ("Finding Structure with Randomness", Halko et al. 2011)."""
        import torch
        from peft.tuners.lora import LoraLayer

        theirs = dict(like.net.body.named_modules())
        with torch.no_grad(), torch.random.fork_rng(devices=()):
            torch.manual_seed(seed)
            for place, layer in _plain(self.body).named_modules():
                if not isinstance(layer, LoraLayer):
                    continue
                down, up = layer.lora_A[own].weight, layer.lora_B[own].weight
                lacking = (theirs[place].weight.to(up) - layer.get_base_layer().weight).detach().cpu()
                lacking = lacking.T if layer.fan_in_fan_out else lacking
                rank = min(len(down), *lacking.shape)
                left, size, right = torch.svd_lowrank(lacking, q=min(rank + SPARE, *lacking.shape), niter=SWEEPS)
                root = (size[:rank] / layer.scaling[own]).sqrt()
                up[:, :rank] = left[:, :rank] * root
                down[:rank] = (right[:, :rank] * root).T

    def parts(self, name: str) -> dict[str, Any]:
        """A copy of what a task has of its own: its parts and its head."""
        return {key: tensor.detach().clone() for key, tensor in self._own(name).items()}

    def put(self, name: str, parts: Mapping[str, Any]) -> None:
        """Make a task's own weights what `parts` gave."""
        import torch

        with torch.no_grad():
            for key, tensor in self._own(name).items():
                tensor.copy_(parts[key])

    def _own(self, name: str) -> dict[str, Any]:
        head = {f"head.{key}": tensor for key, tensor in self.encoders[name].net.head.named_parameters()}
        mark = f".{self.adapted[name]}." if name in self.adapted else None
        found = self.body.named_parameters() if mark else ()
        return head | {key: tensor for key, tensor in found if ".lora_" in key and mark in key}

    def take(self, name: str) -> None:
        """Leave a task's parts away again."""
        own = self.adapted.pop(name)
        self.mounted = None
        self._found = ((), [])
        if self.adapted:
            self.body.delete_adapter(own)
        else:
            self._put(self.body.unload())

    def save(self, folder: Path) -> None:
        """Write body, heads and parts. Files are written in place: the caller stages and renames the folder."""
        from safetensors.torch import save_file

        trunk = folder / TRUNK
        trunk.mkdir(parents=True)
        first = next(iter(self.encoders.values()))
        first.tokenizer.save_pretrained(trunk)
        _plain(self.body).save_pretrained(trunk, state_dict=_weights(self.body))
        for encoder in self.encoders.values():
            if isinstance(encoder.net, PooledNet):
                _folder.sentence_modules(encoder.net, trunk, encoder.max_length, dense=False)
                break
        for name, encoder in self.encoders.items():
            own = folder / TASKS / name
            own.mkdir(parents=True)
            save_file(_outside(encoder.net), own / HEAD)
            about = {
                "shape": asdict(encoder.shape),
                "source": {**asdict(encoder.source), "location": ""},
                "max_length": encoder.max_length,
                "adapter": name in self.adapted,
            }
            (own / ABOUT).write_text(json.dumps(about, indent=1, ensure_ascii=False), "utf-8")
            if name in self.adapted:
                self._save_parts(name, own / _folder.ADAPTER)

    @classmethod
    def load(cls, folder: Path, names: Sequence[str], *, runtime: Runtime | None = None) -> Self:
        """What `save` wrote, for these tasks."""
        location = str(folder / TRUNK)
        encoders, adapted = {}, []
        for name in names:
            about = _folder.describe(folder / TASKS / name)
            shape = Shape(**{**about["shape"], "labels": tuple(about["shape"].get("labels", ()))})
            net = _loading.net(location, shape)
            tokenizer = _loading.tokenizer(location, net.reading)
            _fill(net, folder / TASKS / name / HEAD)
            source = _pretrained.Source(**{**about["source"], "location": location})
            encoder = Encoder(net, tokenizer, source=source, shape=shape, runtime=runtime or detect())
            encoder.max_length = int(about["max_length"])
            encoders[name] = encoder
            adapted += [name] if about["adapter"] else []
        trunk = cls(encoders)
        for name in adapted:
            trunk._load_parts(name, folder / TASKS / name / _folder.ADAPTER)
        return trunk

    def alone(self, name: str) -> Encoder:
        """A copy of one task's encoder whose body has its parts folded into the weights."""
        encoder = self.encoders[name]
        with self._lock:
            self.mount(name)
            net: Any = copy.deepcopy(encoder.net)
        if self.adapted:
            net.replace_body(net.body.merge_and_unload() if name in self.adapted else net.body.unload())
        one = Encoder(net, encoder.tokenizer, source=encoder.source, shape=encoder.shape, runtime=encoder.runtime)
        one.max_length = encoder.max_length
        return one

    def _put(self, body: Any) -> None:
        for encoder in self.encoders.values():
            encoder.replace_body(lambda _: body)

    def _save_parts(self, name: str, folder: Path) -> None:
        from peft import get_peft_model_state_dict
        from safetensors.torch import save_file

        folder.mkdir()
        own = self.adapted[name]
        tensors = get_peft_model_state_dict(self.body, adapter_name=own, save_embedding_layers=False)
        kept = {key: tensor.detach().cpu().contiguous() for key, tensor in tensors.items()}
        save_file(kept, folder / "adapter_model.safetensors")
        config = copy.copy(self.body.peft_config[own])
        config.inference_mode = True
        config.base_model_name_or_path = None
        config.save_pretrained(str(folder))

    def _load_parts(self, name: str, folder: Path) -> None:
        from peft import PeftModel

        own = f"task{[*self.encoders].index(name)}"
        if self.adapted:
            self.body.load_adapter(str(folder), adapter_name=own)
        else:
            self._put(PeftModel.from_pretrained(self.body, str(folder), adapter_name=own))
        self.adapted[name], self.mounted = own, None


class Mounted:
    """See `core.Scorer`. One task of a trunk; saved by itself it is an ordinary encoder folder."""

    family = "encoder"

    def __init__(self, trunk: Trunk, name: str) -> None:
        self.trunk, self.name = trunk, name

    def score(self, inputs: Sequence[Inputs], *, batch_rows: int = 256) -> Scores:
        return self.trunk.score(self.name, inputs, batch_rows=batch_rows)

    def save(self, folder: Path) -> None:
        self.trunk.alone(self.name).save(folder)


def _plain(body: Any) -> Any:
    """The body inside PEFT's model, or the body itself."""
    return body.base_model.model if hasattr(body, "peft_config") else body


def _weights(body: Any) -> dict[str, Any]:
    """The plain body's weights by their own names, whatever parts are on it."""
    found = {}
    for name, tensor in _plain(body).state_dict().items():
        if ".lora_" not in name:
            found[name.replace(".base_layer.", ".")] = tensor.detach().cpu().contiguous()
    return found


def _inside(net: Net) -> str:
    """What the names of the body's weights begin with."""
    return "body." if isinstance(net, PooledNet) else f"model.{net.model.base_model_prefix}."


def _outside(net: Net) -> dict[str, Any]:
    """All weights of a net that are not its body's."""
    return {
        name: tensor.detach().float().cpu().contiguous()
        for name, tensor in net.state_dict().items()
        if not name.startswith(_inside(net))
    }


def _fill(net: Net, path: Path) -> None:
    from safetensors.torch import load_file

    tensors = load_file(path)
    missing = set(_outside(net)) ^ set(tensors)
    if missing:
        raise ModelError(f"{path} does not fit its task: {', '.join(sorted(missing))}; restore the model from a copy")
    net.load_state_dict(tensors, strict=False)
