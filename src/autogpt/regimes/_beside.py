"""Learning the run's texts beside their labels: an objective's loss is added while a method trains the encoder's body.

It is put around what a method gives the training loop, so that no method knows of it: `full`, `lora` and every other
that trains a body through the loop learn both. What the objective needs beside the body and does not have (a head over
the vocabulary, a decoder) is trained alone first, in a part of the trial's time.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from autogpt import registry
from autogpt.errors import ConfigError
from autogpt.regimes._reading import texts_of

if TYPE_CHECKING:
    from autogpt.blocks import Objective
    from autogpt.config import RunConfig
    from autogpt.core import Inputs, Trainable
    from autogpt.runtime import Runtime

BLOCK, BATCH_ROWS, NEW_SHARE = 128, 16, 0.4
"""What is new may take half of this share of a trial's time."""


@dataclass(frozen=True, slots=True)
class Beside:
    """What a run learns beside labels; `name` is the folder of the encoder that trials begin from (None: the run's).

    `rows` are inputs with or without labels, none of validation or test.
    """

    config: RunConfig
    rows: Callable[[], Sequence[Inputs]]
    runtime: Callable[[], Runtime]
    stop: Callable[[], bool]
    seed: int
    name: str | None = None

    def __call__(self, trained: Trainable, folder: Path, remaining: Callable[[], float]) -> Trainable:
        """What the loop is to train instead; the same where it is given no encoder's own training (pairs of rows).

        ConfigError: the objective is not for a body of this family.
        """
        net = getattr(trained, "net", None)
        if net is None:
            return trained
        from autogpt.backbones._language import LanguageModel
        from autogpt.backbones._pretrained import EMBEDDED
        from autogpt.regimes._anchored import kind_of, train
        from autogpt.training.auxiliary import Auxiliary
        from autogpt.training.options import LoopOptions

        search = self.config.search
        objective: Objective = registry.get("objectives", self.config.adaptive.adapt_objective)
        if objective.family != net.kind:
            raise ConfigError(
                f"objective {objective.name!r} is for {objective.family} models, and this is of {net.kind}; name "
                "another (--adapt-objective), or leave --adapt-joint out"
            )
        name, revision = (search.backbone or EMBEDDED, search.revision) if self.name is None else (self.name, None)
        language = LanguageModel.loaded(name, revision=revision, offline=self.config.source.offline)
        language.adopt(net.body)
        language.model.to(self.runtime().device)
        blocks = language.blocks(texts_of(self.rows(), objective), BLOCK)
        free = [(parameter, parameter.requires_grad) for parameter in net.body.parameters()]
        left = remaining()
        train(
            language,
            objective,
            blocks,
            options=LoopOptions(batch_rows=BATCH_ROWS),
            anchor=0.0,
            folder=folder / "beside",
            seed=self.seed,
            remaining=lambda: remaining() - (1 - NEW_SHARE) * left,
            validate=None,
            runtime=self.runtime(),
            stop=self.stop,
            tell=lambda step: None,
            only_new=True,
        )
        second = kind_of(objective)(language, objective, blocks, seed=self.seed, anchor=0.0)
        for parameter, trains in free:  # which part of the body trains is the method's affair
            parameter.requires_grad_(trains)
        return Auxiliary(trained, second, weight=self.config.adaptive.adapt_joint, seed=self.seed)
