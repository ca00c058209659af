"""The loop's mathematics against independent formulas, best weights, early stop, reproducibility."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from autogpt.errors import InputError
from autogpt.runtime import Runtime
from autogpt.testing.trainable import Accuracy, TinyTrainable, same
from autogpt.training.gradients import PROBES
from autogpt.training.loop import LoopOptions


def test_a_step_equals_adamw_on_the_weighted_mean_loss_written_by_hand(start: Callable[..., Any]) -> None:
    ours, theirs = TinyTrainable(rows=12, dropout=0.0), TinyTrainable(rows=12, dropout=0.0)
    options = LoopOptions(epochs=3, batch_rows=12, learning_rate=0.02, schedule="linear:0.1", weight_decay=0.1)
    steps = list(start(ours, options=options, validate=None))
    assert [step.step for step in steps] == [1, 2, 3]

    net = theirs.module
    optimizer = torch.optim.AdamW(
        [
            {"params": [net.embedding.weight], "weight_decay": 0.1, "scale": 1.0},
            {"params": [net.norm.weight, net.norm.bias], "weight_decay": 0.0, "scale": 1.0},
            {"params": [net.head.weight], "weight_decay": 0.1, "scale": 5.0},
            {"params": [net.head.bias], "weight_decay": 0.0, "scale": 5.0},
        ]
    )
    for factor, step in zip([1 / 2, 2 / 2, 1 / 2], steps, strict=True):  # one warm-up step of three, then linear to 0
        batch = theirs.batch(range(12))
        losses = torch.nn.functional.cross_entropy(theirs.forward(batch), batch.target, reduction="none")
        loss = (losses * batch.weight).sum() / batch.weight.sum()
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        for group in optimizer.param_groups:
            group["lr"] = 0.02 * factor * group["scale"]
        optimizer.step()
        assert step.loss == pytest.approx(loss.item(), rel=1e-5)
    for (name, a), b in zip(ours.module.named_parameters(), net.parameters(), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-6, msg=name)


@pytest.mark.parametrize("micro_tokens", [1, 40, 100])
def test_micro_batches_do_not_change_the_mathematics(
    start: Callable[..., Any], tmp_path: Path, micro_tokens: int
) -> None:
    whole, parts = TinyTrainable(dropout=0.0), TinyTrainable(dropout=0.0)
    list(start(whole, folder=tmp_path / "whole", validate=None))
    list(start(parts, folder=tmp_path / "parts", validate=None, micro_tokens=micro_tokens))
    assert len(parts.seen) > len(whole.seen)
    assert [r for rows in parts.seen for r in rows] == [r for rows in whole.seen for r in rows]
    for a, b in zip(whole.module.parameters(), parts.module.parameters(), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-3, atol=1e-5)


def test_the_same_seed_gives_the_same_weights_and_another_seed_others(
    start: Callable[..., Any], tmp_path: Path
) -> None:
    runs = []
    for name, seed in (("a", 3), ("b", 3), ("c", 4)):
        tiny = TinyTrainable()
        for _ in start(tiny, folder=tmp_path / name, seed=seed):
            torch.rand(1)  # a consumer that draws random numbers changes nothing
        runs.append(tiny.state())
    assert same(runs[0], runs[1])
    assert not same(runs[0], runs[2])


def test_the_callers_random_state_is_left_alone(start: Callable[..., Any]) -> None:
    torch.manual_seed(11)
    expected = torch.rand(3)
    torch.manual_seed(11)
    list(start(TinyTrainable(), validate=None))
    assert torch.equal(torch.rand(3), expected)


def test_it_learns_and_every_row_is_seen_once_an_epoch(start: Callable[..., Any]) -> None:
    tiny = TinyTrainable(rows=70)
    options = LoopOptions(epochs=30, batch_rows=16, learning_rate=0.02)
    steps = list(start(tiny, options=options))
    assert sum(step.rows for step in steps) == 30 * 70
    assert sorted(row for rows in tiny.seen[PROBES : PROBES + 5] for row in rows) == list(range(70))
    assert tiny.validate()["accuracy"] > 0.8


def test_the_module_ends_with_the_best_weights_not_the_last(start: Callable[..., Any]) -> None:
    tiny = TinyTrainable()
    kept: dict[int, dict[str, torch.Tensor]] = {}
    scores = iter([0.2, 0.9, 0.5])

    def validate() -> dict[str, float]:
        kept[len(kept)] = tiny.state()
        return {"accuracy": next(scores)}

    steps = list(start(tiny, validate=validate))
    validated = [step for step in steps if step.scores is not None]
    assert [step.is_best for step in validated] == [True, True, False]
    assert same(tiny.state(), kept[1])


def test_a_score_that_is_not_a_number_is_never_best(start: Callable[..., Any]) -> None:
    tiny = TinyTrainable()
    scores = iter([0.2, math.nan, 0.1])
    steps = list(start(tiny, validate=lambda: {"accuracy": next(scores)}))
    assert [step.step for step in steps if step.is_best] == [5]


def test_early_stop_counts_validations_without_improvement(start: Callable[..., Any]) -> None:
    options = LoopOptions(epochs=20, batch_rows=16, learning_rate=0.01, patience=2)
    scores = iter([0.5, 0.4, 0.6, 0.5, 0.5])
    steps = list(start(TinyTrainable(), options=options, validate=lambda: {"accuracy": next(scores)}))
    assert len([step for step in steps if step.scores]) == 5
    assert steps[-1].step == 25


def test_a_metric_where_lower_is_better(start: Callable[..., Any]) -> None:
    scores = iter([0.5, 0.6, 0.4])
    metric = Accuracy(name="accuracy", higher_is_better=False)
    steps = list(start(TinyTrainable(), metric=metric, validate=lambda: {"accuracy": next(scores)}))
    assert [step.step for step in steps if step.is_best] == [5, 15]


def test_half_precision_is_autocast_and_keeps_float32_weights(start: Callable[..., Any]) -> None:
    tiny = TinyTrainable(dropout=0.0)
    kinds = set()
    forward = tiny.forward
    tiny.forward = lambda batch: (kinds.add((out := forward(batch)).dtype), out)[1]  # type: ignore[method-assign]
    list(start(tiny, runtime=Runtime(dtype="bfloat16"), validate=None))
    assert kinds == {torch.bfloat16}
    assert {p.dtype for p in tiny.module.parameters()} == {torch.float32}


def test_a_model_with_nothing_to_train_and_a_table_with_no_rows_are_refused(start: Callable[..., Any]) -> None:
    frozen = TinyTrainable()
    frozen.module.requires_grad_(False)
    with pytest.raises(InputError, match="nothing to train"):
        list(start(frozen))
    with pytest.raises(InputError, match="no training rows"):
        list(start(TinyTrainable(rows=0)))


def test_one_validation_at_the_end_is_the_only_one_that_is_asked_for(start: Callable[..., Any]) -> None:
    steps = list(start(TinyTrainable(), options=LoopOptions(epochs=3, batch_rows=16, validations=0)))
    assert [step.scores is not None for step in steps] == [False] * (len(steps) - 1) + [True]
