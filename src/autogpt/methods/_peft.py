"""What the methods of the PEFT library share: attach adapters, train with the loop, keep the adapter, merge it."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Generator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from autogpt.core import Job, Scorer, Step
from autogpt.errors import ConfigError, ModelError
from autogpt.methods import _finetune

if TYPE_CHECKING:
    from peft import PeftConfig

MERGE_TOLERANCE = 1e-3
INITIAL = "adapter-initial"
"""Beside the adapter of a kind that changes the weights it begins on: PEFT then saves it for the weights as given."""


def tune(
    job: Job,
    *,
    name: str,
    settings: Mapping[str, Any],
    c: float | None,
    config: Callable[[Any], PeftConfig],
    rate_of: Callable[[str], float] = lambda name: 1.0,
    attached: Callable[[Any], None] = lambda body: None,
    after_step: Callable[[Any, int, int], None] = lambda body, step, total: None,
) -> Generator[Step, None, Scorer]:
    """Fine-tune adapters that `config(encoder)` describes, and fold them into the weights.

    The adapter stays in the trial's folder for PEFT. `rate_of` scales learning rates by parameter name; `attached` is
    given the body with its adapters, `after_step` the body, the step and the number of steps, with gradients in place.
    ConfigError: PEFT cannot attach them to this body.
    """
    encoder = job.open()

    def prepare() -> None:
        attach_or_refuse(encoder, lambda: config(encoder), name=name, seed=job.seed)
        attached(encoder.net.body)

    yield from _finetune.fine_tune(
        job,
        encoder,
        settings=settings,
        c=c,
        prepare=prepare,
        rate_of=rate_of,
        after_step=lambda step, total: after_step(encoder.net.body, step, total),
    )
    merge(encoder, adapter=job.folder / "adapter", probe=[example.inputs for example in job.train[:8]])
    scorer: Scorer = encoder
    return scorer


def attach(encoder: Any, config: PeftConfig, *, seed: int) -> None:
    """Put adapters into the body; their first weights depend on `seed` alone."""
    import torch
    from peft import get_peft_model

    with torch.random.fork_rng(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that GPT-2 keeps its weights transposed, PEFT finds and says for each layer
        torch.manual_seed(seed)
        encoder.replace_body(lambda body: get_peft_model(body, config))


def attach_or_refuse(encoder: Any, config: Callable[[], PeftConfig], *, name: str, seed: int) -> None:
    """`attach`; ConfigError of the method `name` where PEFT cannot put such adapters into this body."""
    try:
        attach(encoder, config(), seed=seed)
    except (ValueError, TypeError, NotImplementedError, RuntimeError, AttributeError, KeyError) as problem:
        kind, why = type(encoder.net.body).__name__, str(problem).split("\n")[0][:200]
        raise ConfigError(f"{name}: {kind} cannot take these adapters ({why}); use full or adapter") from None


def low_rank(encoder: Any, rank: int, **more: Any) -> PeftConfig:
    """LoRA in all linear layers, with the rank-stabilised scale unless told otherwise."""
    from peft import LoraConfig

    usual = {"use_rslora": True, "target_modules": "all-linear", "exclude_modules": encoder.unread}
    return LoraConfig(r=rank, lora_alpha=rank, **{**usual, "modules_to_save": encoder.fresh, **more})


def merge(encoder: Any, *, adapter: Path | None, probe: list[Any]) -> None:
    """Save the adapter (None: it is not kept), fold it into the weights, and check that the outputs stayed the same."""
    before = encoder.raw(probe)
    if adapter is not None:
        initial = adapter.with_name(INITIAL)
        changed = {"path_initial_model_for_weight_conversion": str(initial)} if initial.is_dir() else {}
        encoder.net.body.save_pretrained(adapter, **changed)
    encoder.replace_body(lambda body: body.merge_and_unload())
    after = encoder.raw(probe)
    difference = max(float(np.abs(a - b).max()) for a, b in zip(before, after, strict=True) if np.size(a))
    if difference > MERGE_TOLERANCE:
        raise ModelError(f"merging the adapter changed outputs by {difference:.2g}; the merged model was not kept")
