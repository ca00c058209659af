"""What fitting a method would take of memory, before anything is loaded: the method itself is rehearsed.

Formulas of how many bytes a layer keeps hold for one family, one attention and one method. Ours runs the method's own
`fit` over an encoder without weights (`backbones/_sketch.py`) up to its first training step, and counts that step
(`footprint`): which parameters train, how far gradients pass down, and how attention is computed show by themselves.
What the loop keeps beside comes on top (see `training.loop`).
"""

from __future__ import annotations

import copy
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from autogpt import registry
from autogpt.core import Example, Inputs, Job, LabelSpace, Output, Step, Trainable
from autogpt.errors import AutoGPTError
from autogpt.memory import SHARE, Guard, size

if TYPE_CHECKING:
    from autogpt.config import Search
    from autogpt.core import Array, Scores
    from autogpt.memory import Room

ROWS = 6
"""Rows that a rehearsal trains on; those it counts are the longest twice."""
LIBRARIES = 400_000_000
"""Bytes of a process that has loaded torch, transformers and PEFT, more than of one that has not (measured)."""
AMPLE, AMPLE_WEIGHTS = 6 << 30, 32
"""So many bytes, and so many times the weights, suffice for every method with batches as they are."""
LOADING = 1.3
"""Memory over bytes of weights once they are loaded (measured)."""
READ_TOKENS = 4096
"""Padded tokens of a batch that is read where memory is no matter, as in the encoder."""


@dataclass(frozen=True, slots=True)
class Need:
    """Bytes that fitting a method takes, by parts.

    `weights`: the encoder that reads and the one that trains. `row`: what one row of `tokens` tokens takes beside
    gradients, where so many as `at_once` says at most are computed together (it says how many at least, too). It is
    counted beside gradients that are there: a step that makes them lets go at the same time what it kept, and its peak
    is no sum by rows.
    `kept`: the optimizer's averages, a state to go back to, the best so far. `reading`: a batch of rows that are read
    and not trained on, `read_row` one of them.
    """

    weights: int
    gradients: int = 0
    kept: int = 0
    row: int = 0
    reading: int = 0
    read_row: int = 0
    tokens: int = 0
    at_once: tuple[int, int] = (1, 1)

    @property
    def trained(self) -> bool:
        """Whether the body is trained at all."""
        return self.gradients > 0

    @property
    def most(self) -> int:
        """With batches as they are where memory is no matter."""
        return self.weights + max(self._training(self.at_once[1]), self.reading)

    @property
    def least(self) -> int:
        """With as few rows at once as can be."""
        return self.weights + max(self._training(self.at_once[0]), self.read_row)

    @property
    def needed(self) -> int:
        """The room that there must be for the least: weights as they are loaded, and a margin for all else."""
        return int(LOADING * self.weights + (self.least - self.weights) / SHARE)

    def _training(self, rows: int) -> int:
        return self.gradients + self.kept + rows * self.row if self.trained else 0

    def problem(self, room: Room) -> str | None:
        """Why there is no room even for the least, with the number; None when there is."""
        if self.needed <= room.bytes:
            return None
        return (
            f"it needs {size(self.needed)} of memory, and {size(room.bytes)} may be used ({room.bound}); use a "
            "smaller backbone, a method that trains less, or a higher --memory-limit"
        )

    def to_dict(self) -> dict[str, Any]:
        """Everything as JSON-able values, the sums included."""
        return {**asdict(self), "least": self.least, "most": self.most, "needed": self.needed}


@dataclass(frozen=True, slots=True)
class Stage:
    """What is rehearsed on: a backbone by name, an output kind with its space, and rows, the longest of them first."""

    backbone: str | None
    output: Output
    space: LabelSpace
    rows: Sequence[Example]
    revision: str | None = None
    offline: bool = False
    device: str = "cpu"
    shape: Any = None
    """Of a backbone that is made from nothing."""

    @property
    def longest(self) -> Inputs:
        """The inputs that take most."""
        return self.rows[0].inputs

    def open(self) -> Any:
        """An encoder without weights."""
        return self.family.sketch(
            self.backbone,
            output=self.output.name,
            size=self.output.size(self.space),
            like=self.longest,
            revision=self.revision,
            offline=self.offline,
            shape=self.shape,
        )

    @property
    def family(self) -> Any:
        """The backbone that is trained for the output."""
        return registry.trained(self.output.name)


