"""The loop with everything defaulted, on a tiny model."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from autogpt.core import Step
from autogpt.runtime import Runtime
from autogpt.testing.trainable import Accuracy, TinyTrainable
from autogpt.training.loop import LoopOptions, train


@pytest.fixture
def start(tmp_path: Path) -> Callable[..., Iterator[Step]]:
    """Begin (or resume) a training of a TinyTrainable with everything defaulted; the loop's own arguments override."""

    def begin(tiny: TinyTrainable, **changed: Any) -> Iterator[Step]:
        given: dict[str, Any] = {
            "options": LoopOptions(epochs=3, batch_rows=16, learning_rate=0.01, checkpoint_seconds=1000),
            "folder": tmp_path / "trial",
            "seed": 3,
            "remaining": lambda: math.inf,
            "validate": tiny.validate,
            "metric": Accuracy(),
            "runtime": Runtime(),
        }
        return train(tiny, **{**given, **changed})

    return begin
