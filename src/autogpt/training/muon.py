"""Muon: steps of matrices that are as strong in every direction ("Muon: An optimizer for hidden layers in neural
networks", Jordan et al. 2024; rates as in "Muon is Scalable for LLM Training", Liu et al. 2025).

torch has it since 2.9, in bfloat16 alone, which takes seconds a step on a CPU without instructions for it. Ours has the
number format of the run, and gives torch's numbers in torch's format.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch

MOMENTUM, ROUNDS, SMALL = 0.95, 5, 1e-7
COEFFICIENTS = (3.4445, -4.775, 2.0315)
RATE = 0.2
"""Makes a step as long as AdamW's usually is, so that both take the same learning rate."""


class Muon(torch.optim.Optimizer):
    """`params` are groups of matrices [A, B]; `dtype` is what their directions are computed in."""

    def __init__(self, params: Iterable[dict[str, Any]], *, lr: float, dtype: torch.dtype = torch.float32) -> None:
        super().__init__(params, {"lr": lr, "weight_decay": 0.0})
        self.dtype = dtype

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        """One step, with Nesterov's momentum and decoupled decay."""
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is None:
                    continue
                state = self.state[p]
                if not state:
                    state["momentum"] = torch.zeros_like(p)
                state["momentum"].lerp_(p.grad, 1 - MOMENTUM)
                ahead = p.grad.lerp(state["momentum"], MOMENTUM)
                p.mul_(1 - group["lr"] * group["weight_decay"])
                p.add_(evened(ahead, self.dtype), alpha=-group["lr"] * RATE * max(p.shape) ** 0.5)


def evened(matrix: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    """A matrix with its singular values brought near 1, by Newton and Schulz's iteration (steep at 0, so inexact)."""
    a, b, c = COEFFICIENTS
    tall = matrix.shape[0] > matrix.shape[1]
    x = (matrix.T if tall else matrix).to(dtype)
    x = x / x.norm().clamp(min=SMALL)
    for _ in range(ROUNDS):
        gram = x @ x.T
        x = torch.addmm(x, torch.addmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    return (x.T if tall else x).to(matrix.dtype)
