"""Prefix tuning through the PEFT library: trained keys and values in every layer ("Prefix-Tuning: Optimizing Continuous
Prompts for Generation", Li & Liang 2021).

They begin as the keys and values of real tokens of the training rows, instead of a network's (the paper's own finding:
real words are better than random ones). Needs a body that takes keys and values of what came before.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import Any

from autogpt.core import Job, Scorer, Step
from autogpt.methods import _prompting
from autogpt.methods._options import NEURAL, WRITTEN


@dataclass(frozen=True, slots=True)
class Options(_prompting.Options):
    """Options of prefix tuning."""


class Prefix:
    """See `core.Method`."""

    name = "prefix"
    summary = "trained keys and values in every layer, kept beside the body"
    needs_backbone = True
    outputs = NEURAL | WRITTEN
    options = Options

    def fit(self, job: Job) -> Generator[Step, None, Scorer]:
        options = job.options or Options()
        return (
            yield from _prompting.tune(job, name=self.name, options=options, config="PrefixTuningConfig", start=_start)
        )


def _start(prompted: Any, ids: Any) -> None:
    """What every layer keeps of `ids`: keys and values [1, H, V, d] per layer, as PEFT lays them out [V, 2 L H d]."""
    import torch
    from transformers import DynamicCache

    table = prompted.prompt_encoder["default"].embedding.weight
    cache, text = DynamicCache(), ids[None].to(table.device)
    with torch.inference_mode():
        prompted.base_model(input_ids=text, attention_mask=torch.ones_like(text), past_key_values=cache)
    kept = torch.cat([states for layer in cache.layers for states in (layer.keys, layer.values)])
    table.data.copy_(kept.permute(2, 0, 1, 3).reshape(table.shape))


plugin = Prefix()
