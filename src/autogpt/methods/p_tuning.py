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
from autogpt.methods._options import NEURAL, WRITTEN


@dataclass(frozen=True, slots=True)
class Options(_prompting.Options):
    """Options of p-tuning."""

    ratio: float = _prompting.ratio(1.0)


class PTuning:
    """See `core.Method`."""

    name = "p-tuning"
    summary = "vectors before every text, made by a small trained network, kept beside the body"
    needs_backbone = True
    outputs = NEURAL | WRITTEN
    options = Options

    def fit(self, job: Job) -> Generator[Step, None, Scorer]:
        options = job.options or Options()
        return (
            yield from _prompting.tune(job, name=self.name, options=options, config="PromptEncoderConfig", start=_start)
        )


def _start(prompted: Any, ids: Any) -> None:
    words = prompted.word_embeddings.weight
    last = prompted.prompt_encoder["default"].mlp_head[-1]
    last.bias.data.copy_(words[ids.to(words.device)].mean(dim=0))


plugin = PTuning()
