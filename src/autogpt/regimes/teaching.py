"""A teacher writes targets for rows that have none, and what a run fits learns from them as well, if that pays.

"Sequence-Level Knowledge Distillation" (Kim and Rush 2016): a small model learns from the texts that a large one
writes. Theirs replaces the targets of people; ours stand beside them, for rows that nobody wrote to, and have to win:

    methods are fitted on the rows -> is the teacher ahead of the best of them on validation rows? -> it writes, within
        money and time -> each text is checked (`_targets`) -> each method once more, with them -> ahead beyond noise of
        itself with as many steps on the rows alone?

The teacher is a scorer like all others: what `few-shot` comes to behind the endpoint, or a saved model that writes.
What it wrote is learned from after the rows, and nobody is ever judged by it. All of it stands in `<run>/taught`: what
was written, row by row and with its fault (`written.jsonl`), what was decided (`state.json`), and the fits.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from autogpt import files
from autogpt.autopilot import trying
from autogpt.autopilot.trial import Bench, Candidate, Result, load_result, load_scorer, load_scores, save_scores
from autogpt.core import Decision, Example, Scorer
from autogpt.data.examples import line_of
from autogpt.endpoint import Remote
from autogpt.errors import AutoGPTError, ConfigError, EndpointError, InputError, Interrupted, ResourceError
from autogpt.regimes._targets import Checks
from autogpt.regimes.adaptive import difference
from autogpt.written import source_of

if TYPE_CHECKING:
    from autogpt.autopilot.ladder import Facts
    from autogpt.autopilot.session import Session
    from autogpt.core import Scores
    from autogpt.pipeline import Prepared

ENDPOINT, LONGER = "endpoint", "more steps"
CHUNK, LEAST, LOOK = 16, 8, 32
"""Rows that are written at once; texts that are worth learning from; rows after which faults are counted."""
WRONG = 0.5
"""Of what it wrote: a teacher of whose texts more are at fault is not asked on."""
WRITING = 0.5
"""Of the time that is left, at most, is spent until all is written."""
UNSURE = 0.05
"""Of a teacher's answers to validation rows are less sure than what it has to be of a text that is learned from."""
MARGIN = 1.2
"""What test rows of a candidate that asks the endpoint are expected to cost, over what validation rows did."""


def check(teacher: str | None, *, endpoint: str | None) -> None:
    """ConfigError where a teacher cannot be one; said before rows are read."""
    if teacher == ENDPOINT and endpoint is None:
        raise ConfigError("--teacher endpoint asks a language model; name it with --endpoint")
    if teacher not in (None, ENDPOINT) and not (Path(str(teacher)) / "autogpt.json").is_file():
        raise ConfigError(f"--teacher {str(teacher)!r} is neither 'endpoint' nor the folder of a saved model")


@dataclass(slots=True)
class _State:
    """What survives a kill: why nothing was taught, why writing ended, the account before the teacher was asked."""

    refused: str = ""
    ended: str = ""
    requests: int = 0
    money: float = 0.0


@dataclass(frozen=True, slots=True)
class _Teacher:
    """Who writes, and its answers to the validation rows."""

    name: str
    scorer: Scorer
    folder: Path

    @property
    def scores(self) -> Scores:
        return load_scores(self.folder / "validation.safetensors")


