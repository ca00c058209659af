"""One trial: a method with its options, fitted on training rows and judged on validation rows, kept on disk."""

from __future__ import annotations

import json
import logging
import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from autogpt import files, registry
from autogpt.core import Decision, Example, Features, Job, LabelSpace, Metric, Output, Scorer, Step, Trainable
from autogpt.endpoint import Remote, none_named
from autogpt.events import Event, Listener
from autogpt.prompting import Prompt
from autogpt.runtime import Runtime

if TYPE_CHECKING:
    from autogpt.core import Scores
    from autogpt.training.replicas import Replicas

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Candidate:
    """What may be tried: a method with options, what it is expected to cost, and why it stands in the plan.

    `rows` is the policy that chose the rows it learns from (empty: all rows), `number` its place in the search (0: it
    stands in the ladder); `adapted`: it begins from the encoder that has read the run's texts (`regimes.adaptive`).
    `by` is who proposed it (empty: the ladder); `distilled`: a teacher says what rows without a label are
    (`distilling`); `taught`: it learns from targets that a teacher wrote as well.
    """

    method: str
    options: Mapping[str, Any] = field(default_factory=dict)
    seconds: float = 0.0
    reason: str = ""
    rows: str = ""
    number: int = 0
    adapted: bool = False
    by: str = ""
    distilled: bool = False
    taught: bool = False

    @property
    def step(self) -> str:
        """What it is called among the steps of a run: a method, or the linear head that judges the adapted encoder."""
        return "adapted-head" if self.adapted and self.method == "head" else self.method

    @property
    def name(self) -> str:
        """`full(layers=2)`: the method with the options that tell trials of it apart; of the search `full #3`."""
        shown = ", ".join(f"{key}={value}" for key, value in self.options.items() if key in ("layers", "rank"))
        name = f"{self.method}({shown})" if shown else self.method
        name = f"{self.method} #{self.number}" if self.number else name
        name = f"distilled {name}" if self.distilled else name
        name = f"{name} on chosen rows" if self.rows else name
        name = f"{name} on the adapted encoder" if self.adapted else name
        name = f"{name} with written targets" if self.taught else name
        return f"{name} ({self.by})" if self.by else name


@dataclass(frozen=True, slots=True)
class Result:
    """What a trial came to. `chosen` are options that the method found on validation (a refit uses them).

    `refit_seconds` leaves out reading, because features are kept."""

    name: str
    method: str
    options: Mapping[str, Any]
    chosen: Mapping[str, Any]
    scores: Mapping[str, float]
    seconds: float
    family: str
    refit_seconds: float
    notes: tuple[str, ...] = ()
    rows: str = ""
    usage: Mapping[str, float] = field(default_factory=dict)
    """What 1,000 predictions take of an endpoint: seconds, tokens `read` and `written`, `money`; else empty."""
    adapted: bool = False

    described: float = 0.0
    """Which part of the weight that it learned from were descriptions of the labels."""
    distilled: bool = False
    taught: bool = False

    @property
    def varied(self) -> bool:
        """Whether it is a trial of the search: its method was tried before, with other options."""
        return "#" in self.name

    @property
    def known(self) -> dict[str, float | None]:
        """The scores as JSON has them: None where no validation row measured them."""
        return {name: None if math.isnan(score) else score for name, score in self.scores.items()}


