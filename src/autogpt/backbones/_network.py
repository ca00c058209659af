"""The torch side of an encoder: a body, and a head of one linear layer on sentence features or on tokens."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, Self

import torch
from torch import nn
from torch._subclasses.fake_tensor import FakeTensor
from transformers.pytorch_utils import Conv1D

from autogpt.backbones._readings import Reading
from autogpt.errors import ConfigError

Tensors = Mapping[str, torch.Tensor]

ROUNDING = 1e-4
"""Of the largest state: two rows beside each other differed by up to 1e-6 of it by rounding alone (two threads of an
AMD EPYC), and by 1e-3 at least where what follows was seen."""
UNREAD = -1e4
"""The score of a word that the tokenizer drops, where each word competes with all others."""


class _Still(nn.Module):
    """A module some of whose parts never go into training mode (no dropout there, whatever its name and form).

    `kind` of the body: `encoder`, `decoder`, or `encoder-decoder`, of which the encoder reads.
    """

    def __init__(self) -> None:
        super().__init__()
        self.kind = "encoder"
        self.still: list[list[nn.Module]] = [[]]  # nested: these parts are registered elsewhere
        self._whole: list[Any] = []  # nested too: a decoder beside the body neither runs nor trains

    def stands_in(self, whole: Any) -> None:
        """The body is `whole`, or a part of this model of transformers', which is what is saved."""
        self._whole = [whole]

    def train(self, mode: bool = True) -> Self:
        super().train(mode)
        for part in self.still[0]:
            part.training = False
        return self


