"""Every method x output x family: what a method promises on each kind of body, or how it says that it cannot.

The cells come from the registry and from `tiny.KINDS`. A method cannot know every body, so it may refuse one with a
`ConfigError`; which bodies it refuses must be told by looking at them (see `refusal_explained`), not by a list.
"""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from autogpt import registry
from autogpt.autopilot.trial import Bench, Candidate, exhaust, load_scorer, make_job, run_trial
from autogpt.core import Step, Trainable
from autogpt.errors import ConfigError, InputError, Interrupted
from autogpt.events import Event
from autogpt.testing import tiny
from autogpt.testing.contracts import QUICK, bench, quick, same

TOLERANCE = 1e-4


@dataclass(frozen=True, slots=True)
class Cell:
    """A method that fits an output with a backbone of a family."""

    method: str
    output: str
    family: str

    def __str__(self) -> str:
        return f"{self.method}-{self.output}-{self.family}"


def crossings() -> list[Cell]:
    """All of them."""
    methods = [(name, registry.get("methods", name)) for name in registry.names("methods")]
    return [
        Cell(name, output, family)
        for name, method in methods
        if method.needs_backbone
        for output in sorted(method.outputs)
        for family in tiny.KINDS
    ]


def covering(cells: list[Cell]) -> list[Cell]:
    """One family for each method and output, the families dealt in turn, so that each method meets most of them; all
    families for an output that fewer methods than families can learn, or that a body writes by its own head."""
    methods, outputs = sorted({cell.method for cell in cells}), registry.names("outputs")
    families = list(tiny.KINDS)
    learners = {output: {cell.method for cell in cells if cell.output == output} for output in outputs}
    return [
        cell
        for cell in cells
        if cell.family == families[(methods.index(cell.method) + outputs.index(cell.output)) % len(families)]
        or 1 < len(learners[cell.output]) < len(families)
        or registry.trained(cell.output) is not registry.get("backbones", "encoder")
    ]


def diagonal(cells: list[Cell]) -> list[Cell]:
    """The first cell of each method in a covering: another family for each."""
    first: dict[str, Cell] = {}
    for cell in covering(cells):
        first.setdefault(cell.method, cell)
    return list(first.values())


def check_cell(cell: Cell, *, backbone: Path, folder: Path) -> str | None:
    """One step lowers the loss of its batch; what is served scores as what was trained, and as what is loaded.

    Returned is the refusal of a method that cannot work on this body, after a look at what it says.
    """
    told = bench(cell.output, backbone)
    job = make_job(told, _candidate(cell), folder=folder, remaining=lambda: 120.0)
    trained: list[Trainable] = []
    job = replace(job, loop=_one_step(cell, trained))
    try:
        scorer = exhaust(registry.get("methods", cell.method).fit(job), str(cell), told.listen)
    except ConfigError as refusal:
        _check_refusal(cell, str(refusal))
        return str(refusal)
    inputs = [row.inputs for row in told.validation]
    scores = scorer.score(inputs)
    if job.validated:  # scores before adapters were merged, or parts were saved and taken back
        same(job.validated[-1], scores, tolerance=TOLERANCE)
    scorer.save(folder / "scorer")
    same(scores, load_scorer(folder / "scorer", scorer.family).score(inputs), tolerance=TOLERANCE)
    same([scores[place] for place in range(3)], [scorer.score([row])[0] for row in inputs[:3]], tolerance=TOLERANCE)
    _check_wrong_inputs(cell, scorer)
    return None


def check_resume(cell: Cell, *, backbone: Path, folder: Path) -> str | None:
    """A training that was stopped twice ends with the scores of one that was not, bit for bit; or a refusal."""
    candidate = Candidate(cell.method, {**_candidate(cell).options, **({"epochs": 2.0} if _has_epochs(cell) else {})})
    told = bench(cell.output, backbone)
    inputs = [row.inputs for row in told.validation]
    try:
        straight = _run(told, candidate, folder / "straight")
    except ConfigError as refusal:
        return str(refusal)
    for stop in (1, 3):
        _stopped(told, candidate, folder / "resumed", stop)
    resumed = _run(told, candidate, folder / "resumed")
    for one, other in zip(straight.score(inputs), resumed.score(inputs), strict=True):
        np.testing.assert_array_equal(one, other, err_msg=str(cell))
    return None


def refusal_explained(method: str, body: Any) -> bool:
    """Whether a look at the body (or the machine) says that the method cannot work on it."""
    looks: Mapping[str, Callable[[Any], bool]] = {
        "bitfit": lambda body: not any(name.endswith("bias") for name, _ in body.named_parameters()),
        "prefix": lambda body: not _keeps_keys(body),
        "cloze": lambda body: not _tells_hidden_words(body.config),
        "qlora": lambda body: not torch.cuda.is_available() or importlib.util.find_spec("bitsandbytes") is None,
    }
    return method in looks and looks[method](body)


