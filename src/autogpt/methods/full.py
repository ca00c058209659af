"""Full fine-tuning: every layer trains, or only the top ones, over cached activations of the rest."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass

from autogpt.core import Job, Scorer, Step
from autogpt.errors import ConfigError
from autogpt.methods import _finetune
from autogpt.methods._options import DROPOUT, NEURAL, WRITTEN, FineTuning, loop_settings, option, peak_rate, step_rows


@dataclass(frozen=True, slots=True)
class Options(FineTuning):
    """Options of full fine-tuning."""

    learning_rate: float = peak_rate(1e-4, (1e-5, 5e-4))
    batch_rows: int = step_rows(16, (8, 64))
    layers: int | None = option(None, "train only this many top layers (default: all)", [None, 2])
    embeddings: bool = option(False, "train the word embeddings too, when all layers train")
    dropout: bool = option(False, DROPOUT, [False, True])

    def __post_init__(self) -> None:
        if self.layers is not None and self.layers < 1:
            raise ConfigError(f"full: layers is {self.layers}; it must be 1 or more (leave it out to train all)")


class Full:
    """See `core.Method`."""

    name = "full"
    summary = "fine-tuning of all layers, or of the top ones over cached activations"
    needs_backbone = True
    takes_soft_targets = True
    outputs = NEURAL | WRITTEN
    options = Options

    def fit(self, job: Job) -> Generator[Step, None, Scorer]:
        options = job.options or Options()
        encoder = job.open()
        layers = None if options.layers is None or options.layers >= encoder.layer_count else options.layers
        yield from _finetune.fine_tune(
            job,
            encoder,
            settings=loop_settings(options),
            c=options.c,
            layers=layers,
            embeddings=options.embeddings,
            dropout=options.dropout,
        )
        scorer: Scorer = encoder
        return scorer


plugin = Full()
