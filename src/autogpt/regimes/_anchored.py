"""Training a body on texts without losing what it knew: its vectors are held near where they were.

A sentence encoder was tuned for its vectors, and has no head over the vocabulary any more. To train it on texts as if
it were an ordinary masked-language model lets the noise of a new head into its layers. So a new head, on the tied word
embeddings, is trained alone first ("Fine-Tuning can Distort Pretrained Features", Kumar et al. 2022), and then all
layers, with a loss that keeps each text's vector near the one that the untrained body gives of the whole text
("Learning without Forgetting", Li & Hoiem 2016, by states instead of answers). The vector is taken of the text as it is
read, with words hidden, so the anchor costs no second pass, and asks besides that such a text means the same.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from autogpt.blocks import OfVectors, padded
from autogpt.regimes._reading import Reading, vector_losses, vectors_of

if TYPE_CHECKING:
    import torch

    from autogpt.backbones._language import LanguageModel
    from autogpt.blocks import Objective
    from autogpt.core import Array, Batch, Step
    from autogpt.runtime import Runtime
    from autogpt.training.options import LoopOptions

ANCHOR = 0.1
HEAD_STEPS, HEAD_RATE, HEAD_SHARE = 200, 2e-3, 0.5
"""A new head is trained alone for so many steps at this rate, within this share of the time."""


class Anchored(Reading):
    """See `_reading.Reading`. The head is run on the hidden places alone, which are a seventh of all.

    `anchor` weighs the squared distance between unit vectors, beside the loss per hidden token in nats. With
    `head_only` the body stays as it is (and there is nothing to anchor).
    """

    def __init__(
        self,
        language: LanguageModel,
        objective: Objective,
        blocks: Sequence[Array],
        *,
        seed: int,
        anchor: float,
        head_only: bool = False,
    ) -> None:
        super().__init__(language, objective, blocks, seed=seed)
        self.body = language.model.base_model
        self.pooling = str(language.sentence["pooling"])
        self.anchor = 0.0 if head_only else anchor
        self.free(body=not head_only)
        self._known: dict[int, Array] = {}
        if self.anchor:
            language.keep_original()

    def free(self, *, body: bool) -> None:
        """Let train what is to: all of the model, or the head alone."""
        self.body.requires_grad_(body)

    def remove(self) -> None:
        super().remove()
        self.body.requires_grad_(True)

    def forward(self, batch: Batch) -> torch.Tensor:
        """Loss [B] of each block: per hidden token, and of its vector's way from where it was."""
        import torch
        from torch.nn.functional import cross_entropy

        told = batch.target >= 0
        states: list[torch.Tensor] = []

        def only_told(module: Any, arguments: Any, output: Any) -> Any:
            states.append(output[0])
            output["last_hidden_state"] = output[0][told][None]
            return output

        hook = self.body.register_forward_hook(only_told)
        try:
            logits = self.module(**batch.inputs).logits[0]
        finally:
            hook.remove()
        each = cross_entropy(logits.float(), batch.target[told], reduction="none")
        sums = torch.zeros(len(told), device=each.device).index_add(0, told.nonzero()[:, 0], each)
        found = sums / told.sum(dim=1).clamp(min=1)
        return found + self.way(vectors_of(states[0].float(), batch.inputs["attention_mask"], self.pooling), batch)

    def way(self, vectors: torch.Tensor, batch: Batch) -> torch.Tensor:
        """`anchor` times the squared way [B] of vectors [B, D] from where the untrained body has them."""
        import torch

        if not self.anchor:
            return torch.zeros((), device=vectors.device)
        return self.anchor * (vectors - self._anchors(batch.index.tolist())).square().sum(dim=1)

    def loss(self, logits: torch.Tensor, batch: Batch) -> torch.Tensor:
        return logits

    def _anchors(self, rows: Sequence[int]) -> torch.Tensor:
        """Where the untrained body has the vectors [B, D] of blocks; each is read once."""
        import torch

        device = next(self.module.parameters()).device
        missing = [row for row in dict.fromkeys(rows) if row not in self._known]
        if missing:
            tables = padded([self.language.plain(self.blocks[row]) for row in missing], self.signs.pad)
            ids, mask = (torch.from_numpy(table).to(device) for table in tables)
            with torch.no_grad():
                states = self.language.original(input_ids=ids, attention_mask=mask).last_hidden_state
                self._known |= zip(missing, vectors_of(states.float(), mask, self.pooling).cpu().numpy(), strict=True)
        return torch.from_numpy(np.stack([self._known[row] for row in rows])).to(device)