class PooledNet(_Still):
    """Body -> pooled sentence vector -> linear head.

    We use a linear head on the pooled vector instead of transformers' sequence-classification head (a fresh dense
    layer on the first token): a head solved on frozen features is then the exact starting point of fine-tuning
    ("Fine-Tuning can Distort Pretrained Features", Kumar et al. 2022), and the saved folder is a plain
    sentence-transformers model. What the head reads of a row is its reading's affair (see `_readings`).
    """

    def __init__(
        self, body: nn.Module, *, width: int, size: int, pooling: str, normalize: bool, reading: Reading
    ) -> None:
        super().__init__()
        self.body = body
        self.head = nn.Linear(width * reading.parts, size)
        self.pooling, self.normalize, self.reading = pooling, normalize, reading
        config: Any = body.config
        self.has_segments = (config.to_dict().get("type_vocab_size") or 0) > 1

    @property
    def blank(self) -> torch.Tensor:
        """Scores [C] of a row that was not read."""
        return self.head.bias.detach()

    @property
    def own_head(self) -> bool:
        """Whether the head is ours alone, and no part of the model that transformers saves."""
        return True

    @property
    def saved(self) -> Any:
        """The model that transformers saves."""
        return _saved(self._whole, self.body)

    def replace_body(self, body: nn.Module) -> None:
        self.body = body

    def replace_reading(self, reading: Reading) -> None:
        """Read rows in another way, with a new head."""
        width = self.head.in_features // self.reading.parts
        self.reading, self.head = reading, nn.Linear(width * reading.parts, self.head.out_features)

    def sentence(self, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """Sentence vectors [B, D]."""
        return self.pooled(self.hidden(ids, mask), mask)

    def hidden(self, ids: torch.Tensor, mask: torch.Tensor, types: torch.Tensor | None = None) -> torch.Tensor:
        """States of the last layer [B, T, D]. The body is told segment ids `types` [B, T] if it knows segments."""
        told = {"token_type_ids": types} if types is not None and self.has_segments else {}
        states: torch.Tensor = self.body(input_ids=ids, attention_mask=mask, **told).last_hidden_state
        return states

    def pooled(self, hidden: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """Sentence vectors [B, D] of states [B, T, D]."""
        if self.pooling == "lasttoken":
            rows = torch.arange(len(hidden), device=hidden.device)
            return self.scaled(hidden[rows, mask.sum(dim=1) - 1])
        return self.scaled(hidden[:, 0] if self.pooling == "cls" else self.mean(hidden, mask))

    def mean(self, hidden: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """Means [B, D] of the states where the mask is 1."""
        weight = mask.unsqueeze(-1).to(hidden.dtype)
        return (hidden * weight).sum(dim=1) / weight.sum(dim=1).clamp(min=1)

    def scaled(self, vectors: torch.Tensor) -> torch.Tensor:
        """Vectors [..., D] at the length that sentence vectors have: 1 in a backbone that normalises them."""
        return nn.functional.normalize(vectors, dim=-1) if self.normalize else vectors

    def features(self, inputs: Tensors) -> torch.Tensor:
        """What the head reads: [B, parts * D]."""
        return self.reading.features(self, inputs)

    def forward(self, inputs: Tensors) -> torch.Tensor:
        """Logits [B, C]."""
        logits: torch.Tensor = self.head(self.features(inputs))
        return logits


def held(net: nn.Module) -> list[nn.Parameter]:
    """All parameters that are in memory because of a net: those of a decoder beside the body, which never runs, too."""
    beside = net._whole if isinstance(net, _Still) else []
    return list({id(p): p for module in (net, *beside) for p in module.parameters()}.values())


def _saved(whole: list[Any], body: nn.Module) -> Any:
    return whole[0] if whole and whole[0].get_encoder() is body else body


class StateHead(nn.Module):
    """A linear head on the states of a body, with the face of transformers' own: for families that have none."""

    base_model_prefix = "body"

    def __init__(self, body: Any, *, width: int, size: int) -> None:
        super().__init__()
        self.body, self.config = body, body.config
        self.classifier = nn.Linear(width, size)

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor, **told: torch.Tensor) -> SimpleNamespace:
        """`logits` [B, T, C], and its first and last columns as `start_logits` and `end_logits` [B, T]."""
        logits = self.classifier(
            self.body(input_ids=input_ids, attention_mask=attention_mask, **told).last_hidden_state
        )
        return SimpleNamespace(logits=logits, start_logits=logits[..., 0], end_logits=logits[..., -1])


class TokenNet(_Still):
    """transformers' own token-classification model, or a `StateHead`; `head` is its last linear layer.

    The state of a decoder's token has seen nothing that follows it: so have its tags.
    """

    def __init__(self, model: Any, size: int, *, reading: Reading) -> None:
        super().__init__()
        self.model, self.reading = model, reading
        linears = [m for m in model.modules() if isinstance(m, nn.Linear) and m.out_features == size]
        self._head = [linears[-1]]  # in a list: the layer is registered once, inside the model

    @property
    def head(self) -> nn.Linear:
        return self._head[0]

    @property
    def blank(self) -> torch.Tensor:
        """Scores [C] of a word that was not read."""
        return self.head.bias.detach()

    @property
    def body(self) -> nn.Module:
        body: nn.Module = self.model.get_submodule(self.model.base_model_prefix)
        return body

    @property
    def own_head(self) -> bool:
        """Whether the head is ours alone, and no part of the model that transformers saves."""
        return isinstance(self.model, StateHead)

    @property
    def saved(self) -> Any:
        """The model that transformers saves."""
        return _saved(self._whole, self.body) if self.own_head else self.model

    def replace_body(self, body: nn.Module) -> None:
        setattr(self.model, self.model.base_model_prefix, body)

    def features(self, inputs: Tensors) -> torch.Tensor:
        """What the head reads: [B, T, D]."""
        seen: list[torch.Tensor] = []
        hook = self.head.register_forward_pre_hook(lambda _, arguments: seen.append(arguments[0]))
        try:
            self.forward(inputs)
        finally:
            hook.remove()
        return seen[0]

    def forward(self, inputs: Tensors) -> torch.Tensor:
        """Logits [B, T, C]."""
        logits: torch.Tensor = self.model(input_ids=inputs["ids"], attention_mask=inputs["mask"]).logits
        return logits


class SpanNet(TokenNet):
    """transformers' own question-answering model; the columns of its `head` are the start and the end of an answer."""

    def __init__(self, model: Any, *, reading: Reading) -> None:
        super().__init__(model, 2, reading=reading)
        known = "token_type_ids" in inspect.signature(self.body.forward).parameters
        self._typed = known and int(model.config.to_dict().get("type_vocab_size") or 0) > 1

    @property
    def blank(self) -> torch.Tensor:
        """A word that was not read begins and ends no answer."""
        return torch.full_like(self.head.bias, UNREAD)

    def forward(self, inputs: Tensors) -> torch.Tensor:
        """Logits [B, T, 2]."""
        types = {"token_type_ids": inputs["types"]} if self._typed and "types" in inputs else {}
        found = self.model(input_ids=inputs["ids"], attention_mask=inputs["mask"], **types)
        return torch.stack([found.start_logits, found.end_logits], dim=-1)


Net = PooledNet | TokenNet


def look(body: Any) -> tuple[int, bool]:
    """Width of the states, and whether a state sees nothing of what follows: two texts that differ in their last token.

    Anything that the body raises when it is given token ids goes through. Without weights no number can tell.
    """
    ids = torch.tensor([[1, 2, 1], [1, 2, 2]])
    body.eval()
    with torch.inference_mode():
        states = body(input_ids=ids, attention_mask=torch.ones_like(ids)).last_hidden_state
    if isinstance(states, FakeTensor):
        return int(states.shape[-1]), False
    difference, scale = (states[0, :2] - states[1, :2]).abs().max(), states.abs().max().clamp(min=1.0)
    return int(states.shape[-1]), bool(difference <= ROUNDING * scale)


def unread(body: nn.Module) -> str | None:
    """A pattern of the modules that our heads never read (poolers): PEFT's `exclude_modules`. None: there are none."""
    return r".*pooler.*" if any("pooler" in name.split(".") for name, _ in body.named_modules()) else None


def linear_layers(body: nn.Module) -> dict[str, tuple[int, int]]:
    """Names of linear layers (and of GPT-2's, which keep their weights transposed): numbers of inputs and outputs.

    Poolers are left out: our heads never read them.
    """
    found = {}
    for name, layer in body.named_modules():
        if isinstance(layer, (nn.Linear, Conv1D)) and "pooler" not in name:
            rows, columns = layer.weight.shape
            found[name] = (columns, rows) if isinstance(layer, nn.Linear) else (rows, columns)
    return found


def layers(body: nn.Module, count: int) -> nn.ModuleList:
    """The body's list of transformer layers, found by its length (`config.num_hidden_layers`), not by its name."""
    for module in body.modules():
        if isinstance(module, nn.ModuleList) and len(module) == count:
            return module
    raise ConfigError(
        f"{type(body).__name__} has no list of {count} layers to freeze one by one; leave `layers` out to train all"
    )


@contextmanager
def replaced(stack: nn.ModuleList, modules: Sequence[nn.Module]) -> Iterator[None]:
    """The layer list holds `modules` inside the block."""
    original = dict(stack._modules)
    stack._modules.clear()
    stack._modules.update({str(place): module for place, module in enumerate(modules)})
    try:
        yield
    finally:
        stack._modules.clear()
        stack._modules.update(original)


class Injector(nn.Module):
    """Stands where a frozen layer stood and gives the cached output of the last of them, in the form that it had.

    Whatever else the body asks of a layer (ModernBERT: its kind of attention) is answered by the one that stood here.
    """

    def __init__(self, layer: nn.Module, slot: Slot) -> None:
        super().__init__()
        self._stood = [layer]  # in a list: its weights are not ours
        self._slot = slot

    def __getattr__(self, name: str) -> Any:
        try:
            return super().__getattr__(name)
        except AttributeError:
            return getattr(self._stood[0], name)

    def forward(self, *arguments: Any, **options: Any) -> Any:
        slot = self._slot
        if slot.hidden is None:
            raise RuntimeError("no cached activations were set")
        return slot.hidden if slot.others is None else (slot.hidden, *slot.others)


@dataclass
class Slot:
    """The hidden states [B, T, D] that injectors give, and what a layer returns beside them (None: nothing)."""

    others: tuple[None, ...] | None
    hidden: torch.Tensor | None = None
