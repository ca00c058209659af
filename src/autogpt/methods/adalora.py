"""AdaLoRA through the PEFT library: ranks move to the layers that need them ("Adaptive Budget Allocation for
Parameter-Efficient Fine-Tuning", Zhang et al. 2023).

Adapters begin at a rank half as high again as the mean rank that is left in the end; every tenth of the middle of
training the least important directions of all layers together are switched off. PEFT's allocator keeps its averages
of importance in plain attributes; ours stand in buffers of the body, so that a resumed training has them bit for bit.
The penalty for directions that are not orthogonal is left out: it is part of PEFT's own loss, which is not ours.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import Any

from autogpt.core import Job, Scorer, Step
from autogpt.errors import ConfigError
from autogpt.methods import _peft
from autogpt.methods._options import NEURAL, WRITTEN, FineTuning, loop_settings, option, passes, peak_rate

GROWTH = 1.5
"""Rank in the beginning, in units of the mean rank in the end (as in the paper)."""
WARMUP, LAST, UPDATES = 0.1, 0.3, 10
"""Shares of the steps before ranks fall and after they are fixed; how often they fall between."""
LEAST_STEPS = 10
"""In fewer steps nothing is known about importance, and all adapters stay."""


@dataclass(frozen=True, slots=True)
class Options(FineTuning):
    """Options of AdaLoRA."""

    epochs: float = passes(4.0, (1.0, 10.0))
    learning_rate: float = peak_rate(3e-3, (5e-4, 1e-2))
    rank: int = option(8, "mean rank of the adapters in the end", (2, 32))

    def __post_init__(self) -> None:
        if self.rank < 1:
            raise ConfigError(f"adalora: rank is {self.rank}; it must be 1 or more")


class AdaLora:
    """See `core.Method`."""

    name = "adalora"
    summary = "low-rank adapters whose ranks are dealt to the layers that need them, merged for serving"
    needs_backbone = True
    outputs = NEURAL | WRITTEN
    options = Options

    def fit(self, job: Job) -> Generator[Step, None, Scorer]:
        options = job.options or Options()

        def config(encoder: Any) -> Any:
            from peft import AdaLoraConfig

            return AdaLoraConfig(
                init_r=round(GROWTH * options.rank),
                target_r=options.rank,
                lora_alpha=options.rank,
                target_modules="all-linear",
                exclude_modules=encoder.unread,
                modules_to_save=encoder.fresh,
                total_step=1_000_000,  # said anew at every step, because a plan may be shortened by the clock
                tinit=1,
                tfinal=1,
            )

        settings = loop_settings(options)
        return (
            yield from _peft.tune(
                job,
                name=self.name,
                settings=settings,
                c=options.c,
                config=config,
                attached=_remember,
                after_step=_allocate,
            )
        )


def _adapters(body: Any) -> dict[str, Any]:
    """Parameters that PEFT's allocator weighs, by the names that it calls them."""
    return {name: p for name, p in body.base_model.model.named_parameters() if "lora_" in name}


def _remember(body: Any) -> None:
    """Buffers for what the allocator knows: two averages of importance, and which directions are left."""
    import torch
    from torch import nn

    memory = nn.Module()
    for place, (name, parameter) in enumerate(_adapters(body).items()):
        memory.register_buffer(f"importance_{place}", torch.zeros_like(parameter))
        memory.register_buffer(f"uncertainty_{place}", torch.zeros_like(parameter))
        if "lora_E" in name:
            memory.register_buffer(f"left_{place}", torch.ones(len(parameter)))
    body.allocator_memory = memory


def _allocate(body: Any, step: int, total: int) -> None:
    """PEFT's own allocation after `step` (from 1) of `total`, which the clock may have shortened since."""
    if total < LEAST_STEPS:
        return
    config, allocator, memory = body.peft_config["default"], body.base_model.rankallocator, body.allocator_memory
    config.total_step, config.tinit, config.tfinal = total, round(WARMUP * total), max(1, round(LAST * total))
    config.deltaT = max(1, (total - config.tinit - config.tfinal) // UPDATES)
    places = {name: place for place, name in enumerate(_adapters(body))}
    pattern = {}
    for name, place in places.items():
        allocator.exp_avg_ipt[name] = getattr(memory, f"importance_{place}")
        allocator.exp_avg_unc[name] = getattr(memory, f"uncertainty_{place}")
        allocator.ipt[name] = allocator.exp_avg_ipt[name]  # that it is there says that the averages have begun
        if "lora_E" in name:
            pattern[name] = (getattr(memory, f"left_{place}") > 0).tolist()
    allocator.peft_config, config.rank_pattern = config, pattern
    body.base_model.update_and_allocate(step)
    for name, place in places.items():
        if name in allocator.exp_avg_ipt:  # they are dropped when the ranks are fixed
            getattr(memory, f"importance_{place}").copy_(allocator.exp_avg_ipt[name])
            getattr(memory, f"uncertainty_{place}").copy_(allocator.exp_avg_unc[name])
        if name in config.rank_pattern:
            left = getattr(memory, f"left_{place}")
            left.copy_(left.new_tensor(config.rank_pattern[name]))


plugin = AdaLora()
