"""The torch side of a cloze: transformers' own masked-word head at one gap, under a head of the label words alone.

PET ("Exploiting Cloze Questions", Schick & Schütze 2021) keeps the head over the whole vocabulary and looks at the
words of labels. Ours keeps all of it but its last layer, and of that layer the rows of those words, as a linear layer
of its own: the scores are the same, what follows from an encoder's linear head (training, saving, serving) is too, and
no vocabulary's worth of numbers is computed. A word of several pieces has the mean of their rows, as in "OpenPrompt"
(Ding et al. 2022).
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import nn
from transformers.modeling_outputs import BaseModelOutput

from autogpt.backbones._network import PooledNet
from autogpt.backbones._readings import Reading
from autogpt.backbones._readings.cloze import Cloze, spelled
from autogpt.errors import ConfigError

if TYPE_CHECKING:
    from autogpt.backbones.encoder import Encoder
    from autogpt.core import Array

OTHERS = "use full or lora, or a model that was trained on hidden words (autogpt pretrain)"


class ClozeNet(PooledNet):
    """Body -> state at the gap -> transformers' masked-word head without its last layer -> a linear head."""

    def __init__(self, model: Any, *, size: int, reading: Reading) -> None:
        words = model.get_output_embeddings()
        prefix = model.base_model_prefix
        if words is None or not hasattr(model, prefix):
            raise ConfigError(f"{type(model).__name__} has no layer over its words that can be found; {OTHERS}")
        super().__init__(
            getattr(model, prefix), width=int(words.weight.shape[1]), size=size, pooling="mean", normalize=False,
            reading=reading,
        )  # fmt: skip
        self._kept = [model]  # nested: what is saved, whose parts stand here
        self.shell = _shell(model, prefix, words)

    def told(self, states: torch.Tensor) -> torch.Tensor:
        """What the last layer over the vocabulary would read [B, D] of states [B, H] of the last layer."""
        found: torch.Tensor = self.shell(inputs_embeds=states[:, None]).logits
        return found[:, 0]

    @property
    def saved(self) -> Any:
        """The model that transformers saves."""
        (model,) = self._kept
        setattr(model, model.base_model_prefix, self.body)
        return model

    def words(self) -> tuple[Array, Array]:
        """Weights [V, D] and bias [V] of the last layer over the vocabulary."""
        layer = self._kept[0].get_output_embeddings()
        weight = layer.weight.detach().float().cpu().numpy()
        bias = getattr(layer, "bias", None)
        return weight, np.zeros(len(weight)) if bias is None else bias.detach().float().cpu().numpy()


class _Given(nn.Module):
    """Stands where the body stood, and gives the states that it is given."""

    def forward(self, *_: Any, inputs_embeds: torch.Tensor, **__: Any) -> BaseModelOutput:
        return BaseModelOutput(last_hidden_state=inputs_embeds)


def _shell(model: Any, prefix: str, words: nn.Module) -> Any:
    """A view of the model, sharing its parts, without body and last layer."""
    (path,) = [name for name, module in model.named_modules() if module is words]
    shell = _view(model)
    shell._modules[prefix] = _Given()
    place = shell
    *parents, last = path.split(".")
    for name in parents:
        place._modules[name] = _view(place._modules[name])
        place = place._modules[name]
    place._modules[last] = nn.Identity()
    return shell


def _view(module: nn.Module) -> Any:
    """The same module as another object, whose submodules can be exchanged alone."""
    found = copy.copy(module)
    found.__dict__["_modules"] = dict(module._modules)
    return found


def check(model: Any, missing: Sequence[str], name: str) -> None:
    """ConfigError: the head was not trained, but drawn at random."""
    if drawn := [key for key in missing if not key.startswith(f"{model.base_model_prefix}.")]:
        raise ConfigError(f"{name!r} has no masked-word head (its weights lack {drawn[0]}); {OTHERS}")


class Filler:
    """See `prompting.Filler`: what an encoder would fill into gaps, by its own masked-word head."""

    def __init__(self, encoder: Encoder) -> None:
        self._encoder, self.tokenizer = encoder, encoder.tokenizer
        if self.tokenizer.mask_token_id is None:
            raise ConfigError(f"the tokenizer of {encoder.source.name!r} has no token for a hidden word; {OTHERS}")
        net: Any = encoder.net
        self.weight, self.bias = net.words()

    @cached_property
    def tokens(self) -> tuple[str, ...]:
        """See `prompting.Filler`."""
        return tuple(self._spelled(token) for token in range(len(self.weight)))

    def states(self, template: str, rows: Sequence[Mapping[str, str]]) -> Array:
        """What the last layer reads [N, D] at the gap `{mask}` of the template filled with each row."""
        return self._encoder.at_gap(template, rows)

    def likely(self, template: str, rows: Sequence[Mapping[str, str]]) -> Array:
        """Log probabilities [N, V] of the words at the gap."""
        logits = self.states(template, rows) @ self.weight.T + self.bias
        shifted = logits - logits.max(axis=1, keepdims=True)
        return np.asarray(shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True)))

    def rows_of(self, template: str, words: Mapping[str, Sequence[str]]) -> tuple[Array, Array]:
        """Weights [C, D] and bias [C] of the labels' words at this template's gap: the mean over words and pieces."""
        lead = Cloze(template).lead()
        weight, bias = [], []
        for label, own in words.items():
            pieces = [found for found in spelled(self.tokenizer, [f"{lead}{word}" for word in own]) if found]
            if not pieces:
                raise ConfigError(f"label {label!r} has no word that the tokenizer knows; describe it otherwise")
            weight.append(np.mean([self.weight[one].mean(axis=0) for one in pieces], axis=0))
            bias.append(float(np.mean([self.bias[one].mean() for one in pieces])))
        return np.stack(weight), np.array(bias)

    def _spelled(self, token: int) -> str:
        """A whole word as text; "" for a part of one, and for a control token."""
        if token >= len(self.tokenizer) or token in self.tokenizer.all_special_ids:
            return ""
        name = str(self.tokenizer.convert_ids_to_tokens(token))
        if name.startswith("##") or (self._spaces and name[0] not in "Ġ▁" and name[0].isascii()):
            return ""
        return str(self.tokenizer.decode([token])).strip()

    @cached_property
    def _spaces(self) -> bool:
        """Whether the tokenizer has a sign for the space before a word."""
        return any(token and token[0] in "Ġ▁" for token in self.tokenizer.get_vocab())
