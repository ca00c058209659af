"""An encoder seen by the training loop (`core.Trainable`), with cached activations below the layers that train."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from autogpt.backbones._network import Injector, Net, Slot, replaced
from autogpt.backbones._pieces import Piece, blank_rows, gather, tensors
from autogpt.core import Batch, Job, Output
from autogpt.probe import pad_targets
from autogpt.runtime import Runtime

if TYPE_CHECKING:
    from autogpt.backbones._activations import Cache
    from autogpt.core import Array, Scores

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Freezing:
    """How much of the body trains: the top `layers` (None: all), word embeddings only if asked, dropout or not."""

    layers: int | None = None
    embeddings: bool = True
    dropout: bool = True


def freeze(net: Any, stack: Callable[[], Sequence[torch.nn.Module]], freezing: Freezing) -> int:
    """Set `requires_grad`, keep what is frozen (or all) out of training mode; the number of frozen layers."""
    body: Any = net.body
    boundary = 0 if freezing.layers is None else max(0, len(stack()) - freezing.layers)
    top = list(stack())[boundary:] if boundary else [body]
    trained = [part for layer in top for part in layer.modules()]
    kept = {id(parameter) for layer in top for parameter in layer.parameters()}
    if not boundary and not freezing.embeddings:
        kept -= set(map(id, body.get_input_embeddings().parameters()))
    frozen = {id(parameter) for parameter in body.parameters()} - kept
    for name, parameter in body.named_parameters():
        # Gradients are only ever switched off here: adapters decide themselves what of the body trains.
        if id(parameter) in frozen or "pooler" in name.split("."):  # a pooler is never read by our heads
            parameter.requires_grad_(False)
    moving = set(map(id, trained)) if freezing.dropout else set()
    net.still[0] = [part for part in body.modules() if id(part) not in moving]
    return boundary


def _units(pieces: Sequence[Piece]) -> list[list[int]]:
    """Places of pieces that are trained on together: candidates of a row are compared, all others stand alone."""
    units: dict[tuple[int, int], list[int]] = {}
    for place, piece in enumerate(pieces):
        compared = piece.words is not None and piece.places is None
        units.setdefault((piece.row, -1 if compared else place), []).append(place)
    return list(units.values())


def groups(
    net: torch.nn.Module, head: torch.nn.Module, rate_of: Callable[[str], float], *, begun: bool = True
) -> list[dict[str, Any]]:
    """The body's parameters, a group per learning rate as `rate_of` says, and the head's. Of a body that begins at
    random (not `begun`) the matrices are told apart (see `training.optimizer`)."""
    own_head = {id(parameter) for parameter in head.parameters()}
    matrices = set() if begun else set(map(id, linear_weights(net))) - own_head
    found: dict[tuple[bool, bool, float], list[tuple[str, torch.nn.Parameter]]] = {}
    for name, parameter in net.named_parameters():
        own = id(parameter) in own_head
        if parameter.requires_grad:
            kind = own, id(parameter) in matrices, 1.0 if own else rate_of(name)
            found.setdefault(kind, []).append((name, parameter))
    return [
        {"params": [p for _, p in group], "names": [n for n, _ in group], "lr_scale": scale, "matrices": matrix}
        for (_, matrix, scale), group in sorted(found.items(), key=lambda item: item[0])
    ]


def linear_weights(module: torch.nn.Module) -> list[torch.Tensor]:
    """Weights of linear layers, those shared with word embeddings left out."""
    embedded = {id(one.weight) for one in module.modules() if isinstance(one, torch.nn.Embedding)}
    linear = [one.weight for one in module.modules() if isinstance(one, torch.nn.Linear)]
    return [weight for weight in linear if id(weight) not in embedded]


class EncoderTraining:
    """See `core.Trainable`, whose rows are units of pieces. With cached activations only the layers above them run."""

    def __init__(
        self,
        net: Net,
        *,
        pieces: Sequence[Piece],
        sizes: Sequence[int | None],
        targets: Sequence[Any],
        weights: Sequence[float],
        output: Output,
        class_weight: torch.Tensor | None,
        pad_id: int,
        runtime: Runtime,
    ) -> None:
        self.module = net
        self.net = net
        self.pieces, self.targets, self.weights = pieces, targets, weights
        self.sizes = sizes  # score rows per row; None where a row has one answer
        self.output, self.class_weight = output, class_weight
        self.pad_id, self.runtime, self.device = pad_id, runtime, runtime.device
        self.units = _units(pieces)
        self.cache: Cache | None = None
        self.rate_of: Callable[[str], float] = lambda name: 1.0
        self.after_step: Callable[[int, int], None] = lambda step, total: None

    def __getstate__(self) -> dict[str, Any]:
        """What another process needs to compute batches; who decides about steps stays here."""
        if self.cache is not None:
            raise TypeError("what its frozen layers give is kept in this process")
        return {name: value for name, value in vars(self).items() if name not in ("rate_of", "after_step")}

    def use(self, cache: Cache) -> None:
        """Train over `cache`, if one batch gives the same with it as without.

        What a family does between its layers is its own affair: where its layers cannot be skipped, nothing is.
        """
        self.cache = cache
        self.net.eval()
        with torch.inference_mode():
            batch = self.batch(range(min(8, len(self.units))))
            # Features and not scores are compared: of a head of zeros all scores are the same.
            whole = self.net.features(batch.inputs)
            try:
                read = batch.inputs["mask"].bool() if self.net.reading.token_level else slice(None)  # nobody's padding
                found = self._from_cache(batch.inputs, cache, self.net.features)
                same = torch.allclose(found[read], whole[read], rtol=1e-3, atol=1e-4)
            except Exception as problem:
                log.info("cached activations: %s", problem)
                same = False
        if not same:
            self.cache = None
            log.warning("%s cannot train over cached activations; all of it runs", type(self.net.body).__name__)

    def lengths(self) -> Sequence[int]:
        return [len(unit) * max(self.pieces[place].length for place in unit) for unit in self.units]

    def batch(self, rows: Sequence[int]) -> Batch:
        inputs, pieces = self._inputs([place for row in rows for place in self.units[row]])
        firsts = [self.pieces[self.units[row][0]] for row in rows]
        return Batch(
            inputs=inputs,
            target=self._target(firsts, inputs["ids"].shape[1]),
            weight=torch.tensor([self.weights[piece.row] for piece in firsts], device=self.device),
            index=torch.tensor([piece.row for piece in firsts]),
            tokens=sum(len(p.ids) + (len(p.pair) if p.pair is not None else 0) for p in pieces),
        )

    def _inputs(self, places: Sequence[int]) -> tuple[dict[str, torch.Tensor], list[Piece]]:
        """What the net reads of some pieces, and these pieces."""
        pieces = [self.pieces[place] for place in places]
        inputs = tensors(pieces, self.pad_id, self.device)
        if self.cache is not None:
            chosen = [self.cache.states[place] for place in places]
            inputs["hidden"] = self._hidden([first for first, _ in chosen])
            if chosen[0][1] is not None:
                inputs["pair_hidden"] = self._hidden([second for _, second in chosen if second is not None])
        return inputs, pieces

    def forward(self, batch: Batch) -> torch.Tensor:
        return self._logits(batch.inputs)

    def _logits(self, inputs: Mapping[str, torch.Tensor]) -> torch.Tensor:
        if self.cache is not None:
            return self._from_cache(inputs, self.cache, self.net)
        logits: torch.Tensor = self.net(inputs)
        return logits

    def loss(self, logits: torch.Tensor, batch: Batch) -> torch.Tensor:
        return self.output.loss(logits.float(), batch.target, self.class_weight)

    def groups(self) -> list[dict[str, Any]]:
        return groups(self.net, self.net.head, self.rate_of)

    def score(self) -> Scores:
        """Scores of all rows in their order, by way of the cached activations where there are some."""
        was_training = self.net.training
        self.net.eval()
        rows = blank_rows(self.net.head.out_features, self.sizes, self.net.blank)
        read = lambda places: self._logits(self._inputs(places)[0])  # noqa: E731
        gather(rows, self.pieces, read, runtime=self.runtime, module=self.net)
        self.net.train(was_training)
        return rows

    def settled(self, scores: Scores, job: Job) -> Scores:
        """Scores of all rows once nothing trains any more; there is nothing left to choose."""
        return scores

    def settle(self, chosen: Mapping[str, Any]) -> None:
        """What an earlier training chose after its end: nothing."""

    def losses_of(self, rows: Sequence[int], scores: Scores) -> list[float]:
        """What each unit of training loses by these scores of these rows; NaN for units of other rows."""
        known = np.full(len(self.targets), np.nan)
        # Rows with tables of their own have different lengths: they go one by one.
        alone = isinstance(scores, list)
        groups = [[place] for place in range(len(rows))] if alone else [list(range(len(rows)))]
        for group in groups:
            if group:
                logits = torch.from_numpy(np.stack([scores[place] for place in group])).float()
                target = torch.from_numpy(np.stack([self.targets[rows[place]] for place in group]))
                known[[rows[place] for place in group]] = self.output.loss(logits, target, None).numpy()
        return [float(known[self.pieces[unit[0]].row]) for unit in self.units]

    def _target(self, pieces: Sequence[Piece], width: int) -> torch.Tensor:
        """Of the rows, or windows of a row, that begin with these pieces; tables are filled up with -100."""
        if not self.output.token_level and isinstance(self.targets, list):
            return pad_targets([self.targets[piece.row] for piece in pieces]).to(self.device)
        if not self.output.token_level:
            return torch.from_numpy(np.stack([self.targets[p.row] for p in pieces])).to(self.device)
        if self.targets and self.targets[0].dtype.kind == "f":
            return self._shares(pieces, width)
        table = np.full((len(pieces), width), -100, dtype=np.int64)
        for place, piece in enumerate(pieces):
            if piece.places is not None:
                table[place, piece.places] = 0
                # Two words may be one token: it has the bits of both.
                np.bitwise_or.at(table[place], piece.places, self.targets[piece.row][piece.words])
        return torch.from_numpy(table).to(self.device)

    def _shares(self, pieces: Sequence[Piece], width: int) -> torch.Tensor:
        """Shares [B, T, C] where a word's first token stands; elsewhere there are none, and nothing is lost."""
        table = np.zeros((len(pieces), width, self.targets[0].shape[1]), dtype=np.float32)
        for place, piece in enumerate(pieces):
            if piece.places is not None and piece.words is not None:
                table[place, piece.places] = self.targets[piece.row][piece.words]
        return torch.from_numpy(table).to(self.device)

    def _hidden(self, rows: Sequence[Array]) -> torch.Tensor:
        width = max(len(row) for row in rows)
        table = np.zeros((len(rows), width, rows[0].shape[1]), dtype=np.float32)
        for place, row in enumerate(rows):
            table[place, : len(row)] = row
        return torch.from_numpy(table).to(self.device)

    def _from_cache(
        self, inputs: Mapping[str, torch.Tensor], cache: Cache, read: Callable[[Mapping[str, torch.Tensor]], Any]
    ) -> torch.Tensor:
        """`read` (the net, or what its head reads) with the frozen layers replaced by what they gave when they ran."""
        slot, stack = Slot(cache.others), list(cache.stack)
        injected = [Injector(layer, slot) for layer in stack[: cache.boundary]]
        hidden = [inputs["hidden"], inputs.get("pair_hidden")]
        # A pair is read by two passes of the body: the first takes the first hidden states, then the second.
        calls = iter([h for h in hidden if h is not None])
        hook = self.net.body.register_forward_pre_hook(lambda *_: setattr(slot, "hidden", next(calls)))
        try:
            with replaced(cache.stack, [*injected, *stack[cache.boundary :]]):
                found: torch.Tensor = read(inputs)
        finally:
            hook.remove()
        return found
