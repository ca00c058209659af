"""Gradual unfreezing with a smaller learning rate for each lower layer ("Universal Language Model Fine-tuning for Text
Classification", ULMFiT, Howard & Ruder 2018).

The head comes solved; the top layer trains first, then one more at a time, evenly over the first part of the steps.
Ours does not wait for the plan where waiting does not help: when a validation is no better than the best before it,
the next layer trains from there on.
Frozen layers run, but no gradient passes below the lowest one that trains: the set of parameters never changes, so
that a stopped training goes on exactly. How many layers are frozen, and why, stands in buffers of the body.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Generator
from dataclasses import dataclass
from functools import partial
from typing import Any

from autogpt.core import Job, Scorer, Step
from autogpt.errors import ConfigError
from autogpt.methods import _finetune
from autogpt.methods._options import NEURAL, WRITTEN, FineTuning, loop_settings, option, peak_rate, step_rows


@dataclass(frozen=True, slots=True)
class Options(FineTuning):
    """Options of gradual unfreezing."""

    learning_rate: float = peak_rate(1e-4, (1e-5, 5e-4))
    batch_rows: int = step_rows(16, (8, 64))
    decay: float = option(0.9, "learning rate of a layer relative to the one above it (the paper: 0.38)", (0.3, 1.0))
    share: float = option(0.5, "share of the steps after which all layers train", (0.1, 0.9))

    def __post_init__(self) -> None:
        for name in ("decay", "share"):
            if not 0 < getattr(self, name) <= 1:
                raise ConfigError(f"gradual: {name} is {getattr(self, name)}; it must be above 0 and at most 1")


class Gradual:
    """See `core.Method`."""

    name = "gradual"
    summary = "fine-tuning that unfreezes layer by layer, with smaller rates for lower layers"
    needs_backbone = True
    outputs = NEURAL | WRITTEN
    options = Options

    def fit(self, job: Job) -> Generator[Step, None, Scorer]:
        options = job.options or Options()
        encoder = job.open()
        layers = encoder.layers()
        frozen = _Frozen(encoder.net.body, layers)
        yield from _finetune.fine_tune(
            job,
            encoder,
            settings=loop_settings(options),
            c=options.c,
            embeddings=False,
            dropout=False,
            rate_of=_rates(encoder.net, layers, options.decay),
            after_step=lambda step, total: frozen.set(step / max(1.0, options.share * total)),
            after_validation=lambda score: frozen.judged(score if job.metric.higher_is_better else -score),
        )
        if frozen.early:
            job.notes.append(f"validation stalled: {frozen.early} layers were unfrozen before their time")
        frozen.remove()
        scorer: Scorer = encoder
        return scorer


class _Frozen:
    """Stops gradients below the layers that train already."""

    def __init__(self, body: Any, layers: Any) -> None:
        import torch
        from torch import nn

        self.body, self.count = body, len(layers)
        body.gradual = nn.Module()
        device = next(body.parameters()).device
        body.gradual.register_buffer("frozen", torch.tensor(self.count - 1, device=device))
        body.gradual.register_buffer("early", torch.tensor(0, device=device))
        body.gradual.register_buffer("best", torch.tensor(-math.inf, device=device))
        self.early = 0
        self.hooks = [
            layer.register_forward_hook(partial(self._passed, place))  # no closure: a model may be sent
            for place, layer in enumerate(layers)
        ]

    def set(self, progress: float) -> None:
        """`progress` 0: only the top layer trains, and those that validation asked for; 1: all do."""
        state = self.body.gradual
        state.frozen.fill_(max(0, self.count - 1 - int(progress * (self.count - 1) + 1e-9) - int(state.early)))

    def judged(self, score: float) -> None:
        """A validation score, higher being better: one that is not the best so far frees the next layer."""
        state = self.body.gradual
        if score > float(state.best):
            state.best.fill_(score)
        elif state.frozen > 0:
            state.early += 1
            state.frozen -= 1
            self.early = int(state.early)

    def remove(self) -> None:
        for hook in self.hooks:
            hook.remove()
        del self.body.gradual

    def _passed(self, place: int, layer: Any, told: Any, given: Any) -> Any:
        if place >= int(self.body.gradual.frozen):
            return given
        # T5 hands on what it adds to attention beside the states, made of weights of its lowest layer.
        return tuple(map(_detached, given)) if isinstance(given, tuple) else given.detach()


def _detached(value: Any) -> Any:
    import torch

    return value.detach() if isinstance(value, torch.Tensor) else value


def _rates(net: Any, layers: Any, decay: float) -> Callable[[str], float]:
    """Learning rate by parameter name: `decay` per layer below the top one, and once more for the embeddings."""
    depth = {id(p): len(layers) - 1 - place for place, layer in enumerate(layers) for p in layer.parameters()}
    body = {id(parameter) for parameter in net.body.parameters()}
    of = {name: decay ** depth.get(id(p), len(layers)) if id(p) in body else 1.0 for name, p in net.named_parameters()}
    return lambda name: of[name]


plugin = Gradual()
