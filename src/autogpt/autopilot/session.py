"""The machinery of one run: read, prepare, climb the ladder, choose, test once, save. Told in this order."""

from __future__ import annotations

import json
import logging
import os
import platform
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from autogpt import config as settings
from autogpt import endpoint, files, registry
from autogpt.autopilot import (
    auto,
    belief,
    extend,
    finish,
    forecast,
    kept_rows,
    language,
    offered,
    past,
    planner,
    search,
    trying,
)
from autogpt.autopilot.budget import Budget
from autogpt.autopilot.choosing import SHARE as CHOOSING_SHARE
from autogpt.autopilot.choosing import Rows
from autogpt.autopilot.journal import Journal
from autogpt.autopilot.ladder import CHEAP, Facts, order, rows_per_label, rungs
from autogpt.autopilot.materials import Materials
from autogpt.autopilot.trial import Bench, Candidate, Result, load_scorer
from autogpt.autopilot.workshop import Workshop
from autogpt.config import RunConfig
from autogpt.core import Decision, Example, Scorer, Table
from autogpt.data import languages
from autogpt.errors import ConfigError, Interrupted, ResourceError
from autogpt.evaluation.energy import Meter, Predicting
from autogpt.events import Event, Listener
from autogpt.memory import Guard
from autogpt.pipeline import Ask, Prepared, prepare
from autogpt.regimes.adaptive import Adapting
from autogpt.regimes.teaching import Teaching
from autogpt.runtime import Runtime, detect, kept

if TYPE_CHECKING:
    from autogpt.evaluation.report import Report
    from autogpt.model import Model

log = logging.getLogger(__name__)

STATE_SECONDS = 1.0
VALIDATION_ROWS_PER_SECOND = 5.0  # of the limit
SAVING_SECONDS = 3.0
TEST_SHARE = 0.15
"""Of the limit, at most, is kept for reading test rows; with less time fewer of them are drawn."""


