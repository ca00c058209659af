"""One backbone, several tasks: read, learn together, compare with models of their own, mend, test once, save.

Every data set goes the ordinary way on its own (task, schema, sealed test). Its linear head is solved on frozen
features first, then all heads and the body are trained by the ordinary loop on a temperature-mixed draw of all rows
(`training/mixture.py`). "Multi-Task Deep Neural Networks for Natural Language Understanding" (Liu et al. 2019) shares a
body like this; ours also trains every task alone under the same settings, and a task that the shared body serves worse
than that gets low-rank parts of its own on it: what its own model has and the body lacks, as near as the rank allows,
and more training where that is not enough. What then still loses by more than its noise floor is reported as such.
"""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Self

import numpy as np

from autogpt import config as settings
from autogpt import files, registry
from autogpt.autopilot import evidence, finish
from autogpt.autopilot.budget import Budget
from autogpt.autopilot.deciding import decide
from autogpt.autopilot.run import SEVERAL, new_folder, read_state, told
from autogpt.autopilot.session import Session
from autogpt.autopilot.trial import Bench, Candidate, Result, load_result, load_scorer, load_scores, run_trial
from autogpt.config import MultiTask, RunConfig
from autogpt.core import Example
from autogpt.errors import AutoGPTError, ConfigError, InputError, Interrupted, ModelError, ResourceError
from autogpt.evaluation.interval import Answers, paired_difference
from autogpt.evaluation.multi_task import MultiTaskReport, TaskRow
from autogpt.evaluation.score import Score, evaluate
from autogpt.evaluation.verdict import NoiseFloor, noise_floor
from autogpt.events import Event, Listener, silent
from autogpt.model import Model
from autogpt.multi_model import MultiModel
from autogpt.pipeline import Ask, Prepared
from autogpt.regimes._joint import fit_joint, fit_parts
from autogpt.regimes._source import Source

__all__ = ["MultiRun", "Source", "resume_many", "train_many"]

LEAST_TASKS = 2
HEADS, JOINT, JOINT_ONLY, ALONE, PARTS = 0.3, 0.45, 0.8, 0.75, 0.8
"""Shares of the time left: of all heads, of the joint training (with and without models of their own after it), of
these, and of the parts."""
TEST_SHARE, SAVING_SECONDS = 0.2, 4.0
WORK, JOINT_FOLDER = "work", "+joint"
"""Of a run: what is done with once it has ended; in it a folder for each task, and one that no task's name can have."""


@dataclass(frozen=True, slots=True)
class MultiRun:
    """A finished run: its folder, the model and the report."""

    folder: Path
    model: MultiModel
    report: MultiTaskReport

    @classmethod
    def load(cls, folder: str | Path) -> Self:
        """A finished run from disk; ModelError when it has not finished."""
        place = Path(folder)
        model = MultiModel.load(place / "model")
        if model.report is None:
            raise ModelError(f"run {str(place)!r} has not finished; go on with `autogpt resume {place}`")
        return cls(place, model, model.report)


@dataclass(slots=True)
class Task:
    """One data set on its way through the run."""

    name: str
    folder: Path
    session: Session
    prepared: Prepared
    bench: Bench
    encoder: Any
    start: Mapping[str, float]
    noise: NoiseFloor | None
    rows_per_second: float | None
    alone: Result
    alone_folder: Path
    parts: bool = False

    @property
    def sign(self) -> int:
        """1 where a higher score is better."""
        return 1 if self.bench.metric.higher_is_better else -1


class Clock:
    """The hard limit, with a reserve for tests and saving that is known once texts have been read."""

    def __init__(self, budget: Budget) -> None:
        self.budget = budget
        self.reserve = SAVING_SECONDS + 0.05 * min(self.budget.limit, 600.0)

    def seconds(self, count: float) -> Callable[[], float]:
        """Seconds left of `count` that begin now."""
        end = self.budget.spent() + count
        return lambda: end - self.budget.spent()

    def share(self, part: float) -> Callable[[], float]:
        """Seconds left of a part of what is left now."""
        return self.seconds(part * max(0.0, self.budget.remaining() - self.reserve))


