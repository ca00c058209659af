"""Encoders on one body: parts of one task do not touch another, saved scores are the same, switching is quick."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from autogpt import registry
from autogpt.backbones import _network
from autogpt.runtime import detect
from autogpt.testing import tiny

INPUTS = [{"text": "the card is red"}, {"text": "a dog runs"}]


@pytest.fixture
def trunk(tmp_path: Path) -> Any:
    """Three tasks; the first two have parts that change what they say."""
    import torch

    encoder, folder, encoders = registry.get("backbones", "encoder"), tiny.bert_folder(tmp_path / "bert"), {}
    for place, name in enumerate("abc"):
        size = place + 2
        one = encoder.open(str(folder), output="classes", size=size, like=INPUTS[0], runtime=detect())
        one.set_head(np.random.default_rng(place).normal(size=(size, 16)), np.zeros(size))
        encoders[name] = one
    found = encoder.trunk(encoders)
    for name in "ab":
        found.give(name, rank=4, seed=1)
    torch.manual_seed(0)
    for name, parameter in found.body.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(parameter, std=0.5)
    return found


def test_each_task_scores_the_same_after_a_switch_saved_and_by_itself(trunk: Any, tmp_path: Path) -> None:
    scores = {name: trunk.score(name, INPUTS) for name in "abc"}
    trunk.save(tmp_path / "model")
    again = registry.get("backbones", "encoder").load_trunk(tmp_path / "model", ["a", "b", "c"])
    for name in "bcaba":
        np.testing.assert_allclose(again.score(name, INPUTS), scores[name], atol=1e-5)
    for name in "abc":
        np.testing.assert_allclose(trunk.alone(name).score(INPUTS), scores[name], atol=1e-5)


def test_a_task_without_parts_is_not_touched_by_those_of_others(trunk: Any) -> None:
    before, with_parts = trunk.score("c", INPUTS), trunk.score("a", INPUTS)
    for name in "ab":
        trunk.take(name)
    np.testing.assert_allclose(trunk.score("c", INPUTS), before, atol=1e-5)
    assert np.abs(trunk.score("a", INPUTS) - with_parts).max() > 1e-3


def test_switching_takes_less_than_two_milliseconds(trunk: Any) -> None:
    began = time.perf_counter()
    for place in range(300):
        trunk.mount("abc"[place % 3])
    assert (time.perf_counter() - began) / 300 < 0.002


@pytest.mark.parametrize("family", ["bert", "gpt2"])
def test_parts_begin_as_what_a_model_of_its_own_has_and_the_body_lacks(family: str, tmp_path: Path) -> None:
    """Layers that moved by a matrix of rank 4 are met by parts of rank 4, and only approached by parts of rank 2."""
    import torch

    encoder, folder = registry.get("backbones", "encoder"), tiny.family_folder(tmp_path / family, family)
    own, *others = (
        encoder.open(str(folder), output="classes", size=3, like=INPUTS[0], runtime=detect()) for _ in range(3)
    )
    own.set_head(np.random.default_rng(0).normal(size=(3, own.width)), np.ones(3))
    rng = torch.Generator().manual_seed(0)
    for name, size in _network.linear_layers(own.net.body).items():
        layer = own.net.body.get_submodule(name)
        moved = torch.randn(size[1], 4, generator=rng) @ torch.randn(4, size[0], generator=rng) / size[0] ** 0.5
        layer.weight.data += moved if isinstance(layer, torch.nn.Linear) else moved.T
    wanted, trunk, far = own.score(INPUTS), encoder.trunk({"a": others[0], "b": others[1]}), {}
    for rank in (2, 4):
        trunk.give("a", rank=rank, seed=0, like=own)
        far[rank] = np.abs(trunk.score("a", INPUTS) - wanted).max()
        kept = trunk.parts("a")
        trunk.take("a")
    assert far[4] < 1e-3 < far[2]
    trunk.give("a", rank=4, seed=0)
    trunk.put("a", kept)
    np.testing.assert_allclose(trunk.score("a", INPUTS), wanted, atol=1e-3)
