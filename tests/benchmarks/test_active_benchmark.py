"""The labelling benchmark counts what it asks, and its tables are paired."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture
def active(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import active

    yield active
    for name in ("active", "embedded", "sets"):
        sys.modules.pop(name, None)


def tiny(active: Any) -> Any:
    """A set of three heaps."""
    rng = np.random.default_rng(0)
    label = np.arange(150) % 3
    vectors = np.eye(6)[label] + 0.2 * rng.normal(size=(150, 6))
    vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    return active.embedded.Embedded(
        "tiny", ("a", "b", "c"), vectors[:100], label[:100], vectors[100:], label[100:], ("",) * 100, ("",) * 50
    )


@pytest.mark.parametrize("strategy", ["random", "coverage", "margin"])
def test_a_curve_asks_for_as_many_labels_as_it_says(active: Any, strategy: str) -> None:
    found = active.curve(tiny(active), strategy, 0, (4, 8, 16))
    assert found["requests"] == 16
    assert len(found["accuracy"]) == 3
    assert found["accuracy"][-1] > 80


def test_the_oracle_refuses_to_tell_twice(active: Any) -> None:
    oracle = active.Oracle(np.array([4, 5]))
    assert oracle.reveal(1) == 5
    with pytest.raises(AssertionError, match="twice"):
        oracle.reveal(1)


def test_gains_are_paired_by_set_and_seed(active: Any) -> None:
    def run(name: str, strategy: str, seed: int, level: float) -> dict[str, Any]:
        return {"set": name, "strategy": strategy, "seed": seed, "budgets": [8, 16], "accuracy": [level, level]}

    found = [
        run(name, strategy, seed, 10.0 * place + seed + more)
        for place, name in enumerate(("x", "y"))
        for strategy, more in (("random", 0.0), ("better", 3.0 + place))
        for seed in range(4)
    ]
    rows = {(row["set"], row["strategy"]): row for row in active.table(found, "random")}
    assert [rows["x", "better"][key] for key in ("gain", "low", "high")] == [3.0, 3.0, 3.0]
    assert [rows["all, these sets", "better"][key] for key in ("gain", "low", "high")] == [3.5, 3.5, 3.5]
    assert [rows["all, sets drawn", "better"][key] for key in ("low", "high")] == [3.0, 4.0]
    assert rows["x", "random"]["gain"] == 0.0
