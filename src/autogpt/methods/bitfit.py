"""BitFit: only biases train ("BitFit: Simple Parameter-efficient Fine-tuning", Ben Zaken et al. 2022)."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import Any

from autogpt.core import Job, Scorer, Step
from autogpt.errors import ConfigError
from autogpt.methods import _finetune
from autogpt.methods._options import NEURAL, WRITTEN, FineTuning, loop_settings, passes, peak_rate


@dataclass(frozen=True, slots=True)
class Options(FineTuning):
    """Options of BitFit."""

    epochs: float = passes(5.0, (1.0, 20.0))
    learning_rate: float = peak_rate(2e-3, (5e-4, 1e-2))


class BitFit:
    """See `core.Method`."""

    name = "bitfit"
    summary = "fine-tuning of the biases alone"
    needs_backbone = True
    outputs = NEURAL | WRITTEN
    options = Options

    def fit(self, job: Job) -> Generator[Step, None, Scorer]:
        options = job.options or Options()
        encoder = job.open()
        yield from _finetune.fine_tune(
            job, encoder, settings=loop_settings(options), c=options.c, prepare=lambda: _biases_only(encoder)
        )
        scorer: Scorer = encoder
        return scorer


def _biases_only(encoder: Any) -> None:
    """Biases, and whatever no pretraining has seen."""
    body, fresh = encoder.net.body, set(encoder.fresh or ())
    new = [parameter for name, parameter in body.named_parameters() if name.rpartition(".")[0] in fresh]
    biases = [parameter for name, parameter in body.named_parameters() if name.endswith("bias")]
    if not biases:
        raise ConfigError(f"bitfit: {type(body).__name__} has no biases; use lora or ia3")
    body.requires_grad_(False)
    for parameter in (*biases, *new):
        parameter.requires_grad_(True)


plugin = BitFit()
