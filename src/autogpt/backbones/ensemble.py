"""Several fitted models that answer together: the weighted mean of what each of them says."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from autogpt import registry
from autogpt.core import Inputs, Scorer
from autogpt.errors import ConfigError
from autogpt.experts import Averaging
from autogpt.runtime import Runtime

if TYPE_CHECKING:
    from autogpt.core import Scores

DESCRIPTION = "ensemble.json"


@dataclass(frozen=True, slots=True)
class Member:
    """A model of an ensemble: its share in the mean, and the temperature that divides its scores before it."""

    scorer: Scorer
    weight: float = 1.0
    temperature: float = 1.0


class Ensemble:
    """See `core.Scorer`. Its scores are those of the mean of its members' probabilities (of a value: the mean).

    On disk: a folder `member-<number>` for each, exactly as its own family saves it (an encoder's is one for other
    libraries too), and `ensemble.json`. ConfigError: answers of this output kind have no mean.
    """

    family = "ensemble"

    def __init__(self, members: Sequence[Member], *, output: str) -> None:
        self.members, self.output = tuple(members), output
        self._averaging = averaging(output)

    @classmethod
    def of(cls, scorers: Sequence[Scorer], *, output: str) -> Self:
        """Models that count the same."""
        return cls([Member(one, 1.0 / len(scorers)) for one in scorers], output=output)

    @property
    def source(self) -> Any:
        """Where the weights of the first encoder among the members came from."""
        return next((found for one in self.members if (found := getattr(one.scorer, "source", None))), None)

    @property
    def cut(self) -> int:
        """Texts that were too long for a member."""
        return max(int(getattr(one.scorer, "cut", 0)) for one in self.members)

    @property
    def max_length(self) -> int:
        """Tokens that every encoder among the members reads."""
        return min(int(getattr(one.scorer, "max_length", 1 << 30)) for one in self.members)

    def score(self, inputs: Sequence[Inputs], *, batch_rows: int = 64) -> Scores:
        tables = [_divided(one.scorer.score(inputs, batch_rows=batch_rows), one.temperature) for one in self.members]
        return self._averaging.average(tables, [one.weight for one in self.members])

    def save(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        described = []
        for number, one in enumerate(self.members):
            one.scorer.save(folder / f"member-{number}")
            described.append({"family": one.scorer.family, "weight": one.weight, "temperature": one.temperature})
        document = {"output": self.output, "members": described}
        (folder / DESCRIPTION).write_text(json.dumps(document, indent=2) + "\n", "utf-8")

    @classmethod
    def load(cls, folder: Path, *, runtime: Runtime | None = None) -> Self:
        document = json.loads((folder / DESCRIPTION).read_text("utf-8"))
        members = [
            Member(
                registry.get("backbones", one["family"]).load(folder / f"member-{number}", runtime=runtime),
                weight=float(one["weight"]),
                temperature=float(one["temperature"]),
            )
            for number, one in enumerate(document["members"])
        ]
        return cls(members, output=document["output"])


def averaging(output: str) -> Averaging:
    """The output kind, able to average. ConfigError: it is not."""
    kind = registry.get("outputs", output)
    if not isinstance(kind, Averaging):
        raise ConfigError(f"several models' answers of kind {output!r} have no mean; use one model")
    return kind


def _divided(scores: Scores, temperature: float) -> Scores:
    if isinstance(scores, list):
        return [np.asarray(rows) / temperature for rows in scores]
    return np.asarray(scores) / temperature


plugin = Ensemble
