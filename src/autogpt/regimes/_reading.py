"""Blocks of texts as the training loop sees them: hidden anew at every step, by an objective; and what they lose."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from autogpt.blocks import Objective, OfVectors, Signs, salience
from autogpt.core import Batch
from autogpt.data.words import inputs_text, inputs_texts

if TYPE_CHECKING:
    import torch

    from autogpt.backbones._language import LanguageModel
    from autogpt.core import Array, Inputs

DROPOUT = 0.1


class Reading:
    """See `core.Trainable`: blocks of texts, hidden anew at every step. How many there were stands in a buffer of the
    model, so that a stopped training hides what one that went on would have hidden."""

    def __init__(self, language: LanguageModel, objective: Objective, blocks: Sequence[Array], *, seed: int) -> None:
        import torch

        self.language = language
        self.module: Any = self.trained(language, objective, seed)
        self.blocks, self.objective, self.seed = blocks, objective, seed
        signs = language.signs()
        self.signs = replace(signs, salience=salience(blocks, signs.vocabulary))
        device = next(self.module.parameters()).device
        self.module.register_buffer("autogpt_step", torch.zeros((), dtype=torch.long, device=device))

    def trained(self, language: LanguageModel, objective: Objective, seed: int) -> torch.nn.Module:
        """All that trains, and is kept when a training stops."""
        model: torch.nn.Module = language.model
        return model

    def remove(self) -> None:
        """Leave the model as it is to be saved."""
        del self.module.autogpt_step

    def lengths(self) -> Sequence[int]:
        return [len(block) for block in self.blocks]

    def batch(self, rows: Sequence[int]) -> Batch:
        rng = np.random.default_rng([self.seed, int(self.module.autogpt_step), int(rows[0])])
        return tensors(self.objective, [self.blocks[row] for row in rows], self.signs, rng, self.module, rows)

    def forward(self, batch: Batch) -> torch.Tensor:
        told = {} if self.objective.family == "encoder" else {"use_cache": False}
        logits: torch.Tensor = self.module(**batch.inputs, **told).logits
        return logits

    def loss(self, logits: torch.Tensor, batch: Batch) -> torch.Tensor:
        """Mean over a row's told tokens [B]."""
        return losses(logits, batch.target).sum(dim=1) / (batch.target >= 0).sum(dim=1).clamp(min=1)

    def groups(self) -> list[dict[str, Any]]:
        return self.language.groups()

    def after_step(self, step: int, total: int) -> None:
        self.module.autogpt_step.fill_(step)


def losses(logits: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Minus log probability [B, T] of each token that is to be told; 0 elsewhere."""
    from torch.nn.functional import cross_entropy

    return cross_entropy(logits.float().transpose(1, 2), target, ignore_index=-100, reduction="none")


def losses_of(language: LanguageModel, objective: Objective, batch: Batch, seed: int) -> torch.Tensor:
    """Minus log probability [B, T] of what has to be told of a batch; 0 elsewhere."""
    if isinstance(objective, OfVectors):
        return vector_losses(language, objective, batch, seed)[1]
    return losses(language.model(**batch.inputs).logits, batch.target)


def vector_losses(
    language: LanguageModel, objective: OfVectors, batch: Batch, seed: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """The vectors [R, D] of what the body was given, and minus log probability [B, T] by them."""
    body, mask = language.model.base_model, batch.inputs["attention_mask"]
    with _dropping(body, wanted=objective.contrastive):
        states = body(**batch.inputs).last_hidden_state
    vectors = vectors_of(states.float(), mask, str(language.sentence["pooling"]))
    words = body.get_input_embeddings().weight
    return vectors, objective.losses(vectors, batch.target, words, language.part(objective, seed))


@contextmanager
def _dropping(body: Any, *, wanted: bool) -> Iterator[None]:
    """A body whose own dropout is none (ModernBERT) or off gets it on its word embeddings, where it is wanted."""
    from torch.nn import Dropout
    from torch.nn.functional import dropout

    if not wanted or any(isinstance(part, Dropout) and part.p > 0 and part.training for part in body.modules()):
        yield
        return
    hook = body.get_input_embeddings().register_forward_hook(lambda module, given, found: dropout(found, DROPOUT))
    try:
        yield
    finally:
        hook.remove()


def vectors_of(states: torch.Tensor, mask: torch.Tensor, pooling: str) -> torch.Tensor:
    """Unit vectors [B, D] of states [B, T, D], as the folder makes them."""
    import torch
    from torch.nn.functional import normalize

    if pooling == "cls":
        return normalize(states[:, 0], dim=-1)
    if pooling == "lasttoken":
        return normalize(states[torch.arange(len(states), device=states.device), mask.sum(dim=1) - 1], dim=-1)
    weight = mask.unsqueeze(-1).to(states.dtype)
    return normalize((states * weight).sum(dim=1), dim=-1)  # the mean's direction is the sum's


def bits_of(
    language: LanguageModel, objective: Objective, blocks: Sequence[Array], *, signs: Signs, seed: int, place: int
) -> tuple[Array, Array]:
    """Bits [B, T] of what some blocks have to tell (0 elsewhere) and which they are, hidden the same way at every call
    with the same `place`."""
    import torch

    from autogpt.training.randomness import seeded

    model, rng = language.model, np.random.default_rng([seed, 11, place])
    model.train(getattr(objective, "contrastive", False))
    batch = tensors(objective, blocks, signs, rng, model, range(len(blocks)))
    with torch.inference_mode(), seeded(seed, place, device=next(model.parameters()).device):
        lost = losses_of(language, objective, batch, seed).float() / math.log(2)
    return lost.cpu().numpy(), (batch.target >= 0).cpu().numpy()


def texts_of(inputs: Iterable[Inputs], objective: Objective) -> list[str]:
    """The texts of rows, each once; those of a pair apart where vectors learn, because they get a vector each."""
    apart = isinstance(objective, OfVectors)
    found = (text for row in inputs for text in (inputs_texts(row) if apart else [inputs_text(row)]))
    return list(dict.fromkeys(filter(None, found)))


def tensors(
    objective: Objective,
    blocks: Sequence[Array],
    signs: Signs,
    rng: np.random.Generator,
    module: Any,
    rows: Sequence[int],
) -> Batch:
    import torch

    made = objective.batch(blocks, signs, rng)
    device = next(module.parameters()).device
    return Batch(
        inputs={name: torch.from_numpy(np.ascontiguousarray(table)).to(device) for name, table in made.inputs.items()},
        target=torch.from_numpy(np.ascontiguousarray(made.target)).to(device),
        weight=torch.ones(len(blocks), device=device),
        index=torch.tensor(list(rows)),
        tokens=sum(map(len, blocks)),
    )
