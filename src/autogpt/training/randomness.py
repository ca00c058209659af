"""Random draws of a step (dropout) as a function of (seed, step), and of the rank where several processes compute it.

There is no random state to carry from step to step, hence none to lose: a resumed, retried or repeated step draws what
it drew before. The caller's own random state is put back after every step.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch


@contextmanager
def seeded(seed: int, step: int, rank: int = 0, *, device: torch.device) -> Iterator[None]:
    """Torch, NumPy and Python draw from (seed, step, rank) inside the block, and go on as before after it."""
    words = [seed, step, rank] if rank else [seed, step]
    torch_seed, numpy_seed = (int(word) for word in np.random.SeedSequence(words).generate_state(2))
    python, numpy = random.getstate(), np.random.get_state()
    cuda = [device] if device.type == "cuda" else []
    with torch.random.fork_rng(devices=cuda):
        torch.manual_seed(torch_seed)
        np.random.seed(numpy_seed)
        random.seed(torch_seed)
        try:
            yield
        finally:
            np.random.set_state(numpy)
            random.setstate(python)
