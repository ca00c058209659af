"""What methods that train a network say of themselves: their option fields, and the outputs that they can learn."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

NEURAL = frozenset({"classes", "path", "labels", "value", "tokens", "choices", "span"})
"""Outputs with a per-example loss that gradients can follow, and a head of our own."""
WRITTEN = frozenset({"text"})
"""Outputs that a language model writes by its own head."""
DROPOUT = "dropout while training (slower; helps when many passes are made over few rows)"


def option(default: Any, text: str, search: Any = None, *, longer: bool = False) -> Any:
    """A dataclass field: `text` becomes help and docs, `search` is (lowest, highest) or a list of values to try.

    `longer`: a trial takes as many times longer as the value is larger.
    """
    return field(default=default, metadata={"help": text, "search": search, "longer": longer})


def passes(default: float, search: tuple[float, float]) -> Any:
    """The field `epochs`."""
    return option(default, "passes over the training rows (fewer when time is short)", search, longer=True)


def peak_rate(default: float, search: tuple[float, float]) -> Any:
    """The field `learning_rate`."""
    return option(default, "peak learning rate", search)


def step_rows(default: int, search: tuple[int, int]) -> Any:
    """The field `batch_rows`."""
    return option(default, "rows per optimizer step", search)


@dataclass(frozen=True, slots=True)
class FineTuning:
    """Options of every method that starts from the linear head and trains with the loop."""

    epochs: float = passes(3.0, (1.0, 10.0))
    learning_rate: float = peak_rate(1e-3, (1e-4, 5e-3))
    batch_rows: int = step_rows(32, (8, 64))
    prune: float = option(0.5, "most of the rows learned already that a step leaves out, without bias (0: none)")
    c: float | None = option(None, "regularisation of the linear head that training starts from (default: chosen)")


def loop_settings(options: FineTuning) -> dict[str, Any]:
    """What the training loop takes of a method's options."""
    return {
        "epochs": options.epochs,
        "learning_rate": options.learning_rate,
        "batch_rows": options.batch_rows,
        "prune": options.prune,
    }