@dataclass(frozen=True, slots=True)
class Bench:
    """What all trials of a run share. `open()` gives an encoder, `open(folder)` one of another body."""

    train: Sequence[Example]
    validation: Sequence[Example]
    output: Output
    space: LabelSpace
    metrics: tuple[Metric, ...]
    open: Callable[..., Any]
    features: Features
    runtime: Callable[[], Runtime]
    seed: int
    listen: Listener
    stop: Callable[[], bool]
    report_to: str | None = None
    room: Callable[[], int] = lambda: 1 << 60
    advice: Callable[[], Mapping[str, Any]] = dict
    remote: Callable[[], Remote] = none_named
    goal: str = ""
    prompts: Sequence[Prompt] = ()
    descriptions: Callable[[], Sequence[Example]] = tuple
    """What the run says of the labels, as examples that are no rows: for methods with `takes_descriptions`."""
    replicas: Replicas | None = None
    """Who computes the batches of trainings with this process."""
    beside: Callable[[Trainable, Path, Callable[[], float]], Trainable] = lambda trained, folder, remaining: trained
    """What the loop trains instead, where more than labels is learned (see `regimes._beside`)."""
    taught: Sequence[Example] = ()
    """Rows whose target a teacher wrote: learned from after the others, and never judged by."""

    @property
    def metric(self) -> Metric:
        """The one that picks the winner."""
        return self.metrics[0]

    @contextmanager
    def helped(self) -> Iterator[None]:
        """Whoever computes with this process ends with the block."""
        try:
            yield
        finally:
            if self.replicas is not None:
                self.replicas.close()

    def judge(self, scores: Scores) -> dict[str, float]:
        """All metrics of scores of the validation rows; NaN where there are none."""
        if not self.validation:
            return {metric.name: math.nan for metric in self.metrics}
        gold = [example.target for example in self.validation]
        inputs = [example.inputs for example in self.validation]
        answers = self.output.decode(scores, self.space, Decision(), inputs)
        table = self.output.probabilities(scores, self.space, Decision())
        values = [answer.value for answer in answers]
        return {metric.name: float(metric(gold, values, table, self.space)) for metric in self.metrics}


def run_trial(
    bench: Bench, candidate: Candidate, *, folder: Path, remaining: Callable[[], float]
) -> tuple[Result, Scorer]:
    """Fit and judge a candidate. Afterwards `folder` holds the scorer and `result.json`; a killed trial goes on.

    On disk: `scorer/` (complete or absent), `validation.json` (scores of validation rows), `result.json` (last).
    """
    started, once_before = time.monotonic(), bench.features.once_seconds
    job = make_job(bench, candidate, folder=folder, remaining=remaining)
    scorer = exhaust(registry.get("methods", candidate.method).fit(job), candidate.name, bench.listen)
    found = job.validated[-1] if job.validated else scorer.score([example.inputs for example in bench.validation])
    result = Result(
        name=candidate.name,
        method=candidate.method,
        options=dict(candidate.options),
        chosen=dict(job.chosen),
        scores=bench.judge(found),
        seconds=time.monotonic() - started,
        family=scorer.family,
        refit_seconds=time.monotonic() - started - (bench.features.once_seconds - once_before),
        notes=tuple(job.notes),
        rows=candidate.rows,
        adapted=candidate.adapted,
        usage=getattr(scorer, "usage", dict)(),
        described=_described(job, len(bench.train) + len(bench.taught)),
        distilled=candidate.distilled,
        taught=candidate.taught,
    )
    with files.atomic_folder(folder / "scorer") as stage:
        scorer.save(stage)
    save_scores(found, folder / "validation.safetensors")
    files.write_json(folder / "result.json", {**asdict(result), "scores": result.known})
    return result, scorer


def _described(job: Job, rows: int) -> float:
    """The part of the training weight that stands after the rows: descriptions of the labels."""
    weight = [example.weight for example in job.train]
    return sum(weight[rows:]) / max(sum(weight), 1e-9)


def refit(bench: Bench, result: Result, *, folder: Path, remaining: Callable[[], float]) -> Scorer:
    """The same method with everything it chose, on training and validation rows together."""
    together = [*bench.train, *bench.validation]
    known = {one.name for one in fields(registry.get("methods", result.method).options)}
    options = {**result.options, **{name: value for name, value in result.chosen.items() if name in known}}
    settled = {name: value for name, value in result.chosen.items() if name not in known}
    candidate = Candidate(result.method, options=options)
    job = make_job(bench, candidate, folder=folder, remaining=remaining, train=together, validation=())
    job = replace(job, settled=settled)
    return exhaust(registry.get("methods", result.method).fit(job), f"refit {result.name}", bench.listen)


