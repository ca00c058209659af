"""TRL's trainers as this house uses them: silent, offline, on token ids of ours, stopped from outside.

DPO ("Direct Preference Optimization", Rafailov et al. 2023) and its kin, KTO ("Kahneman-Tversky Optimization",
Ethayarajh et al. 2024) and GRPO ("DeepSeekMath", Shao et al. 2024) are TRL's own, with these departures: prompts and
answers come as the ids that the model is served with, not through a chat template; nothing is written, printed or sent
(TRL would send which trainer is used); the draws of the process are as they were afterwards; and the learning rate
falls with the clock or the steps, whichever is nearer to its end.

TRL is imported here and nowhere else: who imports this file has asked `autogpt.training.align.require` before.
"""

from __future__ import annotations

import copy
import logging
import random
import tempfile
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
import transformers
from datasets import Dataset
from transformers import TrainerCallback
from transformers.trainer_callback import PrinterCallback
from trl import DPOConfig, DPOTrainer, GRPOConfig, GRPOTrainer, KTOConfig, KTOTrainer

from autogpt.training.align import GROUP, Course, Pursued

_NOISY = ("trl", "transformers", "accelerate", "datasets")
_SMOOTHING = {"robust": 0.1, "exo_pair": 1e-3}
"""What these losses need beside the pairs, as their papers have it."""
_TOKENS = {"cpu": 16_384, "cuda": 65_536}
"""Tokens that are computed at once, at most."""
_WARMUP = 5  # steps


def prefer(model: Any, tokenizer: Any, rows: Sequence[Mapping[str, Any]], course: Course, *, loss: str) -> None:
    """Train `model` in place on preferences: rows of `prompt_ids`, `chosen_ids` and `rejected_ids`; of `kto`
    `prompt_ids`, `completion_ids`, `KL_completion_ids` (an answer of another row) and `label`."""
    longest = max(sum(len(ids) for name, ids in row.items() if name != "label") for row in rows)
    batch = min(course.batch_rows, len(rows))
    kinds: tuple[Any, Any] = (_Marked, KTOConfig) if loss == "kto" else (_Preferred, DPOConfig)
    own: dict[str, Any] = {} if loss == "kto" else {"loss_type": ["sigmoid" if loss == "dpo" else loss]}
    if loss in _SMOOTHING:
        own["label_smoothing"] = _SMOOTHING[loss]
    with _contained(course) as folder:
        trainer = kinds[0](
            model=model,
            ref_model=copy.deepcopy(model),
            args=kinds[1](**_settings(course, folder, batch, longest), beta=course.beta, max_length=None, **own),
            train_dataset=Dataset.from_list([dict(row) for row in rows]),
            processing_class=copy.deepcopy(tokenizer),
            optimizers=_optimizer(model, course),
        )
        _run(trainer, course)


def pursue(
    model: Any,
    tokenizer: Any,
    prompts: Sequence[str],
    course: Course,
    *,
    frame: Callable[[Sequence[str]], list[list[int]]],
    score: Callable[[int, Sequence[Any]], list[float]],
    tokens: int,
) -> None:
    """Train `model` in place by a reward. `frame` makes ids of prompts, `score(place, answers)` rewards the answers
    (token ids) to one prompt; an answer has at most so many `tokens`."""
    batch = GROUP * min(course.batch_rows, len(prompts))
    longest = tokens + max(map(len, frame(prompts)))

    def rewarded(*, place: Sequence[int], completion_ids: Sequence[Any], **_: Any) -> list[float]:
        found = [0.0] * len(place)
        for one in dict.fromkeys(place):
            own = [at for at, other in enumerate(place) if other == one]
            for at, value in zip(own, score(one, [completion_ids[at] for at in own]), strict=True):
                found[at] = value
        return found

    with _contained(course) as folder:
        if course.beta:  # TRL loads what it compares with
            model.save_pretrained(folder)
        named, model.config._name_or_path = model.config._name_or_path, folder
        trainer = _Pursuing(
            model=model,
            frame=frame,
            reward_funcs=[rewarded],
            args=GRPOConfig(
                **_settings(course, folder, batch, longest),
                beta=course.beta,
                num_generations=GROUP,
                max_completion_length=tokens,
                temperature=1.0,
            ),
            train_dataset=Dataset.from_dict({"prompt": list(prompts), "place": list(range(len(prompts)))}),
            processing_class=copy.deepcopy(tokenizer),
            optimizers=_optimizer(model, course),
        )
        model.config._name_or_path = named
        _run(trainer, course)


