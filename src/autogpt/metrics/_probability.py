"""Gold labels beside probabilities, for the metrics that judge how sure an answer is. Not a metric itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from autogpt.core import LabelSpace
from autogpt.errors import ConfigError
from autogpt.metrics._labels import indicator, is_multilabel

if TYPE_CHECKING:
    from autogpt.core import Array, Scores


def table(name: str, probabilities: Scores | None, space: LabelSpace) -> Array:
    """The probabilities as one float array [N, C]; a clear error when there are none."""
    if probabilities is None or isinstance(probabilities, list):
        raise ConfigError(f"metric {name} needs one probability per row and label; choose another metric for this task")
    values = np.asarray(probabilities, dtype=float)
    if values.ndim != 2 or values.shape[1] != len(space.labels):
        raise ConfigError(f"metric {name} got probabilities of shape {values.shape} for {len(space.labels)} labels")
    return values


def truth(gold: Sequence[Any], space: LabelSpace) -> Array:
    """[N, C], 1 where the label is gold. A gold label outside the space leaves its row empty."""
    return np.asarray(indicator(gold, space.labels).todense())


def confidence_pairs(gold: Sequence[Any], probabilities: Array, space: LabelSpace) -> tuple[Array, Array]:
    """(confidence, was it right), both [N, K]: the top answer of each row, or every label of a multi-label row."""
    right = truth(gold, space)
    if is_multilabel(gold):
        return probabilities, right
    top = probabilities.argmax(axis=1)
    rows = np.arange(len(top))
    return probabilities[rows, top][:, None], right[rows, top][:, None]
