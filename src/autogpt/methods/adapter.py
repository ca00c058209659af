"""Bottleneck adapters: a small network after every feed-forward block trains ("Parameter-Efficient Transfer Learning
for NLP", Houlsby et al. 2019; placed as in "AdapterFusion", Pfeiffer et al. 2021).

They hold a nonlinearity and cannot be merged: they are saved beside the plain body. Ours begin as the identity.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass

from autogpt.core import Job, Scorer, Step
from autogpt.errors import ConfigError
from autogpt.methods import _finetune
from autogpt.methods._options import NEURAL, WRITTEN, FineTuning, loop_settings, option, passes


@dataclass(frozen=True, slots=True)
class Options(FineTuning):
    """Options of bottleneck adapters."""

    epochs: float = passes(4.0, (1.0, 20.0))
    size: int = option(48, "width of the bottlenecks", (8, 256))

    def __post_init__(self) -> None:
        if self.size < 1:
            raise ConfigError(f"adapter: size is {self.size}; it must be 1 or more")


class Adapter:
    """See `core.Method`."""

    name = "adapter"
    summary = "bottleneck adapters after every feed-forward block, kept beside the body"
    needs_backbone = True
    outputs = NEURAL | WRITTEN
    options = Options

    def fit(self, job: Job) -> Generator[Step, None, Scorer]:
        options = job.options or Options()
        encoder = job.open()
        yield from _finetune.fine_tune(
            job,
            encoder,
            settings=loop_settings(options),
            c=options.c,
            prepare=lambda: encoder.attach("bottleneck", size=options.size, seed=job.seed),
        )
        scorer: Scorer = encoder
        return scorer


plugin = Adapter()
