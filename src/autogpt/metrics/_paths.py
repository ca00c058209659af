"""What the metrics of paths share: the steps of gold and predicted labels, as `cells.ancestors` has them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from autogpt import cells
from autogpt.errors import ConfigError


def stepped(gold: Sequence[Any], predicted: Sequence[Any], metric: str) -> list[tuple[tuple[str, ...], ...]]:
    """Gold and predicted path of each row as their steps; ConfigError for what is no label."""
    odd = next((value for column in (gold, predicted) for value in column if not isinstance(value, str)), None)
    if odd is not None:
        raise ConfigError(f"metric {metric} judges one path of labels per row, and {odd!r} is none")
    return [(cells.ancestors(g), cells.ancestors(p)) for g, p in zip(gold, predicted, strict=True)]