class Session:
    """One run in progress. `folder` is None for a plan, which writes nothing.

    `stop` says when to stop, `machine` is where the run keeps what it computes on, `more` stands in `run.json` as well.
    """

    def __init__(
        self,
        config: RunConfig,
        *,
        folder: Path | None,
        listen: Listener,
        ask: Ask | None,
        spent: float = 0.0,
        started: float | None = None,
    ) -> None:
        self.config, self.folder, self.ask = config, folder, ask
        self.begun_with(config.time_limit)
        self.prior: Mapping[str, float] = belief.PRIOR
        self.chat: planner.Chat | None = None
        limit = settings.byte_count(config.search.memory_limit)
        self.guard = Guard(limit, say=lambda message: self.say("decision", message))
        self.budget = Budget(config.time_limit, spent=spent, started=started)
        self.journal = Journal(folder / "journal.jsonl") if folder is not None else None
        self._listener = listen
        self._written = 0.0
        self._status = "running"
        self.stop: Callable[[], bool] = lambda: False
        self.machine = folder / "machine.json" if folder is not None else None
        self.more: Mapping[str, Any] = {}
        self.results: list[Result] = []
        self.best: Result | None = None
        self.folders: list[Path] = []
        self.tried: list[str] = []
        self.reasons: list[str] = []
        self.meter = Meter()
        self._machine: Runtime | None = None
        self._stage: forecast.Stage | None = None
        self._spelling: language.Spelling | None = None
        self._doubts: set[str] = set()
        self.stages: dict[str, float] = {}
        self.predicting: dict[str, Predicting] = {}
        self.lessons: Sequence[Example] = ()
        self.rows, self.adapting, self.teaching = Rows(folder, self.say), Adapting(self), Teaching(self)
        self.workshop: Workshop | None = None
        self.materials: Materials

    def begun_with(self, limit: float | None) -> None:
        """The time limit that the run began with: its rows are split by it, however often it is given more time."""
        self.shape = self.config.scratch.within(limit)
        self.first_limit = float("inf") if limit is None else limit

    @cached_property
    def client(self) -> endpoint.Client | None:
        """Who asks the endpoint that the user named, by the account of this run."""
        return endpoint.open_client(
            self.config.remote,
            offline=self.config.source.offline,
            account=None if self.folder is None else self.folder / "endpoint.jsonl",
            remaining=self.budget.remaining,
            stop=lambda: self.stop(),
        )

    @property
    def place(self) -> Path:
        """The run's folder."""
        if self.folder is None:
            raise ConfigError("a plan has no folder")
        return self.folder

    @property
    def has_begun(self) -> bool:
        """Whether there is anything that a later `resume` could go on with."""
        return self.folder is not None and (
            (self.folder / "trials").is_dir() or (self.folder / "data.sha256").is_file()
        )

    def listen(self, event: Event) -> None:
        """Tell the caller and the journal; keep `run.json` young."""
        self._listener(event)
        if self.journal is not None:
            self.journal(event)
            if time.monotonic() - self._written > STATE_SECONDS:
                self.write_state(self._status)

    def say(self, kind: str, message: str, **data: Any) -> None:
        """An event."""
        self.listen(Event(kind, message, data))

    def write_state(self, status: str) -> None:
        """`run.json`: what `runs` and `resume` read."""
        self._status, self._written = status, time.monotonic()
        best = None
        if self.best is not None:
            metric = next(iter(self.best.scores))
            best = {"method": self.best.name, "metric": metric, "score": self.best.known[metric]}
        state = {
            "status": status,
            "process": {"host": platform.node(), "id": os.getpid()},
            "config": settings.plain(self.config),
            "started": time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(time.time() - self.budget.spent())),
            "seconds": round(self.budget.spent(), 2),
            "best": best,
            **self.more,
        }
        files.write_json(self.place / "run.json", state)

    def execute(self, data: Any, test: Any) -> tuple[Model, Report]:
        """The whole story."""
        try:
            with endpoint.named(self.client):
                return self._execute(data, test)
        finally:
            if self.workshop is not None:
                self.workshop.close()

    def _execute(self, data: Any, test: Any) -> tuple[Model, Report]:
        limit = self.config.time_limit
        self.say("plan", f"time limit: {settings.duration(limit)}", time_limit=limit, seed=self.config.seed)
        if self.config.compute.chosen is not None:
            self.workshop = Workshop.of(self)
        if self.config.compute.data_parallel > 1:
            self.say("plan", f"each batch of a training: {self.config.compute.data_parallel} processes")
        table = self.read(data, test)
        prepared = self.prepare(table)
        bench = self.bench(prepared)
        self.prior = belief.prior_of(rows_per_label(bench.train, bench.output))
        past.recall(self, bench, prepared)
        with bench.helped():
            self.climb(bench, prepared)
            if self.best is None:
                raise ResourceError(f"no method could be fitted: {'; '.join(self.reasons)}; give more time or memory")
            return finish.finish(self, bench, prepared, self.best)

    def read(self, data: Any, test: Any) -> Table:
        """Rows of the source; rows given in memory are kept in the run, so that it can be resumed."""
        offered.check(self.config)
        started = time.monotonic()
        kept = self.place / "data.jsonl" if self.folder is not None else None
        room, seconds = self.guard.room().bytes, self.first_limit
        table = kept_rows.table(self.config, data, test, kept=kept, room=room, seconds=seconds)
        self.stages["read"] = time.monotonic() - started
        count = f"{len(table):,} rows, {len(table.rejected):,} rejected"
        self.say("read", f"{table.origin}: {count}", rows=len(table), rejected=len(table.rejected))
        for note in table.notes:
            self.say("read", note)
        for rejection in table.rejected[:3]:
            self.say("warning", f"line {rejection.line}: {rejection.reason}")
        return table

    def prepare(self, table: Table) -> Prepared:
        """Profile, schema, examples, split; told to the listener."""
        started = time.monotonic()
        prepared = prepare(
            table,
            goal=self.config.goal,
            columns=self.config.columns,
            seed=self.config.seed,
            ask=self.ask,
            deep=self.first_limit > 60,
            most_validation=VALIDATION_ROWS_PER_SECOND * self.first_limit,
            form=self.config.search.format,
        )
        kept_rows.check_same(self.folder, prepared)
        self.stages["profile"] = time.monotonic() - started
        for reason in prepared.profile.reasons:
            self.say("profile", reason)
        for warning in prepared.profile.warnings():
            self.say("warning", warning)
        for how in prepared.split.how:
            self.say("split", how)
        sizes = {"train": len(prepared.train), "validation": len(prepared.validation), "test": prepared.test.count}
        self.say("split", ", ".join(f"{count:,} {name}" for name, count in sizes.items()), **sizes)
        self.choose_encoder(prepared.task.output, prepared.profile.languages)
        return prepared

    def choose_encoder(self, output: str, spoken: Mapping[str, float]) -> None:
        """Where none is named: another one than the default for texts that are not English, if it is installed."""
        search = self.config.search
        name = registry.trained(output).suited(spoken, self.first_limit) if search.backbone is None else None
        if name is not None:
            self.config = replace(self.config, search=replace(search, backbone=name))
            shown = languages.told(spoken)
            self.say("decision", f"the encoder is {name}: the texts are not all English ({shown})", backbone=name)

    def bench(self, prepared: Prepared) -> Bench:
        """What all trials share; nothing heavy is loaded before it is needed."""
        self.materials, adaptive = Materials.of(self.config, self.shape, prepared), self.config.adaptive
        if adaptive.adapt_joint:
            told = f"where a method trains the encoder, it learns the texts beside labels ({adaptive.adapt_objective})"
            self.say("decision", f"{told}, weight {adaptive.adapt_joint:g} falling to 0", weight=adaptive.adapt_joint)
        return self.made(self.materials, self.folder)

    def made(self, materials: Materials, place: Path | None) -> Bench:
        """The bench of these materials, which keeps what it reads in `place`."""
        return materials.bench(
            place=place,
            guard=self.guard,
            runtime=self.runtime,
            listen=self.listen,
            stop=lambda: self.stop(),
            remaining=self.budget.remaining,
            client=self.client,
        )

    def own(self, bench: Bench, one: Candidate | Result) -> Bench:
        """The bench of one trial: the rows it learns from, those a teacher says too, and the encoder it begins from."""
        begun = self.teaching.bench(self.adapting.bench(bench, one.adapted), one.taught)
        found = self.rows.bench(begun, one.rows)
        return replace(found, train=[*found.train, *self.lessons]) if one.distilled else found

    def runtime(self) -> Runtime:
        """What the run computes on, within its memory; a resumed run computes as it began."""
        if self._machine is None:
            found = detect() if self.machine is None else kept(self.machine)
            self._machine = replace(found, memory=self.guard)
        return self._machine

    def reserve(self, bench: Bench, prepared: Prepared, *, models: int = 1) -> float:
        """Seconds that the final evaluation and saving will need, if so many models answer together."""
        rate = bench.features.rows_per_second
        reading = models * min(prepared.test.count, finish.ENOUGH_TEST_ROWS) / rate if rate else 0.0
        if self.best is not None and self.best.usage:
            reading = max(reading, prepared.test.count * self.best.usage["seconds"] / 1_000)
        return min(reading, TEST_SHARE * self.budget.limit) + SAVING_SECONDS + 0.03 * min(self.budget.limit, 600.0)

    def facts(self, bench: Bench, prepared: Prepared) -> Facts:
        """What the ladder looks at."""
        return offered.facts(self, bench, prepared)

    def stage(self, bench: Bench) -> forecast.Stage:
        """What methods are rehearsed on before they are begun."""
        config, device = self.config, "cpu" if "torch" not in sys.modules else self.runtime().device
        if self._stage is None or self._stage.device != device:
            self._stage = forecast.stage_of(
                bench.train, bench.output, bench.space,
                search=config.search, offline=config.source.offline, device=device, shape=self.shape,
            )  # fmt: skip
        return self._stage

    def no_room(self, bench: Bench, candidate: Candidate) -> str | None:
        """Why there is not enough memory for a candidate, before anything of it is begun; None when there is."""
        stage, loaded = self.stage(bench), bench.features.once_seconds > 0
        return forecast.refusal(candidate.method, candidate.options, stage=stage, guard=self.guard, loaded=loaded)

    def climb(self, bench: Bench, prepared: Prepared) -> None:
        """Run candidates until the ladder or the time ends; the best so far is always in `<run>/model`."""
        facts = self.teaching.sparing(self.facts(bench, prepared), prepared)
        self.say("plan", f"may be tried: {', '.join(order(facts))}", methods=order(facts))
        paths = sorted((self.place / "trials").glob("[0-9]*-*/candidate.json"))
        begun = [Candidate(**json.loads(path.read_text("utf-8"))) for path in paths]
        for path, candidate in zip(paths, begun, strict=True):  # a resumed run: what was begun first, as it was begun
            if not search.is_aside(self, path.parent):
                left = planner.within(candidate, facts.remaining)
                trying.attempt(self, bench, prepared, candidate, path.parent, remaining=left)
        if any(one.method == "head" for one in begun):
            self._choose_rows(bench, prepared, facts)
        self.adapting.judge(bench)
        for rung in planner.guided(self, bench, prepared, facts, self._rungs(bench, facts), begun):
            if isinstance(rung, str):
                self.say("decision", rung, left_out=rung)
                self.reasons.append(rung)
                continue
            if not rung.by and extend.is_begun(rung, begun, self):
                continue
            rung = extend.again(rung, begun)
            if self.stop():
                raise Interrupted("stopped between two trials", resume="")
            problem = self.no_room(bench, rung)
            if problem is None and facts.remaining() <= 0 and self.results:
                problem = "the time is needed for the final test"
            if problem is None and rung.adapted:
                problem = self.adapting.train(bench, prepared, rung.seconds)
            if problem is not None:
                self.say("decision", f"{rung.name} is left out: {problem}", left_out=f"{rung.name}: {problem}")
                self.reasons.append(f"{rung.name} is left out: {problem}")
                continue
            if rung.method not in CHEAP:
                reads = registry.get("methods", rung.method).needs_backbone
                rung = replace(rung, rows=self.rows.policy, adapted=rung.adapted or (reads and self.adapting.kept))
            self._begin(bench, prepared, rung, facts)
            if rung.step == "head":
                self._choose_rows(bench, prepared, facts)
            if rung.step == "adapted-head":
                self.adapting.judge(bench)
        if self.workshop is not None:
            self.workshop.drain()
        self.teaching.teach(bench, prepared)
        search.explore(self, bench, prepared)

    def _choose_rows(self, bench: Bench, prepared: Prepared, facts: Facts) -> None:
        """Ask once, as soon as all rows were read, whether a part of them teaches more; and try it."""
        self.rows.consider(bench, seconds=min(CHOOSING_SHARE * self.budget.limit, facts.remaining() / 2))
        if self.rows.policy and not any(result.rows for result in self.results):
            self._begin(bench, prepared, Candidate("head", rows=self.rows.policy, reason="chosen rows only"), facts)

    def _begin(self, bench: Bench, prepared: Prepared, candidate: Candidate, facts: Facts) -> None:
        """Try a candidate in a folder of its own, which remembers it."""
        folder = self.place / "trials" / f"{len(self.tried):02d}-{candidate.step}"
        files.write_json(folder / "candidate.json", asdict(candidate))
        left = planner.within(candidate, facts.remaining)
        trying.attempt(self, bench, prepared, candidate, folder, remaining=left)

    def _rungs(self, bench: Bench, facts: Facts) -> Iterator[Candidate | str]:
        """The ladder; or with `auto` the rungs of one method, of the next only while none was fitted."""
        if self.config.search.methods != auto.NAME:
            yield from rungs(facts, self.results)
        elif not self.results:
            for method in auto.order(self, bench, facts):
                if not self.results:
                    yield from rungs(replace(facts, allowed=[method], named=True), self.results)

    def choose(self, bench: Bench, results: Sequence[Result] | None = None) -> Result:
        """The best of the trials so far, or of these."""
        knows = self.knows_language(bench)
        found, rows = results or self.results, len(bench.validation)
        return belief.choose(found, metric=bench.metric, rows=rows, knows_language=knows, prior=self.prior)

    def knows_language(self, bench: Bench, results: Sequence[Result] | None = None) -> bool:
        """Whether more may be expected of the encoder than of TF-IDF (True before it is loaded); doubts are told.

        Its tokenizer is looked at; where that leaves it open, `results` decide (None: those of the trials so far).
        """
        # a resumed run has read nothing yet, and must judge what it had tried as it did then
        has_read = bench.features.rows_per_second is not None or any(one.family == "encoder" for one in self.results)
        if not has_read or bench.output.name == "text":  # what is written is judged itself
            return True
        if self._spelling is None:
            encoder = bench.features.encoder()
            self._spelling = language.Spelling.of([row.inputs for row in bench.train[:200]], encoder)
        known, why = language.knows(self._spelling, self.results if results is None else results, bench.metric)
        if why and why not in self._doubts:
            self._doubts.add(why)
            self.say("decision", why)
        return known

    def promote(self, bench: Bench, prepared: Prepared, result: Result, scorer: Scorer | None) -> None:
        """Put the best so far where it can be loaded."""
        from autogpt.model import Model

        if extend.has_tested(self):
            return
        saved = self.folders[self.results.index(result)] / "scorer"
        scorer = scorer or load_scorer(saved, result.family)
        info = {"status": "candidate", "method": result.name, "validation": result.known}
        model = Model(scorer, schema=prepared.profile.schema, space=bench.space, decision=Decision(), info=info)
        model.save(self.place / "model", saved_scorer=saved, check=False)
        self.say("saved", f"best so far: {result.name}, loadable from {self.place / 'model'}")