def make_job(
    bench: Bench,
    candidate: Candidate,
    *,
    folder: Path,
    remaining: Callable[[], float],
    train: Sequence[Example] | None = None,
    validation: Sequence[Example] | None = None,
) -> Job:
    """The services of a method, put together for one trial."""
    method = registry.get("methods", candidate.method)
    folder.mkdir(parents=True, exist_ok=True)
    rows = [*(bench.train if train is None else train), *bench.taught]
    if getattr(method, "takes_descriptions", False):
        rows = [*rows, *bench.descriptions()]

    if bench.replicas is not None and method.needs_backbone:
        bench.replicas.prepare()  # they load while this process does

    def loop(
        trainable: Trainable, settings: Mapping[str, Any], validate: Callable[[], Mapping[str, float]] | None
    ) -> Iterator[Step]:
        from autogpt.training.loop import train as train_loop
        from autogpt.training.options import LoopOptions

        options, rest = LoopOptions.among(settings)
        part = rest.pop("part", None)
        tracker = None
        if bench.report_to is not None:
            from autogpt.training.trackers import open_tracker

            tracker = open_tracker(
                bench.report_to, folder=folder / "tracker", name=candidate.name, config=dict(candidate.options)
            )
        yield from train_loop(
            bench.beside(trainable, folder, remaining),
            options=options,
            folder=folder / "loop" if part is None else folder / "loop" / str(part),
            seed=bench.seed + (part or 0),
            remaining=remaining,
            validate=validate,
            metric=bench.metric,
            runtime=bench.runtime(),
            stop=bench.stop,
            tracker=tracker,
            replicas=bench.replicas,
            **rest,
        )
        if tracker is not None:
            tracker.finish()

    return Job(
        train=rows,
        validation=bench.validation if validation is None else validation,
        output=bench.output,
        space=bench.space,
        metric=bench.metric,
        open=bench.open,
        folder=folder,
        seed=bench.seed,
        remaining=remaining,
        judge=bench.judge,
        features=bench.features,
        loop=loop,
        options=method.options(**candidate.options),
        room=bench.room,
        advice=bench.advice,
        remote=bench.remote,
        goal=bench.goal,
        prompts=bench.prompts,
        tell=lambda message, **data: bench.listen(Event("decision", message, {"trial": candidate.name, **data})),
    )


def exhaust(steps: Any, name: str, listen: Listener) -> Scorer:
    """Run a method to its end, telling every step; the generator's return value is the fitted scorer."""
    while True:
        try:
            step = next(steps)
        except StopIteration as end:
            scorer: Scorer = end.value
            return scorer
        told = {"trial": name, "step": step.step, "total": step.total, "loss": step.loss, "note": step.note}
        listen(Event("step", name, {**told, "scores": dict(step.scores or {}), "best": step.is_best}))


def save_scores(scores: Scores, path: Path) -> None:
    """Score table [N, C], or the rows of all token tables below each other with their lengths."""
    from safetensors.numpy import save

    if isinstance(scores, list):
        table = np.concatenate(scores) if scores else np.zeros((0, 0))
        lengths = np.array([len(rows) for rows in scores], dtype=np.int64)
        files.write_bytes(path, save({"scores": np.ascontiguousarray(table, np.float32), "lengths": lengths}))
        return
    files.write_bytes(path, save({"scores": np.ascontiguousarray(scores, dtype=np.float32)}))


def load_scores(path: Path) -> Scores:
    """What `save_scores` wrote."""
    from safetensors.numpy import load_file

    tensors = load_file(path)
    if "lengths" in tensors:
        return np.split(tensors["scores"], np.cumsum(tensors["lengths"])[:-1])
    return tensors["scores"]


def load_result(folder: Path) -> Result | None:
    """A finished trial's result; None when the trial has not ended."""
    path = folder / "result.json"
    if not path.is_file():
        return None
    found = json.loads(path.read_text("utf-8"))
    scores = {name: math.nan if score is None else score for name, score in found["scores"].items()}
    return Result(**{**found, "scores": scores, "notes": tuple(found["notes"])})


def load_scorer(folder: Path, family: str) -> Scorer:
    """The scorer that a trial or model folder holds."""
    scorer: Scorer = registry.get("backbones", family).load(folder)
    return scorer