def refusal(method: str, options: Mapping[str, Any], *, stage: Stage, guard: Guard, loaded: bool) -> str | None:
    """Why a method is not begun for lack of memory, with the number that it needs; None when it may be.

    `loaded`: the encoder that reads is in memory already. Where there is far more room than any method could take of
    such weights, nothing is rehearsed.
    """
    if not registry.get("methods", method).needs_backbone:
        return None
    room = guard.room(stage.device)
    weights = stage.family.weight_bytes(stage.backbone)
    if weights is not None and room.bytes >= AMPLE + AMPLE_WEIGHTS * weights:
        return None
    if "torch" not in sys.modules and SHARE * room.bytes < LIBRARIES:
        return (
            f"the libraries that run an encoder take {size(LIBRARIES / SHARE)} of memory, and {size(room.bytes)} may "
            f"be used ({room.bound}); use a method without an encoder (tfidf), or a higher --memory-limit"
        )
    found = estimate(method, options, stage=stage, guard=guard)
    if found is None:
        return None
    return replace(found, weights=found.weights // 2 if loaded else found.weights).problem(guard.room(stage.device))


def estimate(method: str, options: Mapping[str, Any], *, stage: Stage, guard: Guard) -> Need | None:
    """`need`; None for what cannot be had (the trial itself says why) or cannot be rehearsed (the guard tells)."""
    try:
        return need(method, stage, options)
    except AutoGPTError:
        return None
    except Exception as problem:
        guard.tell(f"{method}: what it takes of memory is not known beforehand ({str(problem).splitlines()[0]})")
        return None


def stage_of(
    train: Sequence[Example],
    output: Output,
    space: LabelSpace,
    *,
    search: Search,
    offline: bool,
    device: str,
    shape: Any = None,
) -> Stage:
    """What a run's methods are rehearsed on: its longest row, and a few others."""
    longest = max(train, key=lambda row: sum(len(str(value)) for value in row.inputs.values()))
    rows = (longest, *train[: ROWS - 1])
    return Stage(
        search.backbone, output, space, rows, revision=search.revision, offline=offline, device=device, shape=shape
    )


class _MeasuredError(Exception):
    """Ends a rehearsal: its first step was counted."""


class _Blank:
    """`core.Features` of zeros."""

    free: Array | None = None
    rows_per_second: float | None = None
    once_seconds = 0.0

    def __init__(self, encoder: Any) -> None:
        self._encoder = encoder

    def get(self, inputs: Sequence[Inputs], *, seconds: float | None = None) -> tuple[list[int], Scores]:
        return [*range(len(inputs))], self._encoder.features(inputs)

    def encoder(self) -> Any:
        return self._encoder


def need(method: str, stage: Stage, options: Mapping[str, Any] | None = None) -> Need:
    """What fitting `method` takes on this stage. ConfigError: the method cannot be had with this body."""
    from torch._subclasses.fake_tensor import DataDependentOutputException

    from autogpt.backbones import _network

    plugin = registry.get("methods", method)
    if not plugin.needs_backbone:
        return Need(0)
    found: list[Need] = []

    def loop(
        model: Trainable, settings: Mapping[str, Any], validate: Callable[[], Mapping[str, float]] | None
    ) -> Iterator[Step]:
        found.append(_of_training(model, settings, stage.device))
        raise _MeasuredError

    with stage.family.rehearsal(), tempfile.TemporaryDirectory() as folder:
        opened = stage.open()
        weights = sum(p.nbytes for p in _network.held(opened.net))
        read = _of_reading(opened, stage.longest)
        try:
            for _ in plugin.fit(_job(stage, _Blank(opened), plugin.options(**(options or {})), loop, Path(folder))):
                pass
        except (_MeasuredError, DataDependentOutputException):  # the latter: it solves numbers, and no body is trained
            pass
    whole = found[0] if found else Need(0)
    return Need(
        weights=2 * weights,
        gradients=whole.gradients,
        kept=whole.kept,
        row=whole.row,
        reading=read.reading,
        read_row=read.read_row,
        tokens=whole.tokens or read.tokens,
        at_once=whole.at_once,
    )


def _of_training(model: Trainable, settings: Mapping[str, Any], device: str) -> Need:
    """The parts that a training step has a share in."""
    from autogpt import footprint
    from autogpt.training import loop

    lengths = model.lengths()
    longest = int(np.argmax(lengths))
    trained = sum(p.nbytes for group in model.groups() for p in group["params"] if p.requires_grad)
    model.module.train()

    batch_rows = int(settings["batch_rows"])
    fitting = max(1, loop.MICRO_TOKENS[device] // int(lengths[longest]))
    at_once = (batch_rows, batch_rows) if settings.get("whole") else (1, min(batch_rows, fitting))
    counted = 2 if settings.get("whole") else at_once[1]  # rows that are compared are no more for being the same

    def work() -> None:
        batch = model.batch([longest] * counted)
        (model.loss(model.forward(batch), batch) * batch.weight).sum().backward()  # type: ignore[no-untyped-call]

    work()  # gradients are there from now on, as they are while a batch is computed in parts
    taken = footprint.of(work, model.module)
    model.module.zero_grad(set_to_none=True)
    return Need(
        weights=0,
        gradients=trained,
        kept=(loop.MOMENTS + loop.COPIES + 1 + ("part" in settings)) * trained,  # of several, what stood before one
        row=taken // counted,
        tokens=int(lengths[longest]),
        at_once=at_once,
    )


def _of_reading(encoder: Any, longest: Inputs) -> Need:
    """What reading takes: a batch as it is where memory is no matter, and one row."""
    import torch

    from autogpt import footprint
    from autogpt.backbones import _pieces

    pieces = encoder.pieces([longest])[:1]
    rows = max(1, READ_TOKENS // pieces[0].length)

    with torch.inference_mode():
        two = footprint.of(lambda: encoder.net.features(_pieces.tensors(pieces * 2, 0, "cpu")), encoder.net)
    return Need(weights=0, reading=rows * two // 2, read_row=two // 2, tokens=int(pieces[0].length))


def _job(stage: Stage, features: Any, options: Any, loop: Any, folder: Path) -> Job:
    """A job whose head is never solved, because nothing is computed."""
    output: Any = copy.copy(stage.output)
    output.linear = False
    metric = registry.get("metrics", "accuracy")  # any: nothing is judged here
    return Job(
        train=stage.rows,
        validation=stage.rows[:2],
        output=output,
        space=stage.space,
        metric=metric,
        open=stage.open,
        folder=folder,
        seed=0,
        remaining=lambda: 1e6,
        judge=lambda scores: {metric.name: 0.0},
        features=features,
        loop=loop,
        options=options,
    )
