"""Prompt tuning through the PEFT library: trained vectors stand before every text ("The Power of Scale for
Parameter-Efficient Prompt Tuning", Lester et al. 2021).

They begin as the embeddings of real tokens of the training rows. Their own states are left out of pooling and tagging.
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
    """Options of prompt tuning."""


class Prompt:
    """See `core.Method`."""

    name = "prompt"
    summary = "trained vectors before every text, kept beside the body"
    needs_backbone = True
    outputs = NEURAL | WRITTEN
    options = Options

    def fit(self, job: Job) -> Generator[Step, None, Scorer]:
        options = job.options or Options()
        return (
            yield from _prompting.tune(job, name=self.name, options=options, config="PromptTuningConfig", start=_start)
        )


def _start(prompted: Any, ids: Any) -> None:
    words = prompted.word_embeddings.weight
    prompted.prompt_encoder["default"].embedding.weight.data.copy_(words[ids.to(words.device)])


plugin = Prompt()