def train_many(
    sources: Mapping[str, Source],
    config: RunConfig,
    options: MultiTask,
    *,
    ask: Ask | None = None,
    listen: Listener | None = None,
) -> MultiRun:
    """Learn all sources together; afterwards `<run>/model` holds the model and the report.

    Interrupted has the command that goes on (`resume_many`).
    """
    _check(sources, config)
    if config.remote.endpoint is not None:
        raise ConfigError("an endpoint is asked about one data set; leave --endpoint out, or run the sets one by one")
    started = time.monotonic()
    config = replace(config, data="+".join(sources))
    folder = new_folder(config)
    whole = Session(config, folder=folder, listen=listen or silent, ask=ask, started=started)
    try:
        return _finish(whole, sources, options)
    except AutoGPTError as problem:
        if not isinstance(problem, Interrupted) and not any((folder / WORK).glob("*/trials")):
            shutil.rmtree(folder, ignore_errors=True)  # a wrong name or file: nothing to keep
        raise


def resume_many(folder: str | Path, *, listen: Listener | None = None) -> MultiRun:
    """Go on with a run that was stopped or killed; what had ended is not done again."""
    place, started = Path(folder), time.monotonic()
    state = read_state(place)
    origin, several = str(place / "run.json"), state.get(SEVERAL)
    if several is None:
        raise InputError(f"{str(place)!r} is a run of one task; go on with `autogpt resume {place}`")
    if state["status"] == "done":
        return MultiRun.load(place)
    config = settings.build(RunConfig, state["config"], origin=origin)
    options = settings.build(MultiTask, several["options"], origin=origin)
    sources = {name: Source.of(told, origin=origin) for name, told in several["sources"].items()}
    for name, about in several["sources"].items():
        if about["in_memory"] and not (place / WORK / name / "data.jsonl").is_file():
            raise InputError(f"the run ended before it had kept the rows of {name!r}, given in memory; start anew")
    spent = float(state.get("seconds") or 0.0)
    whole = Session(config, folder=place, listen=listen or silent, ask=None, spent=spent, started=started)
    return _finish(whole, sources, options)


def _finish(whole: Session, sources: Mapping[str, Source], options: MultiTask) -> MultiRun:
    """`whole` is the session of the run, with clock, journal, machine and `run.json`; each task has one of its own."""
    told_sources = {name: source.plain() for name, source in sources.items()}
    whole.more = {SEVERAL: {"options": settings.plain(options), "sources": told_sources}}
    with told(whole):
        found = _run(whole, sources, options)
    shutil.rmtree(whole.place / WORK, ignore_errors=True)
    return found


def _run(whole: Session, sources: Mapping[str, Source], options: MultiTask) -> MultiRun:
    config, folder, clock = whole.config, whole.place, Clock(whole.budget)
    limit = settings.duration(config.time_limit)
    whole.say("plan", f"time limit: {limit}", time_limit=config.time_limit, seed=config.seed)
    begun = {name: _begun(name, source, whole) for name, source in sources.items()}
    heads = clock.share(HEADS)
    tasks: list[Task] = []
    for name, own in begun.items():
        if whole.stop():
            raise Interrupted("stopped between two tasks", resume="")
        part = heads() / (len(sources) - len(tasks))
        tasks.append(_with_head(*own, name=name, remaining=clock.seconds(part)))
    clock.reserve += min(2 * sum(map(_test_seconds, tasks)), TEST_SHARE * clock.budget.limit)
    trunk = registry.get("backbones", "encoder").trunk({task.name: task.encoder for task in tasks})
    together = clock.share(JOINT if options.alone else JOINT_ONLY)
    gained, note = fit_joint(tasks, options, folder=folder / WORK / JOINT_FOLDER, remaining=together)
    whole.best = Result("multi-task", "full", {}, {}, {"gain": gained}, clock.budget.spent(), "trunk", 0.0)
    notes = [note]
    if options.alone:
        notes += _alone(tasks, options, clock)
    notes += _mended(tasks, trunk, options, clock)
    decisions = {task.name: decide(task.bench, _validation(trunk, task)) for task in tasks}
    models: dict[str, Model] = {}
    rows: list[TaskRow] = []
    for task in tasks:
        model = Model(
            trunk.scorer(task.name),
            schema=task.prepared.profile.schema,
            space=task.bench.space,
            decision=decisions[task.name],
        )
        rows.append(_tested(task, model, clock, share=1 / (len(tasks) - len(rows))))
        model.info = {"test": {rows[-1].together.metric: rows[-1].together.value}, "origin": task.prepared.table.origin}
        models[task.name] = model
    report = MultiTaskReport(tuple(rows), tuple(notes), round(clock.budget.spent(), 1))
    whole.say("evaluation", report.headline)
    info = {"status": "tested", "config": settings.plain(config), "multi_task": settings.plain(options)}
    found = MultiModel(trunk, models, info=info, report=report)
    found.save(folder / "model")
    whole.say("saved", f"model and report: {folder / 'model'}", folder=str(folder / "model"))
    return MultiRun(folder, found, report)


