"""A second loss beside the first: its gradient and not its number, its rows, its weight, and a stop in between."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from autogpt.core import Batch
from autogpt.errors import Interrupted
from autogpt.regimes._anchored import Bits
from autogpt.runtime import Runtime
from autogpt.training.auxiliary import Auxiliary
from autogpt.training.loop import train
from autogpt.training.options import LoopOptions


class Line:
    """Rows of numbers by a linear map that may be shared, under an output of its own."""

    def __init__(self, shared: torch.nn.Linear, *, rows: int, seed: int) -> None:
        torch.manual_seed(seed)
        self.module: Any = torch.nn.ModuleDict({"shared": shared, "own": torch.nn.Linear(3, 1)})
        self.x, self.y, self.drawn = torch.randn(rows, 4), torch.randn(rows), list[list[int]]()

    def lengths(self) -> list[int]:
        return [1] * len(self.x)

    def batch(self, rows: Any) -> Batch:
        self.drawn.append(list(rows))
        places = torch.tensor(list(rows))
        return Batch({"x": self.x[places]}, self.y[places], torch.ones(len(places)), places, len(places))

    def forward(self, batch: Batch) -> torch.Tensor:
        return self.module["own"](self.module["shared"](batch.inputs["x"]))[:, 0]

    def loss(self, logits: torch.Tensor, batch: Batch) -> torch.Tensor:
        return (logits - batch.target).square()

    def groups(self) -> list[dict[str, Any]]:
        named = [(name, p) for name, p in self.module.named_parameters() if p.requires_grad]
        return [{"params": [p for _, p in named], "names": [name for name, _ in named]}]

    def after_step(self, step: int, total: int) -> None:
        self.steps = (step, total)


def both(weight: float = 0.5, seed: int = 0) -> tuple[Line, Line, Auxiliary]:
    torch.manual_seed(seed)
    shared = torch.nn.Linear(4, 3)
    first, second = Line(shared, rows=12, seed=1), Line(shared, rows=40, seed=2)
    return first, second, Auxiliary(first, second, weight=weight, seed=0)


def gradients(model: Any, loss: torch.Tensor) -> dict[str, torch.Tensor]:
    model.module.zero_grad()
    loss.backward()
    return {name: p.grad.clone() for name, p in model.module.named_parameters() if p.grad is not None}


def test_the_number_is_the_first_loss_and_the_gradient_is_that_of_both() -> None:
    first, second, model = both(weight=0.5)
    batch = model.batch([0, 3, 5])
    found = model.loss(model.forward(batch), batch)
    own = first.batch([0, 3, 5])
    torch.testing.assert_close(found, first.loss(first.forward(own), own))
    told = gradients(model, found.mean())
    beside = batch.beside
    expected = gradients(
        model,
        first.loss(first.forward(own), own).mean() + 0.5 * second.loss(second.forward(beside), beside).mean(),
    )
    assert told.keys() == expected.keys()
    for name, value in told.items():
        torch.testing.assert_close(value, expected[name])
    alone = gradients(model, first.loss(first.forward(own), own).mean())
    assert not torch.allclose(alone["0.shared.weight"], told["0.shared.weight"])


def test_the_weight_falls_to_nothing() -> None:
    first, second, model = both(weight=2.0)
    sizes = []
    for step in (0, 5, 10):
        model.after_step(step, 10)
        batch = model.batch([1])
        batch = replace(batch, beside=second.batch([4]))
        found = gradients(model, model.loss(model.forward(batch), batch).mean())
        sizes.append(float(found["0.own.weight"].abs().sum()))
    assert sizes[1] == pytest.approx(sizes[0] / 2, rel=1e-4)
    assert sizes[2] == 0
    assert first.steps == second.steps == (10, 10)


def test_a_shared_parameter_trains_once_and_other_rows_stand_beside_every_time() -> None:
    _, second, model = both()
    params = [parameter for group in model.groups() for parameter in group["params"]]
    assert len(params) == len(set(map(id, params))) == 6
    second.drawn.clear()
    for step in range(4):
        model.after_step(step, 4)
        model.batch([0, 1])
    assert len({tuple(rows) for rows in second.drawn}) == 4
    assert all(len(set(rows)) == 2 for rows in second.drawn)


def test_a_training_that_was_stopped_draws_the_same_rows_beside(tmp_path: Path) -> None:
    def go(folder: Path, stop_at: int | None) -> list[np.ndarray]:
        _, _, model = both()
        asked = iter(range(10_000))
        told: dict[str, Any] = {"options": LoopOptions(epochs=3.0, batch_rows=4, learning_rate=1e-2), "seed": 0}
        told |= {"remaining": lambda: 600.0, "validate": None, "metric": Bits(), "runtime": Runtime()}
        steps = train(model, folder=folder, stop=lambda: stop_at is not None and next(asked) >= stop_at, **told)
        for _ in steps:
            pass
        return [parameter.detach().numpy() for parameter in model.module.parameters()]

    straight = go(tmp_path / "one", None)
    with pytest.raises(Interrupted):
        go(tmp_path / "two", 5)
    for one, other in zip(straight, go(tmp_path / "two", None), strict=True):
        np.testing.assert_array_equal(one, other)
