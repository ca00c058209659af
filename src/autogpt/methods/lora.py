"""LoRA through the PEFT library ("LoRA: Low-Rank Adaptation of Large Language Models", Hu et al. 2021).

All linear layers get adapters, with the rank-stabilised scale of rsLoRA (Kalajdzievski 2023). The served model is
merged, so it costs nothing at prediction; the adapter itself is kept beside it for PEFT.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from autogpt.core import Job, Scorer, Step
from autogpt.errors import ConfigError, ModelError
from autogpt.methods import _finetune
from autogpt.methods._options import option

MERGE_TOLERANCE = 1e-3


@dataclass(frozen=True, slots=True)
class Options:
    """Options of LoRA."""

    epochs: float = option(3.0, "passes over the training rows (fewer when time is short)", (1.0, 10.0))
    learning_rate: float = option(1e-3, "peak learning rate (about ten times that of full fine-tuning)", (1e-4, 5e-3))
    batch_rows: int = option(32, "rows per optimizer step", (8, 64))
    rank: int = option(16, "rank of the adapters", (4, 64))
    prune: float = option(0.75, "most of the rows learned already that a step leaves out, without bias (0: none)")
    c: float | None = option(None, "regularisation of the linear head that training starts from (default: chosen)")

    def __post_init__(self) -> None:
        if self.rank < 1:
            raise ConfigError(f"lora: rank is {self.rank}; it must be 1 or more")


class Lora:
    """See `core.Method`."""

    name = "lora"
    summary = "low-rank adapters on all linear layers, merged for serving"
    needs_backbone = True
    outputs = frozenset({"classes", "labels", "value", "tokens"})
    options = Options

    def fit(self, job: Job) -> Generator[Step, None, Scorer]:
        options = job.options or Options()
        encoder = job.open()
        settings = {
            "epochs": options.epochs,
            "learning_rate": options.learning_rate,
            "batch_rows": options.batch_rows,
            "prune": options.prune,
        }
        yield from _finetune.fine_tune(
            job,
            encoder,
            settings=settings,
            c=options.c,
            prepare=lambda: attach(encoder, rank=options.rank, seed=job.seed),
        )
        merge(encoder, adapter=job.folder / "adapter", probe=[example.inputs for example in job.train[:8]])
        scorer: Scorer = encoder
        return scorer


def attach(encoder: Any, *, rank: int, seed: int) -> None:
    """Adapters on every linear layer of the body (the unread pooler excepted)."""
    import torch
    from peft import LoraConfig, get_peft_model

    pooler = any("pooler" in name.split(".") for name, _ in encoder.net.body.named_modules())
    config = LoraConfig(
        r=rank,
        lora_alpha=rank,
        use_rslora=True,
        target_modules="all-linear",
        exclude_modules=r".*pooler.*" if pooler else None,
    )
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        encoder.replace_body(lambda body: get_peft_model(body, config))


def merge(encoder: Any, *, adapter: Path, probe: list[Any]) -> None:
    """Save the adapter, fold it into the weights, and check that the outputs stayed the same."""
    before = encoder.score(probe)
    encoder.net.body.save_pretrained(adapter)
    encoder.replace_body(lambda body: body.merge_and_unload())
    after = encoder.score(probe)
    difference = max(float(np.abs(a - b).max()) for a, b in zip(before, after, strict=True) if np.size(a))
    if difference > MERGE_TOLERANCE:
        raise ModelError(f"merging the adapter changed outputs by {difference:.2g}; the merged model was not kept")


plugin = Lora()