def _check(sources: Mapping[str, Source], config: RunConfig) -> None:
    if len(sources) < LEAST_TASKS:
        raise ConfigError(f"{len(sources)} data set is given; multi-task training needs {LEAST_TASKS} or more")
    odd = [name for name in sources if not name.replace("-", "_").isidentifier()]
    if odd:
        raise ConfigError(f"task {odd[0]!r} is not a name; use letters, digits, - and _, and a letter first")
    if config.search.methods or config.search.metric:
        raise ConfigError("multi-task training tunes the whole backbone by each task's own metric; leave out the "
                          "method and the metric")  # fmt: skip
    if config.search.backbone is None and (problem := registry.get("backbones", "encoder").missing_default()):
        raise ConfigError(f"no encoder: {problem}")


def _begun(name: str, source: Source, whole: Session) -> tuple[Session, Prepared, Bench]:
    """A data set read and prepared as for a run of its own."""

    def listen(event: Event) -> None:
        whole.listen(replace(event, message=f"{name}: {event.message}"))

    search = whole.config.search
    own = replace(  # the same encoder for all, whatever languages each has
        whole.config,
        data=str(source.data) if source.on_disk else "",
        goal=whole.config.goal if source.goal is None else source.goal,
        columns=source.columns or whole.config.columns,
        search=replace(search, backbone=search.backbone or registry.get("backbones", "encoder").embedded),
    )
    folder = whole.place / WORK / name
    folder.mkdir(parents=True, exist_ok=True)
    session = Session(own, folder=folder, listen=listen, ask=whole.ask)
    session.stop, session.machine, session.budget = whole.stop, whole.machine, whole.budget
    kept = (folder / "data.jsonl").is_file()
    table = session.read(None if source.on_disk else source.data, None if kept else source.test)
    prepared = session.prepare(table)
    bench = session.bench(prepared)
    encoder = registry.trained(bench.output.name) is registry.get("backbones", "encoder")
    if not encoder or bench.output.name not in registry.get("methods", "full").outputs:
        raise ConfigError(f"{name}: {prepared.task.name} cannot be learned together with others; train it by itself")
    return session, prepared, bench


def _with_head(
    session: Session, prepared: Prepared, bench: Bench, *, name: str, remaining: Callable[[], float]
) -> Task:
    """The task with its linear head on frozen features: where the joint training starts, and the first rival."""
    folder = session.place / "trials" / "start"
    about, result = folder / "noise.json", load_result(folder)
    if result is not None and about.is_file():
        measured = json.loads(about.read_text("utf-8"))
        scorer = _opened_again(bench, result, folder)
    else:
        result, scorer, seeds = _started(bench, folder, remaining)
        measured = {"seeds": seeds, "rows_per_second": bench.features.rows_per_second}
        files.write_json(about, measured)
    session.say("trial", f"head on frozen features: {bench.metric.name} {result.scores[bench.metric.name]:.4f}")
    noise, rate = noise_floor(bench.metric.name, measured["seeds"]), measured["rows_per_second"]
    return Task(name, session.place, session, prepared, bench, scorer, result.scores, noise, rate, result, folder)


