"""(IA)3 through the PEFT library: a scale per feature ("Few-Shot Parameter-Efficient Fine-Tuning Is Better and Cheaper
than In-Context Learning", Liu et al. 2022).

The paper scales keys, values and the hidden layer of each feed-forward block. Layers are told apart by their shapes
instead of their names, so that any family works: the inputs of layers that narrow (feed-forward, back to the model's
width) are scaled, and the outputs of all other linear layers. Merged for serving, like LoRA.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import Any

from autogpt.core import Job, Scorer, Step
from autogpt.methods import _peft
from autogpt.methods._options import NEURAL, WRITTEN, FineTuning, loop_settings, passes, peak_rate


@dataclass(frozen=True, slots=True)
class Options(FineTuning):
    """Options of (IA)3."""

    epochs: float = passes(5.0, (1.0, 20.0))
    learning_rate: float = peak_rate(1e-2, (1e-3, 5e-2))


class IA3:
    """See `core.Method`."""

    name = "ia3"
    summary = "a trained scale per feature of every linear layer, merged for serving"
    needs_backbone = True
    outputs = NEURAL | WRITTEN
    options = Options

    def fit(self, job: Job) -> Generator[Step, None, Scorer]:
        options = job.options or Options()
        return (
            yield from _peft.tune(job, name=self.name, settings=loop_settings(options), c=options.c, config=_config)
        )


def _config(encoder: Any) -> Any:
    from peft import IA3Config

    sizes = encoder.linear_layers()
    narrowing = [name for name, (given, made) in sizes.items() if given > made]
    return IA3Config(target_modules=[*sizes], feedforward_modules=narrowing, modules_to_save=encoder.fresh)


plugin = IA3()