class Vectors(Anchored):
    """See `blocks.OfVectors`. Of the model its body alone trains, and what the objective has beside it.

    With `head_only` that part alone trains. A text is held by the vector that the objective was given.
    """

    def free(self, *, body: bool) -> None:
        own = set(map(id, self.body.parameters()))
        for parameter in self.language.model.parameters():
            parameter.requires_grad_(id(parameter) in own and body)

    def trained(self, language: LanguageModel, objective: Any, seed: int) -> torch.nn.Module:
        import torch

        part = language.part(objective, seed)
        return torch.nn.ModuleList([language.model, *([part] if part is not None else [])])

    def remove(self) -> None:
        super().remove()
        self.language.model.requires_grad_(True)

    def forward(self, batch: Batch) -> torch.Tensor:
        """Loss [B] of each block: per token or text that had to be told, and of its vector's way from where it was."""
        objective: Any = self.objective
        vectors, lost = vector_losses(self.language, objective, batch, self.seed)
        found = lost.sum(dim=1) / (batch.target >= 0).sum(dim=1).clamp(min=1)
        return found + self.way(vectors[: len(found)], batch)

    def groups(self) -> list[dict[str, Any]]:
        return self.language.groups(self.module)


def kind_of(objective: Objective) -> type[Anchored]:
    """How an objective is trained."""
    return Vectors if isinstance(objective, OfVectors) else Anchored


class Bits:
    """What picks the best weights: bits per token that had to be told, of texts that are not learned."""

    name, higher_is_better = "bits", False


def train(
    language: LanguageModel,
    objective: Objective,
    blocks: Sequence[Array],
    *,
    options: LoopOptions,
    anchor: float,
    folder: Path,
    seed: int,
    remaining: Callable[[], float],
    validate: Callable[[], float] | None,
    runtime: Runtime,
    stop: Callable[[], bool],
    tell: Callable[[Step], None],
    only_new: bool = False,
) -> None:
    """Train a language model on blocks: what is new alone first (a head, a decoder), then everything; resumed where it
    stood in `folder`.

    Afterwards the model has the weights that were best by `validate` (bits per token that had to be told; None: the
    last). `tell` is given every step. `only_new`: nothing but what is new is trained.
    """
    from autogpt.training.loop import train as loop

    def go(learning: Reading, options: LoopOptions, place: Path, clock: Callable[[], float]) -> None:
        scored: Mapping[str, Any] = {"validate": judge, "metric": Bits(), "whole": whole}
        for step in loop(
            learning, options=options, folder=place, seed=seed, remaining=clock, runtime=runtime, stop=stop, **scored
        ):
            tell(step)
        learning.remove()

    judge = None if validate is None else lambda: {"bits": validate()}
    whole, kind = getattr(objective, "contrastive", False), kind_of(objective)
    if language.lacks(objective, seed):
        left, epochs = remaining(), HEAD_STEPS / math.ceil(len(blocks) / options.batch_rows)
        alone = kind(language, objective, blocks, seed=seed, anchor=0.0, head_only=True)
        settings = replace(options, epochs=epochs, learning_rate=HEAD_RATE, patience=0)
        go(alone, settings, folder / "head", lambda: remaining() - (1 - HEAD_SHARE) * left)
        language.learned(objective)
    if only_new:
        return
    anchored = anchor or kind is Vectors
    learning = kind(language, objective, blocks, seed=seed, anchor=anchor) if anchored else None
    go(learning or Reading(language, objective, blocks, seed=seed), options, folder / "layers", remaining)
