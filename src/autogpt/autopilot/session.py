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
from functools import cache, cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from autogpt import config as settings
from autogpt import endpoint, files, registry
from autogpt.autopilot import auto, belief, finish, forecast, kept_rows, language, offered
from autogpt.autopilot.budget import Budget
from autogpt.autopilot.choosing import SHARE as CHOOSING_SHARE
from autogpt.autopilot.choosing import Rows
from autogpt.autopilot.described import described
from autogpt.autopilot.journal import Journal
from autogpt.autopilot.ladder import CHEAP, Facts, rungs
from autogpt.autopilot.trial import Bench, Candidate, Result, load_result, load_scorer, run_trial
from autogpt.autopilot.unlabelled import advised
from autogpt.config import RunConfig
from autogpt.core import Decision, Making, Scorer, Table
from autogpt.errors import AutoGPTError, ConfigError, InputError, Interrupted, ResourceError
from autogpt.evaluation.energy import Meter, Predicting
from autogpt.events import Event, Listener
from autogpt.memory import SHARE, Guard
from autogpt.pipeline import Ask, Prepared, main_metrics, prepare
from autogpt.runtime import Runtime, detect, kept

if TYPE_CHECKING:
    from autogpt.evaluation.report import Report
    from autogpt.model import Model

log = logging.getLogger(__name__)

