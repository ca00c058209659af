"""QLoRA: LoRA over a body in four bits ("QLoRA: Efficient Finetuning of Quantized LLMs", Dettmers et al. 2023).

Linear layers are kept as bitsandbytes' NF4 with double quantisation while adapters train; the served model is the body
in full precision with the adapter folded in, and what is reported are the scores of that one.
Without CUDA it says what it needs.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Generator, Iterable
from dataclasses import dataclass
from typing import Any

from autogpt.core import Job, Scorer, Step
from autogpt.errors import ConfigError
from autogpt.methods import _finetune, _peft
from autogpt.methods._options import NEURAL, WRITTEN, FineTuning, loop_settings, option


@dataclass(frozen=True, slots=True)
class Options(FineTuning):
    """Options of QLoRA."""

    rank: int = option(16, "rank of the adapters", (4, 64))

    def __post_init__(self) -> None:
        if self.rank < 1:
            raise ConfigError(f"qlora: rank is {self.rank}; it must be 1 or more")


class QLora:
    """See `core.Method`."""

    name = "qlora"
    summary = "low-rank adapters over a body in four bits, merged in full precision (CUDA only)"
    needs_backbone = True
    outputs = NEURAL | WRITTEN
    options = Options

    def fit(self, job: Job) -> Generator[Step, None, Scorer]:
        options = job.options or Options()
        encoder = job.open()
        if encoder.runtime.device != "cuda" or importlib.util.find_spec("bitsandbytes") is None:
            raise ConfigError(
                "qlora needs a CUDA GPU and the package bitsandbytes, and this machine lacks one of them; use lora"
            )

        def prepare() -> None:
            from peft import LoraConfig

            config = LoraConfig(
                r=options.rank,
                lora_alpha=options.rank,
                use_rslora=True,
                target_modules="all-linear",
                exclude_modules=encoder.unread,
                modules_to_save=encoder.fresh,
            )
            names = encoder.linear_layers()
            encoder.replace_body(lambda body: _in_four_bits(body, names))
            _peft.attach(encoder, config, seed=job.seed)

        yield from _finetune.fine_tune(job, encoder, settings=loop_settings(options), c=options.c, prepare=prepare)
        encoder.net.body.save_pretrained(job.folder / "adapter")
        return _in_full(job, encoder)


def _in_four_bits(body: Any, names: Iterable[str]) -> Any:
    """These layers, where they are linear, in NF4; weights are quantised when they are moved to the GPU."""
    import torch
    from torch import nn

    linear = {name: layer for name in names if isinstance(layer := body.get_submodule(name), nn.Linear)}
    if not linear:
        raise ConfigError(
            f"qlora: {type(body).__name__} has no linear layers that bitsandbytes knows; use lora or full"
        )
    bitsandbytes: Any = importlib.import_module("bitsandbytes")
    for name, layer in linear.items():
        small = bitsandbytes.nn.Linear4bit(
            layer.in_features,
            layer.out_features,
            bias=layer.bias is not None,
            compute_dtype=torch.bfloat16,
            compress_statistics=True,
            quant_type="nf4",
        )
        data = layer.weight.data.cpu()  # what is on the GPU already would not be quantised
        small.weight = bitsandbytes.nn.Params4bit(
            data, requires_grad=False, compress_statistics=True, quant_type="nf4", module=small
        )
        small.bias = layer.bias
        parent, _, last = name.rpartition(".")
        setattr(body.get_submodule(parent), last, small)
    body.is_loaded_in_4bit = True  # what PEFT looks at when it chooses its layers
    return body


def _in_full(job: Job, encoder: Any) -> Scorer:
    """The body as it was opened, with the adapter folded in and the trained head; it is judged anew."""
    from peft import PeftModel

    whole = job.open()
    whole.net.head.load_state_dict(encoder.net.head.state_dict())
    whole.replace_body(lambda body: PeftModel.from_pretrained(body, str(job.folder / "adapter")).merge_and_unload())
    job.validated.clear()
    if job.validation:
        job.validated.append(whole.score([example.inputs for example in job.validation]))
    scorer: Scorer = whole
    return scorer


plugin = QLora()
