"""Share of answers that are well-formed in the format of the targets (answers are given after their repair)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from autogpt import registry
from autogpt.core import LabelSpace
from autogpt.errors import ConfigError
from autogpt.metrics._means import MeanOfRows
from autogpt.metrics._written import texts

if TYPE_CHECKING:
    from autogpt.core import Array, Scores


class ParseRate(MeanOfRows):
    """See `core.Metric`. What the format is stands in the space of the answers."""

    name = "parse-rate"

    def rows(
        self, gold: Sequence[Any], predicted: Sequence[Any], probabilities: Scores | None, space: LabelSpace
    ) -> Array:
        _, answers = texts(self.name, gold, predicted)
        if space.format is None:
            raise ConfigError("metric parse-rate judges texts of a format, and these targets have none; see --format")
        fault = registry.get("formats", space.format).fault
        return np.array([fault(answer) is None for answer in answers], dtype=float)


plugin = ParseRate()
