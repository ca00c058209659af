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
from autogpt.methods._options import NEURAL, passes, peak_rate


@dataclass(frozen=True, slots=True)
class Options(_prompting.Options):
    """Options of prompt tuning."""

    epochs: float = passes(5.0, (1.0, 20.0))
    learning_rate: float = peak_rate(1e-3, (3e-4, 1e-2))


class Prompt:
    """See `core.Method`."""

    name = "prompt"
    summary = "trained vectors before every text, kept beside the body"
    needs_backbone = True
    outputs = NEURAL
    options = Options

    def fit(self, job: Job) -> Generator[Step, None, Scorer]:
        options = job.options or Options()

        def config() -> Any:
            from peft import PromptTuningConfig

            return PromptTuningConfig(task_type="FEATURE_EXTRACTION", num_virtual_tokens=options.tokens)

        return (yield from _prompting.tune(job, name=self.name, options=options, config=config, start=_start))


def _start(prompted: Any, ids: Any) -> None:
    words = prompted.word_embeddings.weight
    prompted.prompt_encoder["default"].embedding.weight.data.copy_(words[ids.to(words.device)])


plugin = Prompt()
