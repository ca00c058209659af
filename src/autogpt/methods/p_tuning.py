"""P-tuning through the PEFT library: vectors before every text that a small network makes ("GPT Understands, Too",
Liu et al. 2021).

The network makes them faster to train; only what it makes is kept. It begins by giving the mean embedding of real
tokens of the training rows, a little different for each place.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import Any

from autogpt.core import Job, Scorer, Step
from autogpt.methods import _prompting
from autogpt.methods._options import NEURAL, passes, peak_rate


@dataclass(frozen=True, slots=True)
class Options(_prompting.Options):
    """Options of p-tuning."""

    epochs: float = passes(5.0, (1.0, 20.0))
    learning_rate: float = peak_rate(1e-3, (3e-4, 1e-2))
    ratio: float = _prompting.ratio(1.0)


class PTuning:
    """See `core.Method`."""

    name = "p-tuning"
    summary = "vectors before every text, made by a small trained network, kept beside the body"
    needs_backbone = True
    outputs = NEURAL
    options = Options

    def fit(self, job: Job) -> Generator[Step, None, Scorer]:
        options = job.options or Options()

        def config() -> Any:
            from peft import PromptEncoderConfig

            return PromptEncoderConfig(task_type="FEATURE_EXTRACTION", num_virtual_tokens=options.tokens)

        return (yield from _prompting.tune(job, name=self.name, options=options, config=config, start=_start))


def _start(prompted: Any, ids: Any) -> None:
    words = prompted.word_embeddings.weight
    last = prompted.prompt_encoder["default"].mlp_head[-1]
    last.bias.data.copy_(words[ids.to(words.device)].mean(dim=0))


plugin = PTuning()