def _started(bench: Bench, folder: Path, remaining: Callable[[], float]) -> tuple[Result, Any, list[float]]:
    """The head's trial, its encoder, and what the head comes to under other seeds."""
    if not bench.output.linear:
        return *_untrained(bench, folder), []
    # Reading ends a while before the share does; a limit that is hard must not be met by the first task alone.
    result, scorer = run_trial(bench, Candidate("head"), folder=folder, remaining=remaining)
    quick = evidence.quick_model(bench, [result], remaining=remaining)
    return result, scorer, evidence.seed_scores(bench, quick, has_time=lambda: remaining() > 0) if quick else []


def _opened_again(bench: Bench, result: Result, folder: Path) -> Any:
    """The encoder as the head's trial left it: the run's own body, with the head that was saved."""
    head = load_scorer(folder / "scorer", result.family).net.head  # type: ignore[attr-defined]
    scorer = bench.open()
    scorer.set_head(head.weight.detach().cpu().numpy(), head.bias.detach().cpu().numpy())
    return scorer


def _untrained(bench: Bench, folder: Path) -> tuple[Result, Any]:
    """A head of zeros, where no linear head can be solved (answers that are parts of a text)."""
    scorer = bench.open()
    scores = bench.judge(scorer.score([example.inputs for example in bench.validation]))
    with files.atomic_folder(folder / "scorer") as stage:
        scorer.save(stage)
    result = Result("untrained", "head", {}, {}, scores, 0.0, scorer.family, 0.0)
    files.write_json(folder / "result.json", asdict(result))
    return result, scorer


def _test_seconds(task: Task) -> float:
    rate = task.rows_per_second
    return min(task.prepared.test.count, finish.ENOUGH_TEST_ROWS) / rate if rate else 0.0


