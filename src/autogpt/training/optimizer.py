"""AdamW over a model's parameter groups (Loshchilov & Hutter 2019, https://arxiv.org/abs/1711.05101).

Fused wherever torch offers it: on two AVX2 cores a step over 22M parameters took 25 ms fused and 153 ms `foreach`.
Biases, norms and other vectors are not decayed.
"""

from __future__ import annotations

from typing import Any

import torch

from autogpt.errors import InputError

CLIP = 1.0
"""Largest norm of the gradient."""


def make_optimizer(groups: list[dict[str, Any]], *, learning_rate: float, weight_decay: float) -> torch.optim.AdamW:
    """AdamW; each group's learning rate is `learning_rate` times its `lr_scale`."""
    split = []
    for group in groups:
        trained = [p for p in group["params"] if p.requires_grad]
        for decayed in (True, False):
            params = [p for p in trained if (p.ndim > 1) == decayed]
            if params:
                own = {"lr_scale": group.get("lr_scale", 1.0), "weight_decay": weight_decay if decayed else 0.0}
                split.append({"params": params, **own})
    if not split:
        raise InputError("nothing to train: every parameter of the model is frozen; use a method that trains some")
    return torch.optim.AdamW(split, lr=learning_rate, fused=True)


def set_learning_rate(optimizer: torch.optim.Optimizer, learning_rate: float) -> None:
    """The rate of this step, times each group's own scale."""
    for group in optimizer.param_groups:
        group["lr"] = learning_rate * group["lr_scale"]


def gradient_norm(parameters: list[torch.nn.Parameter]) -> torch.Tensor:
    """Euclidean norm of all gradients together: a scalar tensor, so that asking for it does not wait."""
    return torch.nn.utils.get_total_norm([p.grad for p in parameters if p.grad is not None])


def clip_gradient(parameters: list[torch.nn.Parameter], norm: float) -> None:
    """Scale the gradients to norm CLIP. Does nothing (and costs nothing) below it."""
    if norm > CLIP:
        torch.nn.utils.clip_grads_with_norm_(parameters, CLIP, torch.tensor(norm))
