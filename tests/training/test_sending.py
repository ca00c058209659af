"""What a method trains arrives in another process as it was, or says why it stays: same batches, same losses."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from autogpt import registry
from autogpt.autopilot.trial import Candidate, exhaust, make_job
from autogpt.core import Step, Trainable
from autogpt.errors import ConfigError
from autogpt.memory import Guard
from autogpt.testing import tiny
from autogpt.testing.contracts import bench, quick
from autogpt.testing.trainable import TinyTrainable
from autogpt.training.sending import NotSentError, packed, tensors, unpacked

ALONE = {"contrastive", "retriever"}
"""Their loops are told `whole`: they are never sent."""
METHODS = [
    name
    for name in registry.names("methods")
    if registry.get("methods", name).needs_backbone and "classes" in registry.get("methods", name).outputs
]


class _LaterError(Exception):
    """Enough was seen."""


def trained(method: str, output: str, backbone: Path, folder: Path, **options: Any) -> Trainable | None:
    """What a method gives to the training loop; None where it uses none, or refuses this body."""
    found: list[Trainable] = []

    def loop(trainable: Trainable, settings: Any, validate: Any) -> Iterator[Step]:
        found.append(trainable)
        trainable.module.train()
        raise _LaterError
        yield

    told = bench(output, backbone)
    candidate = Candidate(method, {**quick(method, output), **options})
    job = replace(make_job(told, candidate, folder=folder, remaining=lambda: 120.0), loop=loop)
    with suppress(_LaterError, ConfigError):
        exhaust(registry.get("methods", method).fit(job), method, told.listen)
    return found[0] if found else None


def arrived(model: Trainable) -> Trainable:
    """The model after the way, with the weights that a broadcast brings."""
    found = unpacked(packed(model))
    with torch.no_grad():
        for there, here in zip(tensors(found.module), tensors(model.module), strict=True):
            assert (there.dtype, there.requires_grad) == (here.dtype, here.requires_grad)
            there.copy_(here)
    return found


def losses(model: Trainable) -> torch.Tensor:
    rows = range(min(8, len(model.lengths())))
    with torch.random.fork_rng():
        torch.manual_seed(1)
        batch = model.batch(rows)
        found = model.loss(model.forward(batch), batch)
    (found * batch.weight).sum().backward()  # type: ignore[no-untyped-call]
    return found.detach()


@pytest.fixture(scope="module")
def backbone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.family_folder(tmp_path_factory.mktemp("bert"), "bert")


@pytest.mark.parametrize("method", sorted({*METHODS} - ALONE))
def test_what_a_method_trains_computes_the_same_elsewhere(method: str, backbone: Path, tmp_path: Path) -> None:
    model = trained(method, "classes", backbone, tmp_path)
    if model is None:
        pytest.skip(f"{method} trains nothing by batches here")
    there = arrived(model)
    assert torch.equal(losses(model), losses(there)), "dropout included"
    for mine, theirs in zip(model.module.parameters(), there.module.parameters(), strict=True):
        assert (mine.grad is None) == (theirs.grad is None)
        assert mine.grad is None or torch.equal(mine.grad, theirs.grad)


@pytest.mark.parametrize("family", ["t5", "llama"])
@pytest.mark.parametrize("method", ["full", "lora", "gradual"])
def test_a_model_that_writes_computes_the_same_elsewhere(method: str, family: str, tmp_path: Path) -> None:
    model = trained(method, "text", tiny.family_folder(tmp_path / "body", family), tmp_path)
    assert model is not None
    assert torch.equal(losses(model), losses(arrived(model)))


@pytest.mark.parametrize("output", ["tokens", "span", "choices"])
def test_other_readings_arrive_too(output: str, backbone: Path, tmp_path: Path) -> None:
    model = trained("full", output, backbone, tmp_path)
    assert model is not None
    assert torch.equal(losses(model), losses(arrived(model)))


def test_weights_do_not_travel_with_the_structure(backbone: Path, tmp_path: Path) -> None:
    model = trained("full", "classes", backbone, tmp_path)
    assert model is not None
    sent = packed(model)
    largest = max(tensors(model.module), key=lambda tensor: tensor.nbytes)
    assert largest.detach().numpy().tobytes()[:64] not in sent
    assert not any(bool(tensor.any()) for tensor in tensors(unpacked(sent).module)), "blank on arrival"


def test_what_is_kept_of_frozen_layers_keeps_a_training_in_its_process(backbone: Path, tmp_path: Path) -> None:
    model = trained("full", "classes", backbone, tmp_path, layers=1)
    assert model is not None
    with pytest.raises(NotSentError, match="frozen layers"):
        packed(model)


def test_a_closure_is_named(tmp_path: Path) -> None:
    model = TinyTrainable()
    model.fault = lambda batch, losses: losses
    with pytest.raises(NotSentError, match="lambda"):
        packed(model)


def test_tensors_of_other_kinds_are_told_and_others_travel_by_value() -> None:
    class Odd(torch.Tensor):
        pass

    model = TinyTrainable()
    model.seen = [torch.arange(3, dtype=torch.bfloat16), torch.tensor(2.5), torch.zeros(0, 4)]  # type: ignore[list-item]
    found: Any = unpacked(packed(model))
    for mine, theirs in zip(model.seen, found.seen, strict=True):
        assert torch.equal(mine, theirs)  # type: ignore[arg-type]
        assert mine.shape == theirs.shape  # type: ignore[attr-defined]
    model.seen = [torch.zeros(2).as_subclass(Odd)]  # type: ignore[list-item]
    with pytest.raises(NotSentError, match="Odd"):
        packed(model)


def test_a_guard_keeps_its_limit_and_leaves_its_listener() -> None:
    model = TinyTrainable()
    model.matrices = Guard(12_000, say=lambda message: None)  # type: ignore[assignment]
    found: Any = unpacked(packed(model))
    assert found.matrices.limit == 12_000