def _tells_hidden_words(config: Any) -> bool:
    """Whether a body of this configuration was made for words hidden among others, and not for the next one."""
    from transformers import MODEL_FOR_MASKED_LM_MAPPING

    return type(config) in MODEL_FOR_MASKED_LM_MAPPING and not getattr(config, "is_encoder_decoder", False)


def _keeps_keys(body: Any) -> bool:
    """Whether the body's layers put keys and values into a cache, which is where a prefix comes from.

    Of a model that writes it is the half that does.
    """
    from transformers import DynamicCache

    if hasattr(body, "generate"):
        body = (body.get_decoder() if body.config.is_encoder_decoder else body).base_model
    cache, ids = DynamicCache(), torch.tensor([[5, 6]])
    try:
        with torch.inference_mode():
            body(input_ids=ids, attention_mask=torch.ones_like(ids), past_key_values=cache)
    except TypeError:
        return False
    return len(cache.layers) > 0


def _candidate(cell: Cell) -> Candidate:
    return Candidate(cell.method, quick(cell.method, cell.output))


def _has_epochs(cell: Cell) -> bool:
    return "epochs" in QUICK.get(cell.method, {})


def _run(told: Bench, candidate: Candidate, folder: Path) -> Any:
    return run_trial(told, candidate, folder=folder, remaining=lambda: 120.0)[1]


def _stopped(told: Bench, candidate: Candidate, folder: Path, stop: int) -> None:
    done = list[Event]()
    stopping = replace(told, listen=done.append, stop=lambda: sum(event.kind == "step" for event in done) >= stop)
    try:
        _run(stopping, candidate, folder)
    except Interrupted:
        return
    if candidate.method in QUICK:
        raise AssertionError(f"{candidate.method} was not stopped after {stop} steps")


def _one_step(cell: Cell, trained: list[Trainable]) -> Any:
    """A training loop of one step along the gradient of one batch, which must do as the gradient says."""

    def loop(trainable: Trainable, settings: Mapping[str, Any], validate: Any) -> Iterator[Step]:
        trained.append(trainable)
        trainable.module.eval()  # without dropout
        _anyhow(trainable.module)
        batch = trainable.batch(range(min(32, len(trainable.lengths()))))
        parameters = [p for group in trainable.groups() for p in group["params"]]
        loss = trainable.loss(trainable.forward(batch), batch).mean()
        loss.backward()  # type: ignore[no-untyped-call]
        moved = [(p, p.detach().clone(), p.grad) for p in parameters if p.grad is not None]
        square = sum(float(grad.square().sum()) for _, _, grad in moved)
        if not square > 0:
            raise AssertionError(f"{cell}: no parameter has a gradient")
        trainable.after_step(1, 1)
        _descend(cell, trainable, batch, moved, loss=loss.item(), square=square)
        yield Step(1, 1, loss=loss.item(), rows=len(batch.weight), tokens=batch.tokens, seconds=0.0)

    return loop


def _anyhow(module: Any) -> None:
    """Another head: one that solves the rows already has nothing to gain."""
    head, rng = module.head, np.random.default_rng(0)
    with torch.no_grad():
        for tensor in filter(lambda one: one is not None, (head.weight, head.bias)):
            tensor.copy_(torch.from_numpy(rng.normal(scale=0.3, size=tuple(tensor.shape))))


def _descend(cell: Cell, trainable: Trainable, batch: Any, moved: Any, *, loss: float, square: float) -> None:
    """A step that is small enough lowers the loss by at least a tenth of what the gradient promises (Armijo 1966)."""
    rate = 0.02 * loss / square  # promises two per cent
    for _ in range(8):
        with torch.no_grad():
            for parameter, before, grad in moved:
                parameter.copy_(before - rate * grad)
            after = float(trainable.loss(trainable.forward(batch), batch).mean())
        if after <= loss - 0.1 * rate * square:
            return
        rate /= 2
    raise AssertionError(
        f"{cell}: a step down the gradient changed the loss of its batch from {loss:.6g} to {after:.6g}"
    )


def _check_refusal(cell: Cell, said: str) -> None:
    """One line that names other methods."""
    others = set(registry.names("methods")) - {cell.method}
    named = set(re.findall(r"[a-z][\w-]*", said.rsplit("use", 1)[-1])) & others
    if not named or "\n" in said:
        raise AssertionError(f"{cell}: a refusal is one line that says which methods can: {said!r}")


def _check_wrong_inputs(cell: Cell, scorer: Any) -> None:
    try:
        scorer.score([{"colour": "red"}])
    except InputError as problem:
        if "has no" not in str(problem):
            raise AssertionError(f"{cell}: a row that lacks its inputs was answered with {problem}") from None
        return
    raise AssertionError(f"{cell}: a row without anything to read was scored")