class Teaching:
    """What a teacher adds to a run. `kept`: methods that are better with it; their variations learn from it too."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self.kept: set[str] = set()
        self._rows: Sequence[Example] = ()
        self._bench: Bench | None = None

    @property
    def _place(self) -> Path:
        return self._session.place / "taught"

    def sparing(self, facts: Facts, prepared: Prepared) -> Facts:
        """The facts of a ladder that leaves the time for it."""
        told, budget = self._session.config.teaching, self._session.budget
        if told.teacher is None or not prepared.unlabelled or facts.output.name != "text":
            return facts
        self._rows = prepared.unlabelled
        remaining, share = facts.remaining, told.teacher_share if budget.limit < float("inf") else 0.0
        return replace(facts, remaining=lambda: remaining() - (share * budget.limit if share else 0.0))

    def bench(self, bench: Bench, taught: bool) -> Bench:
        """The bench of a trial that learns from what was written as well, or as it was."""
        if not taught:
            return bench
        if self._bench is None:
            materials = replace(self._session.materials, taught=tuple(self.examples()))
            self._bench = self._session.made(materials, self._place)
        return replace(self._bench, train=bench.train, validation=bench.validation, seed=bench.seed)

    def examples(self) -> list[Example]:
        """What was written and has no fault."""
        rows = {row.id: row for row in self._rows}
        lines = files.json_lines(self._place / "written.jsonl")
        return [replace(rows[line["row"]], target=line["target"]) for line in lines if not line["fault"]]

    def teach(self, bench: Bench, prepared: Prepared) -> None:
        """Let the teacher write and fit what was fitted once more, where each step before it speaks for that."""
        session, told = self._session, self._session.config.teaching
        if told.teacher is None:
            return
        path, state = self._place / "state.json", _State()
        if path.is_file():
            state = _State(**json.loads(path.read_text("utf-8")))
        elif session.client is not None:
            state.requests, state.money = session.client.ledger.requests, session.client.ledger.money
        if not state.ended and not state.refused:
            files.write_json(path, asdict(state))
            try:
                self._write(bench, prepared, state)
            except (Interrupted, InputError, ConfigError):
                raise
            except (AutoGPTError, MemoryError) as problem:
                state.refused = str(problem) or "memory ran out"
            files.write_json(path, asdict(state))
        if state.refused:
            why = f"no targets are written: {state.refused}"
            session.say("decision", why, left_out=why)
            session.reasons.append(why)
            return
        for student in self._students():
            self._learn(bench, prepared, student)

    def info(self, best: Result) -> dict[str, Any]:
        """What a model that learned from a teacher says of it."""
        if not best.taught:
            return {}
        return {"taught": {"teacher": self._session.config.teaching.teacher, "targets": len(self.examples())}}

    def _students(self) -> list[Result]:
        """The first fit of each method that learns from rows on this machine, cheap ones first."""
        fits = [one for one in self._session.results if not (one.usage or one.varied or one.taught or one.rows)]
        return list({one.method: one for one in reversed(fits) if one.method != "majority"}.values())[::-1]

    def _write(self, bench: Bench, prepared: Prepared, state: _State) -> None:
        """Have targets written and checked, or say in `state.refused` why there are none."""
        session, students = self._session, self._students()
        if bench.output.name != "text":
            state.refused = f"a teacher writes texts, and answers are {bench.output.name} here"
        elif not self._rows:
            state.refused = "no row lacks a target"
        elif not students or not bench.validation:
            state.refused = "nothing was fitted that could learn from them, or no validation row could judge it"
        if state.refused:
            return
        teacher, best = self._teacher(bench), session.choose(bench, students)
        ahead = difference(bench, teacher.folder, session.folders[session.results.index(best)])
        told = f"{teacher.name} is {ahead.delta:+.4f} [{ahead.low:+.4f}, {ahead.high:+.4f}] {ahead.metric} ahead of"
        if not ahead.low > 0:
            state.refused = f"{told} {best.name}, which is no more than noise on {len(bench.validation)} rows"
            return
        session.say("decision", f"{told} {best.name}: it writes targets for rows that have none")
        checks = Checks.of(bench.train, bench.space)
        state.ended, lines = self._written(bench, prepared, teacher, checks)
        if len(lines) < LEAST or sum(bool(one["fault"]) for one in lines) > WRONG * len(lines):
            state.refused = f"of {len(lines)} that {teacher.name} wrote{_counted(lines)} ({state.ended})"
        else:
            self._say_written(lines, state)

    def _say_written(self, lines: Sequence[dict[str, Any]], state: _State) -> None:
        good, client = sum(not one["fault"] for one in lines), self._session.client
        cost = ""
        if client is not None and client.ledger.requests > state.requests:
            money = client.ledger.money - state.money
            cost = f"; that took {client.ledger.requests - state.requests:,} requests"
            cost += f" and {money:.4f} in money" if client.ledger.prices.known else ""
        told = f"{len(lines):,} targets were written ({state.ended})"
        self._session.say("decision", f"{told}, {good:,} are learned from{_counted(lines)}{cost}", targets=good)

    def _teacher(self, bench: Bench) -> _Teacher:
        """The teacher with its answers to the validation rows."""
        session, named = self._session, str(self._session.config.teaching.teacher)
        if named != ENDPOINT:
            return self._model(bench, Path(named))
        asked = [folder for one, folder in zip(session.results, session.folders, strict=True) if one.usage]
        folder = asked[0] if asked else self._place / "teacher"
        if load_result(folder) is None and session.client is not None:
            remote = partial(Remote, session.client, session.config.goal, LEAST)
            clock = session.budget.until((1 - WRITING) * session.budget.remaining())
            candidate = Candidate("few-shot", session.config.experiments.asking)
            trying.fit(session, replace(bench, remote=remote), candidate, folder=folder, remaining=clock)
        return _Teacher(str(session.config.remote.endpoint_model or ENDPOINT), load_scorer(folder / "scorer", ENDPOINT),
                        folder)  # fmt: skip

    def _model(self, bench: Bench, folder: Path) -> _Teacher:
        """A saved model; it answers the validation rows once."""
        from autogpt.model import Model

        model, place = Model.load(folder), self._place / "teacher"
        reads = {"messages"} if "messages" in bench.train[0].inputs else {"source"}
        if model.output.name != "text" or not reads <= model.task.samples("text", model.schema)[0].keys():
            raise ConfigError(f"--teacher {str(folder)!r} is a model for {model.task.name}, which writes no such texts")
        if not (place / "validation.safetensors").is_file():
            save_scores(model.scorer.score([row.inputs for row in bench.validation]), place / "validation.safetensors")
        return _Teacher(folder.name, model.scorer, place)

    def _written(
        self, bench: Bench, prepared: Prepared, teacher: _Teacher, checks: Checks
    ) -> tuple[str, list[dict[str, Any]]]:
        """Why writing ended, and all that was written, with the fault of each."""
        session, path = self._session, self._place / "written.jsonl"
        drawn = np.random.default_rng([bench.seed, 97]).permutation(len(self._rows))
        rows = [self._rows[place] for place in drawn[: session.config.teaching.teacher_rows]]
        known = {line["row"]: line for line in files.json_lines(path)} if path.is_file() else {}
        left = [row for row in rows if row.id not in known]
        clock = session.budget.until((1 - WRITING) * session.budget.remaining())
        ended = ""
        for start in range(0, len(left), CHUNK):
            ended = self._may_not(bench, prepared, checks, list(known.values()), clock)
            if ended:
                break
            part = left[start : start + CHUNK]
            answers, ended = _answers(bench, teacher.scorer, part)
            for row, (text, sure) in zip(part, answers, strict=False):
                line = {"row": row.id, "line": line_of(prepared.table, row.id), "source": source_of(row.inputs),
                        "target": text, "sure": round(sure, 6), "from": teacher.name}  # fmt: skip
                known[row.id] = line
                files.append_line(path, json.dumps(line, ensure_ascii=False))
            if ended:
                break
        lines = [known[row.id] for row in rows if row.id in known]
        self._judge(bench, teacher, checks, lines)
        files.write_text(path, "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines))
        return ended or "every row that may be", lines

    def _may_not(
        self, bench: Bench, prepared: Prepared, checks: Checks, lines: Sequence[dict[str, Any]],
        clock: Callable[[], float],
    ) -> str:  # fmt: skip
        """Why no more is written; empty where nothing speaks against it."""
        session = self._session
        if session.stop():
            raise Interrupted("stopped while targets were written", resume="")
        if clock() <= 0:
            return f"the time for it is used up, {len(self._rows):,} rows have none"
        if LOOK <= len(lines) < LOOK + CHUNK:
            faults = checks.faults([{"source": one["source"]} for one in lines], [one["target"] for one in lines])
            if sum(map(bool, faults)) > WRONG * len(lines):
                return "most are at fault"
        if session.client is not None:
            each = max((one.usage.get("money", 0.0) for one in session.results if one.usage), default=0.0)
            test = MARGIN * each * (prepared.test.count + CHUNK) / 1_000
            if session.client.ledger.left < test:
                return f"{session.client.ledger.left:.4f} of --max-cost are kept for test rows"
        return ""

    def _judge(self, bench: Bench, teacher: _Teacher, checks: Checks, lines: Sequence[dict[str, Any]]) -> None:
        """Write its fault beside each text: that of the checks, or that its writer was less sure than it is usually."""
        faults = checks.faults([{"source": one["source"]} for one in lines], [one["target"] for one in lines])
        usual = [sure for _, sure in _decoded(bench, teacher.scores, bench.validation)]
        least = float(np.quantile(usual, UNSURE)) if usual else 0.0
        for line, fault in zip(lines, faults, strict=True):
            line["fault"] = fault or ("unsure" if line["sure"] < least - 1e-6 else "")

    def _longer(self, bench: Bench, prepared: Prepared, first: Result) -> Result:
        """The method on its rows alone with as many steps as it takes with written targets, or its first fit, whichever
        is better: few rows make few steps, and what more of them bring is nothing that a teacher brought."""
        session, passes = self._session, first.options.get("epochs")
        if not isinstance(passes, (int, float)):
            return first
        times, folder = 1 + len(self.examples()) / len(bench.train), self._place / f"{first.method}-alone"
        options = {**first.options, "epochs": round(times * passes, 2)}
        candidate = Candidate(
            first.method, options, first.seconds * times, "as many steps, without the targets", by=LONGER
        )
        clock = session.budget.until(session.reserve(bench, prepared))
        half = clock() / 2 if math.isfinite(clock()) else 0.0
        if load_result(folder) is not None or (session.no_room(bench, candidate) is None and clock() > half):
            trying.attempt(session, bench, prepared, candidate, folder, remaining=lambda: clock() - half)
        if session.workshop is not None:
            session.workshop.drain()
        if folder not in session.folders:
            return first
        found, sign = session.results[session.folders.index(folder)], 1 if bench.metric.higher_is_better else -1
        return max(first, found, key=lambda one: sign * one.scores[bench.metric.name])

    def _learn(self, bench: Bench, prepared: Prepared, first: Result) -> None:
        """A method once more, with what was written; it is a trial like others only if it is better beyond noise."""
        session, folder, without = self._session, self._place / first.method, self._longer(bench, prepared, first)
        candidate = Candidate(first.method, dict(first.options), reason="targets that a teacher wrote", taught=True)
        if load_result(folder) is None:
            problem = session.no_room(bench, candidate)
            clock = session.budget.until(session.reserve(bench, prepared))
            if problem is None and clock() <= 0:
                problem = "the time is needed for the final test"
            if problem is None:
                try:
                    trying.fit(session, self.bench(bench, True), candidate, folder=folder, remaining=clock)
                except (Interrupted, InputError):
                    raise
                except (AutoGPTError, MemoryError) as failed:
                    problem = str(failed) or "memory ran out"
            if problem is not None:
                session.say("decision", f"{candidate.name} is left out: {problem}")
                return
        found = difference(bench, folder, session.folders[session.results.index(without)])
        told = f"{found.delta:+.4f} [{found.low:+.4f}, {found.high:+.4f}] {found.metric} ahead of {without.name}"
        if found.low > 0:
            session.say("decision", f"{candidate.name} is {told}: it is kept", gain=found.delta)
            self.kept.add(first.method)
            trying.attempt(session, bench, prepared, candidate, folder, remaining=session.budget.remaining)
        else:
            session.say("decision", f"{candidate.name} is {told}: no better beyond noise, it is dropped")


def _answers(bench: Bench, scorer: Scorer, rows: Sequence[Example]) -> tuple[list[tuple[str, float]], str]:
    """Texts and how sure each is, of the first rows that were answered; and why it was not all of them."""
    try:
        return _decoded(bench, scorer.score([row.inputs for row in rows]), rows), ""
    except EndpointError as problem:
        return [], str(problem)
    except ResourceError as problem:
        found: list[tuple[str, float]] = []
        for row in rows:  # what was answered while others were not is paid for, and kept by the account
            try:
                found += _decoded(bench, scorer.score([row.inputs]), [row])
            except (ResourceError, EndpointError):
                break
        return found, str(problem)


def _decoded(bench: Bench, scores: Scores, rows: Sequence[Example]) -> list[tuple[str, float]]:
    answers = bench.output.decode(scores, bench.space, Decision(), [row.inputs for row in rows])
    return [(str(one.value), one.confidence or 0.0) for one in answers]


def _counted(lines: Sequence[dict[str, Any]]) -> str:
    """How many texts have which fault."""
    counts = Counter(one["fault"] for one in lines if one["fault"])
    told = ", ".join(f"{count} {fault}" for fault, count in counts.most_common())
    return f"; left out: {told}" if told else ""
