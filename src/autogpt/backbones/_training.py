"""An encoder seen by the training loop (`core.Trainable`), with cached activations below the layers that train."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import nn

from autogpt.backbones._network import Injector, Net, layers
from autogpt.backbones._pieces import Piece, buckets, tensors
from autogpt.core import Batch, Output

if TYPE_CHECKING:
    from autogpt.core import Array, Scores

    Activation = tuple[Array, Array | None]  # hidden states [T, D] at the boundary, of a text and of its pair


@dataclass(frozen=True, slots=True)
class Freezing:
    """How much of the body trains: the top `layers` (None: all), word embeddings only if asked, dropout or not."""

    layers: int | None = None
    embeddings: bool = True
    dropout: bool = True


def freeze(net: Net, count: int, freezing: Freezing) -> int:
    """Set `requires_grad`, keep what is frozen (or all) out of training mode; the number of frozen layers."""
    body: Any = net.body
    stack = layers(body, count)
    boundary = 0 if freezing.layers is None else max(0, count - freezing.layers)
    trained = [part for layer in list(stack)[boundary:] for part in layer.modules()] if boundary else [*body.modules()]
    if not boundary and not freezing.embeddings:
        frozen = set(map(id, body.get_input_embeddings().parameters()))
    else:
        kept = {id(parameter) for layer in list(stack)[boundary:] for parameter in layer.parameters()}
        frozen = {id(p) for p in body.parameters() if boundary and id(p) not in kept}
    for name, parameter in body.named_parameters():
        # Gradients are only ever switched off here: adapters decide themselves what of the body trains.
        if id(parameter) in frozen or "pooler" in name.split("."):  # a pooler is never read by our heads
            parameter.requires_grad_(False)
    moving = set(map(id, trained)) if freezing.dropout else set()
    net.still[0] = [part for part in body.modules() if id(part) not in moving]
    return boundary


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


class EncoderTraining:
    """See `core.Trainable`. `activations[i]` belongs to `pieces[i]`; without them the whole body runs."""

    def __init__(
        self,
        net: Net,
        *,
        pieces: Sequence[Piece],
        targets: Sequence[Any],
        weights: Sequence[float],
        output: Output,
        class_weight: torch.Tensor | None,
        pad_id: int,
        device: str,
        head_scale: float = 1.0,
    ) -> None:
        self.module = net
        self.net = net
        self.pieces, self.targets, self.weights = pieces, targets, weights
        self.output, self.class_weight = output, class_weight
        self.pad_id, self.device, self.head_scale = pad_id, device, head_scale
        self.stack: nn.ModuleList | None = None
        self.boundary = 0
        self.activations: Sequence[Activation] | None = None

    def lengths(self) -> Sequence[int]:
        return [piece.length for piece in self.pieces]

    def batch(self, rows: Sequence[int]) -> Batch:
        pieces = [self.pieces[row] for row in rows]
        inputs = tensors(pieces, self.pad_id, self.device)
        if self.activations is not None:
            chosen = [self.activations[row] for row in rows]
            inputs["hidden"] = self._hidden([first for first, _ in chosen])
            if self.net.pair:
                inputs["pair_hidden"] = self._hidden([second for _, second in chosen if second is not None])
        return Batch(
            inputs=inputs,
            target=self._target(pieces, inputs["ids"].shape[1]),
            weight=torch.tensor([self.weights[piece.row] for piece in pieces], device=self.device),
            index=torch.tensor([piece.row for piece in pieces]),
            tokens=sum(len(p.ids) + (len(p.pair) if p.pair is not None else 0) for p in pieces),
        )

    def forward(self, batch: Batch) -> torch.Tensor:
        if self.activations is None or self.stack is None:
            logits: torch.Tensor = self.net(batch.inputs)
            return logits
        return self._from_activations(batch)

    def loss(self, logits: torch.Tensor, batch: Batch) -> torch.Tensor:
        return self.output.loss(logits.float(), batch.target, self.class_weight)

    def groups(self) -> list[dict[str, Any]]:
        head = {id(parameter) for parameter in self.net.head.parameters()}
        body = [(n, p) for n, p in self.net.named_parameters() if p.requires_grad and id(p) not in head]
        own = [(n, p) for n, p in self.net.named_parameters() if id(p) in head]
        return [
            {"params": [p for _, p in group], "names": [n for n, _ in group], "lr_scale": scale}
            for group, scale in ((body, 1.0), (own, self.head_scale))
            if group
        ]

    def score(self, *, tokens: int) -> Scores:
        """Scores of all rows in their order, by way of the cached activations where there are some."""
        width = int(self.net.head.out_features)
        count = max((piece.row for piece in self.pieces), default=-1) + 1
        blank = self.net.head.bias.detach().float().cpu().numpy()
        rows: Any = np.zeros((count, width), dtype=np.float32)
        if self.output.token_level:
            rows = [np.tile(blank, (len(target), 1)) for target in self.targets]
        was_training = self.net.training
        self.net.eval()
        with torch.inference_mode():
            for places in buckets(self.pieces, tokens=tokens, rows=256):
                found = self.forward(self.batch(places)).float().cpu().numpy()
                for place, values in zip(places, found, strict=True):
                    piece = self.pieces[place]
                    if self.output.token_level:
                        rows[piece.row][piece.words] = values[piece.places]
                    else:
                        rows[piece.row] = values
        self.net.train(was_training)
        return rows  # type: ignore[no-any-return]

    def _target(self, pieces: Sequence[Piece], width: int) -> torch.Tensor:
        if not self.output.token_level:
            return torch.from_numpy(np.stack([self.targets[p.row] for p in pieces])).to(self.device)
        table = np.full((len(pieces), width), -100, dtype=np.int64)
        for place, piece in enumerate(pieces):
            if piece.places is not None:
                table[place, piece.places] = self.targets[piece.row][piece.words]
        return torch.from_numpy(table).to(self.device)

    def _hidden(self, rows: Sequence[Array]) -> torch.Tensor:
        width = max(len(row) for row in rows)
        table = np.zeros((len(rows), width, rows[0].shape[1]), dtype=np.float32)
        for place, row in enumerate(rows):
            table[place, : len(row)] = row
        return torch.from_numpy(table).to(self.device)

    def _from_activations(self, batch: Batch) -> torch.Tensor:
        """The net's own forward, with the frozen layers replaced by what they gave when they were run."""
        stack = self.stack
        if stack is None:
            raise RuntimeError("cached activations need the layer list")
        injector = Injector(as_tuple=False)
        cached = [injector] * self.boundary + list(stack)[self.boundary :]
        hidden = [batch.inputs["hidden"], batch.inputs.get("pair_hidden")]
        # A pair is read by two passes of the body: the first takes the first hidden states, then the second.
        calls = iter([h for h in hidden if h is not None])
        hook = self.net.body.register_forward_pre_hook(lambda *_: setattr(injector, "hidden", next(calls)))
        try:
            with replaced(stack, cached):
                logits: torch.Tensor = self.net(batch.inputs)
        finally:
            hook.remove()
        return logits