def _alone(tasks: Sequence[Task], options: MultiTask, clock: Clock) -> list[str]:
    """Train every task alone under the settings of the joint training; notes on those that time kept from it."""
    from autogpt.training.checkpoint import ended

    notes = []
    whole, rows = clock.share(ALONE), sum(len(task.bench.train) for task in tasks)
    for task in tasks:
        remaining = clock.seconds(whole() * len(task.bench.train) / rows)
        rows -= len(task.bench.train)
        folder = task.folder / "trials" / "alone"
        result = load_result(folder)
        try:
            if result is None:
                candidate = Candidate("full", {"epochs": options.passes, "prune": 0.0})
                result, _ = run_trial(task.bench, candidate, folder=folder, remaining=remaining)
        except ResourceError as problem:
            notes.append(f"{task.name} is compared with its head: {problem}")
            continue
        score = f"{task.bench.metric.name} {result.scores[task.bench.metric.name]:.4f}"
        task.session.say("trial", f"alone: {score}")
        planned = -(-len(task.bench.train) // registry.get("methods", "full").options().batch_rows) * options.passes
        progress = ended(folder / "loop")
        if progress is None or progress.step < 0.95 * planned:
            notes.append(
                f"{task.name} alone made {progress.step if progress else 0} of {planned:.0f} steps in its time"
            )
        if task.sign * (result.scores[task.bench.metric.name] - task.start[task.bench.metric.name]) >= 0:
            task.alone, task.alone_folder = result, folder
        for weights in (folder / "loop").glob("best-*"):  # they stand in the scorer; how it ended stays
            weights.unlink()
    return notes


def _validation(trunk: Any, task: Task) -> Any:
    return trunk.score(task.name, [example.inputs for example in task.bench.validation])


def _behind(task: Task, score: float, *, beyond_noise: bool) -> bool:
    """Whether a task would do better alone, at all or by more than its noise."""
    lead = task.sign * (task.alone.scores[task.bench.metric.name] - score)
    return lead > (task.noise.floor if task.noise is not None and beyond_noise else 0.0)


def _mended(tasks: Sequence[Task], trunk: Any, options: MultiTask, clock: Clock) -> list[str]:
    """Parts of their own for tasks that do worse on validation rows than alone, kept where they help."""
    notes = []
    losing = []
    for task in tasks:
        metric = task.bench.metric.name
        score = task.bench.judge(_validation(trunk, task))[metric]
        if _behind(task, score, beyond_noise=False):  # to take over what its own model has costs next to nothing
            losing.append((task, score))
    whole = clock.share(PARTS)
    for place, (task, score) in enumerate(losing):
        notes.append(_parted(task, trunk, options, score, remaining=clock.seconds(whole() / (len(losing) - place))))
        task.session.say("decision", notes[-1])
    return notes


def _parted(task: Task, trunk: Any, options: MultiTask, score: float, *, remaining: Callable[[], float]) -> str:
    """Parts of its own for one task: as its own model has them, and trained where that is not enough; the best stays.

    To begin there is better than to begin with no change, and costs no training (see EXPERIMENTS.md). `score` is that
    without parts. How it went is returned.
    """

    def judged() -> float:
        return task.bench.judge(_validation(trunk, task))[task.bench.metric.name]

    without = trunk.parts(task.name)  # the head
    own = load_scorer(task.alone_folder / "scorer", task.alone.family)
    trunk.give(task.name, rank=options.rank, seed=task.bench.seed, like=own)
    begun = best = judged()
    if _behind(task, begun, beyond_noise=True):
        parts = trunk.parts(task.name)
        fit_parts(task, options, remaining=remaining)
        trained = judged()
        if task.sign * (trained - begun) > 0:
            best = trained
        else:
            trunk.put(task.name, parts)
    task.parts = task.sign * (best - score) > 0
    if not task.parts:
        trunk.take(task.name)
        trunk.put(task.name, without)
    done = "kept" if task.parts else "left away"
    return (
        f"{task.name} alone was better on validation rows; parts of its own were {done}: {task.bench.metric.name} "
        f"{score:.4f} -> {best:.4f} ({begun:.4f} as its own model has them)"
    )


def _tested(task: Task, model: Model, clock: Clock, *, share: float) -> TaskRow:
    """Both systems on the same sealed rows; where time is short, on a random part of them."""
    rows = task.prepared.test.open()
    order = np.random.default_rng([task.bench.seed, 3]).permutation(len(rows))
    rate = task.rows_per_second or float("inf")
    most = (clock.budget.remaining() - SAVING_SECONDS) * share / 2.5 * rate
    count = int(max(finish.FIRST_TEST_ROWS, min(len(rows), most)))
    test = [rows[place] for place in order[:count]]
    inputs = [example.inputs for example in test]
    rival = load_scorer(task.alone_folder / "scorer", task.alone.family)
    decision = model.decision
    with suppress(FileNotFoundError):
        kept = load_scores(task.alone_folder / "validation.safetensors")
        decision = decide(task.bench, kept)
    own = Model(rival, schema=model.schema, space=model.space, decision=decision)
    (score, answers), (other, others) = (_judged(task, one, test, inputs) for one in (model, own))
    gold = [example.target for example in test]
    difference = paired_difference(
        task.bench.metric, gold, answers, others, space=task.bench.space, seed=task.bench.seed
    )
    return TaskRow(
        task.name, task.prepared.task.name, score, task.alone.name, other, difference, task.noise, task.parts
    )


def _judged(task: Task, model: Model, test: Sequence[Example], inputs: Sequence[Any]) -> tuple[Score, Answers]:
    predictions, table = model.answers(inputs), model.probabilities(inputs)
    gold = [example.target for example in test]
    card = evaluate(
        gold, predictions, table, metrics=task.bench.metrics[:1], space=task.bench.space, seed=task.bench.seed
    )
    return card.scores[0], Answers([one.value for one in predictions], table)
