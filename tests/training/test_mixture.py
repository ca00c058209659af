"""The draw of a mixture against its formula."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from autogpt import registry
from autogpt.errors import ConfigError
from autogpt.runtime import Runtime
from autogpt.testing import tiny
from autogpt.training.mixture import Mixture, draw, proportions


def test_proportions_are_rows_to_the_power_of_one_over_the_temperature() -> None:
    assert proportions([100, 900], temperature=1) == pytest.approx([0.1, 0.9])
    assert proportions([100, 900], temperature=2) == pytest.approx([0.25, 0.75])
    with pytest.raises(ConfigError, match="1"):
        proportions([1, 2], temperature=0.5)


def test_a_draw_goes_through_whole_passes_and_bounds_repeats() -> None:
    drawn = draw([100, 900], passes=2, temperature=2, seed=0)
    assert Counter(task for task, _ in drawn) == {0: 500, 1: 1500}
    assert set(Counter(row for task, row in drawn if task == 0).values()) == {5}
    tiny = draw([1, 900], passes=2, temperature=9, seed=0)
    assert Counter(task for task, _ in tiny)[0] == 6


def test_the_gradient_of_a_mixed_batch_is_the_sum_of_the_tasks_own(tmp_path: Path) -> None:
    """Three rows of one task and two of another: shared parameters get both, scaled, and each head its own."""
    encoder, folder, parts = registry.get("backbones", "encoder"), tiny.bert_folder(tmp_path / "bert"), {}
    body: Any = None
    for name, output in (("a", "classes"), ("b", "value")):
        kind, rows = registry.get("outputs", output), tiny.examples(output, 8)
        space = kind.space([row.target for row in rows])
        one = encoder.open(
            str(folder), output=output, size=kind.size(space), like=rows[0].inputs, runtime=Runtime(), offline=True
        )
        one.set_head(np.random.default_rng(0).normal(size=(kind.size(space), 16)), np.zeros(kind.size(space)))
        body = one.net.body if body is None else body
        one.replace_body(lambda _, body=body: body)
        parts[name] = one.training(rows, output=kind, space=space, dropout=False)
    scales = {"a": 0.5, "b": 2.0}
    mixed = Mixture(parts, [(0, 1), (1, 4), (0, 2), (1, 0), (0, 7)], scales=scales)

    def gradients(losses: torch.Tensor) -> dict[str, torch.Tensor]:
        mixed.module.zero_grad()
        losses.sum().backward()
        return {n: p.grad.clone() for n, p in mixed.module.named_parameters() if p.grad is not None}

    batch = mixed.batch(range(5))
    together = gradients(mixed.loss(mixed.forward(batch), batch))
    own = []
    for name, rows in (("a", [1, 2, 7]), ("b", [4, 0])):
        part = parts[name].batch(rows)
        own.append(gradients(scales[name] * parts[name].loss(parts[name].forward(part), part)))
    for name, found in together.items():
        expected = sum(one[name] for one in own if name in one)
        torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-6)
