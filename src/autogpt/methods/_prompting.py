"""What the methods of virtual tokens share: they begin as real tokens, and what a body cannot do is found by trying.

They begin as the task's own words where there are some (an instruction of --prompts, or the goal), and as tokens of
training rows beyond that ("The Power of Scale for Parameter-Efficient Prompt Tuning", Lester et al. 2021, find words a
better beginning than random vectors; words of the task beside words of rows were not compared here).

The linear head is solved on what the body reads with its virtual tokens, because they change every feature. They are
kept beside the plain body, in PEFT's own format.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any

import numpy as np

from autogpt.core import Job, Scorer, Step
from autogpt.errors import ConfigError
from autogpt.methods import _finetune
from autogpt.methods._options import FineTuning, loop_settings, option, passes, peak_rate
from autogpt.prompting import of_form, render


def ratio(default: float) -> Any:
    """The field `ratio`."""
    return option(default, "learning rate of the virtual tokens relative to the head's", (1.0, 100.0))


@dataclass(frozen=True, slots=True)
class Options(FineTuning):
    """Options of virtual tokens."""

    epochs: float = passes(5.0, (1.0, 20.0))
    learning_rate: float = peak_rate(1e-3, (3e-4, 1e-2))
    tokens: int = option(16, "virtual tokens; texts may be so many tokens shorter", (4, 64))
    ratio: float = ratio(10.0)

    def __post_init__(self) -> None:
        if self.tokens < 1:
            raise ConfigError(f"tokens is {self.tokens}; it must be 1 or more")
        if not self.ratio > 0:
            raise ConfigError(f"ratio is {self.ratio}; it must be above 0")


def tune(
    job: Job,
    *,
    name: str,
    options: Options,
    config: str,
    start: Callable[[Any, Any], None],
) -> Generator[Step, None, Scorer]:
    """Train virtual tokens of the kind of PEFT's class `config`; `start(prompted, ids)` gives them their first values.

    `prompted` is the PEFT model, `ids` [tokens] are token ids of training rows. ConfigError: the body cannot have them.
    """
    encoder = job.open()

    def prepare() -> None:
        import peft

        ids = _real_tokens(encoder, job, options.tokens)
        if encoder.max_length <= 8:
            raise ConfigError(f"{name}: texts of {encoder.max_length} tokens leave no room; use lora or adapter")
        try:
            described = getattr(peft, config)(task_type="FEATURE_EXTRACTION", num_virtual_tokens=options.tokens)
            attached = encoder.attach("virtual_tokens", config=described, seed=job.seed)
            start(attached.prompted, ids)
            _try(encoder, job)
        except (ValueError, TypeError, RuntimeError, AttributeError, KeyError, IndexError) as problem:
            kind = type(job.open().net.body).__name__
            why = str(problem).split("\n")[0][:200]
            raise ConfigError(
                f"{name}: {kind} cannot take virtual tokens this way ({why}); use adapter or lora"
            ) from None

    yield from _finetune.fine_tune(
        job,
        encoder,
        settings=loop_settings(options),
        c=options.c,
        prepare=prepare,
        reread=True,
        rate_of=lambda parameter: options.ratio,
    )
    encoder.settle(job.folder / "adapter")
    scorer: Scorer = encoder
    return scorer


def _real_tokens(encoder: Any, job: Job, count: int) -> Any:
    """`count` token ids: of the instruction or the goal, and then of training rows, drawn at random."""
    import torch

    given = of_form(job.prompts, "instruction")
    words = render(given[0].template, {}) if given else job.goal
    said = encoder.tokenizer(words, add_special_tokens=False)["input_ids"] if words.strip() else []
    if len(said) >= count:
        return torch.as_tensor(said[:count])
    drawn = np.random.default_rng([job.seed, 41]).permutation(len(job.train))[: count + 1]
    pieces = encoder.pieces([job.train[place].inputs for place in drawn])
    special = set(encoder.tokenizer.all_special_ids)
    found = [int(token) for piece in pieces for token in piece.ids if int(token) not in special]
    if not found:
        raise ConfigError("the training rows have no tokens to begin with; use lora or adapter")
    return torch.as_tensor([*said, *np.resize(found, count - len(said)).tolist()])


def _try(encoder: Any, job: Job) -> None:
    """One row forward and back: every virtual token must reach what is answered."""
    import torch

    training = encoder.training(job.train[:1], output=job.output, space=job.space)
    with torch.enable_grad():
        training.forward(training.batch([0])).square().sum().backward()
    trained = {name: parameter for name, parameter in encoder.net.body.named_parameters() if parameter.requires_grad}
    deaf = [name for name, parameter in trained.items() if parameter.grad is None]
    encoder.net.zero_grad(set_to_none=True)
    if deaf:
        raise ValueError("what it answers does not depend on them")