class _Own:
    """What our trainers have beside TRL's. `own` is set before the first step."""

    own: Course

    def training_step(self, *given: Any, **more: Any) -> Any:
        # a step at a time: within one autocast the weights that were cast once are taken for those of all later steps
        with self.own.runtime.autocast():
            return super().training_step(*given, **more)  # type: ignore[misc]

    def _send_telemetry(self) -> None:
        pass


class _Preferred(_Own, DPOTrainer):  # type: ignore[misc]
    def _prepare_dataset(self, dataset: Any, *_: Any, **__: Any) -> Any:
        return dataset


class _Marked(_Own, KTOTrainer):  # type: ignore[misc]
    def _prepare_dataset(self, dataset: Any, *_: Any, **__: Any) -> Any:
        return dataset


class _Pursuing(_Own, GRPOTrainer):  # type: ignore[misc]
    def __init__(self, *, frame: Callable[[Sequence[str]], list[list[int]]], **more: Any) -> None:
        self._frame = frame
        super().__init__(**more)

    def _tokenize_prompts(self, prompts: list[Any]) -> tuple[list[list[int]], None, dict[str, Any]]:
        return self._frame(prompts), None, {}


class _Watched(TrainerCallback):  # type: ignore[misc]
    """Tells of every step, and ends the training when it is told to."""

    def __init__(self, course: Course) -> None:
        self.course, self.loss = course, 0.0

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **_: Any) -> None:
        self.loss = float((logs or {}).get("loss", self.loss))

    def on_step_end(self, args: Any, state: Any, control: Any, model: Any = None, **_: Any) -> None:
        if not self.course.goes_on(Pursued(int(state.global_step), int(state.max_steps), self.loss)):
            control.should_training_stop = True
        model.train()  # whoever looked at it put it to reading


def _run(trainer: Any, course: Course) -> None:
    trainer.remove_callback(PrinterCallback)
    trainer.add_callback(_Watched(course))
    trainer.own = course
    trainer.train()
    trainer.model.eval()


def _settings(course: Course, folder: str, batch: int, longest: int) -> dict[str, Any]:
    """What all three trainers are told. Number formats are the runtime's affair (`Runtime.autocast`)."""
    most = max(1, _TOKENS.get(course.runtime.device, _TOKENS["cpu"]) // max(1, longest))
    at_once = next(rows for rows in range(min(batch, most), 0, -1) if batch % rows == 0)
    return {
        "output_dir": folder,
        "report_to": "none",
        "disable_tqdm": True,
        "save_strategy": "no",
        "logging_steps": 1,
        "use_cpu": course.runtime.device == "cpu",
        "bf16": False,
        "activation_checkpointing": False,
        "per_device_train_batch_size": at_once,
        "gradient_accumulation_steps": batch // at_once,
        "max_steps": course.steps,
        "seed": course.seed,
        "disable_dropout": True,
    }


def _optimizer(model: Any, course: Course) -> tuple[Any, Any]:
    """AdamW without decay: what holds the model where it began is the loss."""
    optimizer = torch.optim.AdamW(
        [p for p in model.parameters() if p.requires_grad], lr=course.learning_rate, weight_decay=0.0
    )

    def factor(step: int) -> float:
        spent = max(step / course.steps, course.spent())
        return float(min(1.0, (step + 1) / _WARMUP) * max(0.1, 1.0 - spent))

    return optimizer, torch.optim.lr_scheduler.LambdaLR(optimizer, factor)


@contextmanager
def _contained(course: Course) -> Iterator[str]:
    """A folder that is gone afterwards; inside, libraries say nothing, and afterwards all draws are as they were."""
    import datasets

    levels = {name: logging.getLogger(name).level for name in _NOISY}
    verbosity, bars = transformers.logging.get_verbosity(), datasets.are_progress_bars_disabled()
    state, numbers = random.getstate(), np.random.get_state()
    cards = [torch.cuda.current_device()] if course.runtime.device == "cuda" else []
    with (
        tempfile.TemporaryDirectory() as folder,
        warnings.catch_warnings(),
        torch.random.fork_rng(devices=cards),
    ):
        warnings.simplefilter("ignore")
        for name in _NOISY:
            logging.getLogger(name).setLevel(logging.ERROR)
        transformers.logging.set_verbosity_error()
        datasets.disable_progress_bars()
        try:
            yield folder
        finally:
            random.setstate(state)
            np.random.set_state(numbers)
            transformers.logging.set_verbosity(verbosity)
            if not bars:
                datasets.enable_progress_bars()
            for name, level in levels.items():
                logging.getLogger(name).setLevel(level)
