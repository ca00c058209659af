"""One label per row out of a hierarchy: a softmax over the paths, and the probability of every step of the answer.

A step is as likely as all paths at or below it together, so that a user can act on "billing, 98 %" where what lies
below is unsure. Scores, loss and temperature are those of `classes`: the hierarchy is in the answer, not in the loss.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from autogpt import cells
from autogpt.core import Decision, Inputs, LabelSpace, Prediction
from autogpt.outputs.classes import Classes

if TYPE_CHECKING:
    from autogpt.core import Scores


class Path(Classes):
    """See `core.Output`. Scores and probabilities are [N, C]; a label is a path as `cells.path` writes it."""

    name = "path"

    def decode(
        self, scores: Scores, space: LabelSpace, decision: Decision, inputs: Sequence[Inputs]
    ) -> list[Prediction]:
        """The likeliest path; `best` are its steps from the top with their probabilities, the path itself last."""
        steps = [cells.ancestors(label) for label in space.labels]
        names = {name: place for place, name in enumerate(dict.fromkeys(name for found in steps for name in found))}
        below = np.zeros((len(space.labels), len(names)))  # [C, S]: path c is at or below step s
        for row, found in enumerate(steps):
            below[row, [names[name] for name in found]] = 1.0
        likely = np.minimum(self.probabilities(scores, space, decision) @ below, 1.0)
        answers = super().decode(scores, space, decision, inputs)
        return [
            replace(answer, best=tuple((name, float(row[names[name]])) for name in cells.ancestors(answer.value)))
            for answer, row in zip(answers, likely, strict=True)
        ]


plugin = Path()