STATE_SECONDS = 1.0
VALIDATION_ROWS_PER_SECOND = 5.0  # of the limit
SAVING_SECONDS = 3.0
MEASURED_ROWS = 24
"""Rows that tell the reading speed."""
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
        self.shape = config.scratch.within(config.time_limit)
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
        self._told: set[str] = set()
        self.stages: dict[str, float] = {}
        self.predicting: dict[str, Predicting] = {}
        self.rows = Rows(folder, self.say)

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
        with endpoint.named(self.client):
            return self._execute(data, test)

    def _execute(self, data: Any, test: Any) -> tuple[Model, Report]:
        limit = self.config.time_limit
        self.say("plan", f"time limit: {settings.duration(limit)}", time_limit=limit, seed=self.config.seed)
        table = self.read(data, test)
        prepared = self.prepare(table)
        bench = self.bench(prepared)
        self.climb(bench, prepared)
        if self.best is None:
            raise ResourceError(f"no method could be fitted: {'; '.join(self.reasons)}; give more time or memory")
        return finish.finish(self, bench, prepared, self.best)

    def read(self, data: Any, test: Any) -> Table:
        """Rows of the source; rows given in memory are kept in the run, so that it can be resumed."""
        from autogpt.data.read import read
        from autogpt.data.split import with_test

        started = time.monotonic()
        kept = self.place / "data.jsonl" if self.folder is not None else None
        if data is None and kept is not None and kept.is_file():
            table = kept_rows.read(kept)
        else:
            wanted = self.config.source
            if data is None:
                table = read(self.config.data, query=wanted.query, offline=wanted.offline)
            else:
                table = read(data, offline=wanted.offline)
            held_out = wanted.test if test is None else test
            if held_out is not None:
                table = with_test(table, read(held_out, offline=wanted.offline))
            if kept is not None and (data is not None or test is not None):
                kept_rows.write(table, kept)
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
            deep=self.budget.limit > 60,
            most_validation=VALIDATION_ROWS_PER_SECOND * self.budget.limit,
            form=self.config.search.format,
        )
        self._same_data(prepared)
        self.stages["profile"] = time.monotonic() - started
        for reason in prepared.profile.reasons:
            self.say("profile", reason)
        for warning in prepared.profile.warnings():
            self.say("warning", warning)
        for how in prepared.split.how:
            self.say("split", how)
        sizes = {"train": len(prepared.train), "validation": len(prepared.validation), "test": prepared.test.count}
        self.say("split", ", ".join(f"{count:,} {name}" for name, count in sizes.items()), **sizes)
        return prepared

    def _same_data(self, prepared: Prepared) -> None:
        """A resumed run must see the rows that it began with."""
        if self.folder is None:
            return
        path = self.folder / "data.sha256"
        if not path.is_file():
            files.write_text(path, prepared.fingerprint)
        elif path.read_text("utf-8") != prepared.fingerprint:
            origin = prepared.table.origin
            raise InputError(f"{origin}: its rows are not those that the run began with; restore them or start anew")

    def bench(self, prepared: Prepared) -> Bench:
        """What all trials share; nothing heavy is loaded before it is needed."""
        from autogpt.training.features import FeatureCache

        config, output, space = self.config, prepared.output, prepared.space
        family, making = registry.trained(output.name), Making(prepared.texts, self.shape, config.seed)

        def open_encoder() -> Any:
            return family.open(
                config.search.backbone,
                output=output.name,
                size=output.size(space),
                labels=space.labels if output.token_level else (),
                like=prepared.train[0].inputs,
                runtime=self.runtime(),
                revision=config.search.revision,
                offline=config.source.offline,
                making=making,
            )

        folder = self.place / "features" if self.folder is not None else None
        bench = Bench(
            train=prepared.train,
            validation=prepared.validation,
            output=output,
            space=space,
            metrics=main_metrics(prepared.task, config.search.metric, space),
            open=open_encoder,
            features=FeatureCache(open_encoder, folder=folder, guard=self.guard),
            runtime=self.runtime,
            seed=config.seed,
            listen=self.listen,
            stop=lambda: self.stop(),
            report_to=config.search.report_to,
            room=lambda: int(SHARE * self.guard.room().bytes),
            remote=endpoint.none_named
            if self.client is None
            else partial(endpoint.Remote, self.client, config.goal, prepared.test.count),
        )
        said = {"goal": config.goal, "columns": prepared.profile.schema.text}
        kept = self.place / "descriptions.json" if self.folder is not None else None
        services: dict[str, Any] = {**said, "say": self.say, "remaining": self.budget.remaining}
        return advised(described(bench, **services, kept=kept), prepared.unlabelled, **services)

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
        from autogpt.training.features import exact_cost

        allowed = offered.methods(self.config, bench)
        problem = offered.backbone_problem(self.config, bench)
        if problem is None and any(registry.get("methods", name).needs_backbone for name in allowed):
            problem = self.no_room(bench, Candidate("full" if bench.output.name == "text" else "head"))
        return Facts(
            train=bench.train,
            validation=len(bench.validation),
            output=bench.output,
            layers=lambda: int(bench.features.encoder().layer_count),
            rows_per_second=lambda: bench.features.rows_per_second,
            remaining=lambda: self.budget.remaining() - self.reserve(bench, prepared),
            device=lambda: bench.runtime().device,
            allowed=allowed,
            has_backbone=problem is None,
            backbone_problem=problem or "",
            named=self.config.search.methods not in (None, auto.NAME),
            measure=lambda: bench.features.get([row.inputs for row in bench.train[:MEASURED_ROWS]]),
            exact=cache(lambda: exact_cost(bench.features, bench.train, bench.runtime())),
            unlabelled=len(prepared.unlabelled),
            scratch=bench.output.name == "text" and self.config.search.backbone in (None, "scratch"),
            corpus=len(bench.space.labels) if bench.output.name == "ranking" else 0,
        )

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
        facts = self.facts(bench, prepared)
        begun = sorted((self.place / "trials").glob("[0-9]*-*/candidate.json"))
        for path in begun:  # a resumed run: what was begun first, as it was begun
            candidate = Candidate(**json.loads(path.read_text("utf-8")))
            self._try(bench, prepared, candidate, path.parent, remaining=facts.remaining)
        known = {path.parent.name.split("-", 1)[1] for path in begun}
        if "head" in known:
            self._choose_rows(bench, prepared, facts)
        for rung in self._rungs(bench, facts):
            if isinstance(rung, str):
                self.say("decision", rung)
                self.reasons.append(rung)
                continue
            if rung.method in known:
                continue
            if self.stop():
                raise Interrupted("stopped between two trials", resume="")
            problem = self.no_room(bench, rung)
            if problem is not None:
                self.say("decision", f"{rung.name} is left out: {problem}")
                self.reasons.append(f"{rung.name} is left out: {problem}")
                continue
            if facts.remaining() <= 0 and self.results:
                self.say("decision", f"{rung.name} is left out: the time is needed for the final test")
                continue
            rung = replace(rung, rows=self.rows.policy if rung.method not in CHEAP else "")
            self._begin(bench, prepared, rung, facts)
            if rung.method == "head":
                self._choose_rows(bench, prepared, facts)

    def _choose_rows(self, bench: Bench, prepared: Prepared, facts: Facts) -> None:
        """Ask once, as soon as all rows were read, whether a part of them teaches more; and try it."""
        self.rows.consider(bench, seconds=min(CHOOSING_SHARE * self.budget.limit, facts.remaining() / 2))
        if self.rows.policy and not any(result.rows for result in self.results):
            self._begin(bench, prepared, Candidate("head", rows=self.rows.policy, reason="chosen rows only"), facts)

    def _begin(self, bench: Bench, prepared: Prepared, candidate: Candidate, facts: Facts) -> None:
        """Try a candidate in a folder of its own, which remembers it."""
        folder = self.place / "trials" / f"{len(self.tried):02d}-{candidate.method}"
        files.write_json(folder / "candidate.json", asdict(candidate))
        self._try(bench, prepared, candidate, folder, remaining=facts.remaining)

    def _rungs(self, bench: Bench, facts: Facts) -> Iterator[Candidate | str]:
        """The ladder; or with `auto` the rungs of one method, of the next only while none was fitted."""
        if self.config.search.methods != auto.NAME:
            yield from rungs(facts, self.results)
        elif not self.results:
            for method in auto.order(self, bench, facts):
                if not self.results:
                    yield from rungs(replace(facts, allowed=[method], named=True), self.results)

    def _try(
        self, bench: Bench, prepared: Prepared, candidate: Candidate, folder: Path, *, remaining: Callable[[], float]
    ) -> None:
        self.tried.append(candidate.method)
        told: dict[str, Any] = {"trial": candidate.name, "method": candidate.name, "metric": bench.metric.name}
        told |= {"higher_is_better": bench.metric.higher_is_better}
        result = load_result(folder)
        if result is None:
            self.say("trial", f"{candidate.name}: {candidate.reason}", **told, state="started")
            try:
                own = self.rows.bench(bench, candidate.rows)
                result, scorer = run_trial(own, candidate, folder=folder, remaining=remaining)
            except (Interrupted, InputError):
                raise
            except (AutoGPTError, MemoryError) as problem:
                self.say("trial", f"{candidate.name} failed: {problem}", **told, state="failed")
                self.reasons.append(f"{candidate.name}: {problem}")
                return
        else:
            scorer = load_scorer(folder / "scorer", result.family)
        self.results.append(result)
        self.folders.append(folder)
        score = result.known[bench.metric.name]
        self.stages[result.name] = result.seconds
        measured = "no validation rows" if score is None else f"{bench.metric.name} {score:.4f} on validation"
        message = f"{result.name}: {measured}, {result.seconds:.1f} s"
        self.say("trial", message, **told, score=score, seconds=result.seconds, state="done", chosen=result.chosen)
        for note in result.notes:
            self.say("trial", f"{result.name}: {note}")
        chosen = self.choose(bench)
        if chosen is not self.best:
            self.best = chosen
            self._promote(bench, prepared, chosen, scorer if chosen is result else None)

    def choose(self, bench: Bench, results: Sequence[Result] | None = None) -> Result:
        """The best of the trials so far, or of these."""
        knows = self.knows_language(bench)
        found, rows = results or self.results, len(bench.validation)
        return belief.choose(found, metric=bench.metric, rows=rows, knows_language=knows)

    def knows_language(self, bench: Bench, results: Sequence[Result] | None = None) -> bool:
        """Whether more may be expected of the encoder than of TF-IDF (True before it is loaded); doubts are told.

        Its tokenizer is looked at; where that leaves it open, `results` decide (None: those of the trials so far).
        """
        if bench.features.rows_per_second is None or bench.output.name == "text":  # what is written is judged itself
            return True
        if self._spelling is None:
            encoder = bench.features.encoder()
            self._spelling = language.Spelling.of([row.inputs for row in bench.train[:200]], encoder)
        known, why = language.knows(self._spelling, self.results if results is None else results, bench.metric)
        if why and why not in self._told:
            self._told.add(why)
            self.say("decision", why)
        return known

    def _promote(self, bench: Bench, prepared: Prepared, result: Result, scorer: Scorer | None) -> None:
        """Put the best so far where it can be loaded."""
        from autogpt.model import Model

        saved = self.folders[self.results.index(result)] / "scorer"
        scorer = scorer or load_scorer(saved, result.family)
        info = {"status": "candidate", "method": result.name, "validation": result.known}
        model = Model(scorer, schema=prepared.profile.schema, space=bench.space, decision=Decision(), info=info)
        model.save(self.place / "model", saved_scorer=saved, check=False)
        self.say("saved", f"best so far: {result.name}, loadable from {self.place / 'model'}")
