"""LoRA through the PEFT library ("LoRA: Low-Rank Adaptation of Large Language Models", Hu et al. 2021), and its kin.

All linear layers get adapters. Kinds: `rslora`, the default, has the rank-stabilised scale (Kalajdzievski 2023);
`lora` the original one; `dora` trains directions and magnitudes apart ("DoRA", Liu et al. 2024); `pissa` begins with
the principal parts of the weights ("PiSSA", Meng et al. 2024). `b_rate` is the ratio of learning rates of LoRA+
(Hayou et al. 2024). The served model is merged, so it costs nothing at prediction; the adapter is kept for PEFT.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import Any

from autogpt.core import Job, Scorer, Step
from autogpt.errors import ConfigError
from autogpt.methods import _peft
from autogpt.methods._options import NEURAL, WRITTEN, FineTuning, loop_settings, option

KINDS = ("rslora", "lora", "dora", "pissa")


@dataclass(frozen=True, slots=True)
class Options(FineTuning):
    """Options of LoRA."""

    rank: int = option(16, "rank of the adapters", (4, 64))
    kind: str = option("rslora", f"one of {', '.join(KINDS)}")
    b_rate: float = option(1.0, "learning rate of the B matrices relative to that of A (LoRA+: 4 to 16)", (1.0, 16.0))

    def __post_init__(self) -> None:
        if self.rank < 1:
            raise ConfigError(f"lora: rank is {self.rank}; it must be 1 or more")
        if self.kind not in KINDS:
            raise ConfigError(f"lora: kind is {self.kind!r}; it must be one of {', '.join(KINDS)}")
        if not self.b_rate > 0:
            raise ConfigError(f"lora: b_rate is {self.b_rate}; it must be above 0")


class Lora:
    """See `core.Method`."""

    name = "lora"
    summary = "low-rank adapters on all linear layers, merged for serving"
    needs_backbone = True
    takes_soft_targets = True
    outputs = NEURAL | WRITTEN
    options = Options

    def fit(self, job: Job) -> Generator[Step, None, Scorer]:
        options = job.options or Options()

        def config(encoder: Any) -> Any:
            return _peft.low_rank(
                encoder,
                options.rank,
                use_rslora=options.kind == "rslora",
                use_dora=options.kind == "dora",
                init_lora_weights="pissa" if options.kind == "pissa" else True,
            )

        def attached(body: Any) -> None:
            if options.kind == "pissa":
                own = body.peft_config["default"]
                own.init_lora_weights = True  # as PEFT asks for: the kept adapter belongs to the weights as given
                body.save_pretrained(job.folder / _peft.INITIAL)
                own.init_lora_weights = "pissa"

        rate_of = lambda name: options.b_rate if ".lora_B." in name else 1.0  # noqa: E731
        steps = _peft.tune(
            job,
            name=self.name,
            settings=loop_settings(options),
            c=options.c,
            config=config,
            attached=attached,
            rate_of=rate_of,
        )
        return (yield from steps)


plugin = Lora()
