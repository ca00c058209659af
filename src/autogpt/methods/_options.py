"""What methods that train a network say of themselves: their option fields, and the outputs that they can learn."""

from __future__ import annotations

from dataclasses import field
from typing import Any

NEURAL = frozenset({"classes", "labels", "value", "tokens", "choices"})
"""Outputs with a per-example loss that gradients can follow."""


def option(default: Any, text: str, search: Any = None) -> Any:
    """A dataclass field: `text` becomes help and docs, `search` is (lowest, highest)."""
    return field(default=default, metadata={"help": text, "search": search})


def loop_settings(options: Any) -> dict[str, Any]:
    """What the training loop takes of a method's options."""
    return {name: getattr(options, name) for name in ("epochs", "learning_rate", "batch_rows", "prune")}
