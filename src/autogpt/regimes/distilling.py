"""A saved model teaches a smaller one what it would answer, on rows with labels or without.

    saved model ── what it says of every row ──> rows to learn from | to choose by | held out
                                                     └─> student ──> agreement, scores, costs ──> a model of its own

"Distilling the Knowledge in a Neural Network" (Hinton et al. 2015). Ours holds rows out that neither choose nor teach:
on them student and teacher are compared, by the teacher's answers, and where rows have labels by these as well, beside
the same student on the labels alone, so that it can be seen whether distilling brought anything.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from autogpt import config as settings
from autogpt import files, registry
from autogpt.autopilot import serving
from autogpt.autopilot.deciding import decide
from autogpt.autopilot.ladder import FULL, wanted_epochs
from autogpt.autopilot.materials import Materials
from autogpt.autopilot.run import DISTILLED, new_folder, told
from autogpt.autopilot.session import Session
from autogpt.autopilot.trial import Bench, Candidate, load_scores, run_trial
from autogpt.config import Distilling, RunConfig
from autogpt.core import Decision, Example, Prediction, Scorer, Table
from autogpt.data.examples import examples, expanded, unlabelled
from autogpt.data.split import given_splits, make_split
from autogpt.errors import AutoGPTError, ConfigError, InputError, Interrupted
from autogpt.evaluation.interval import Answers, paired_difference
from autogpt.evaluation.score import evaluate
from autogpt.events import Listener, silent
from autogpt.experts import Averaging
from autogpt.model import Model
from autogpt.pipeline import fingerprint, main_metrics
from autogpt.soft_targets import SoftTarget

if TYPE_CHECKING:
    from autogpt.core import Array

LEAST_ROWS, MOST_ROWS = 20, 50_000
CHUNK, ASKING, SAVING_SECONDS = 256, 0.5, 5.0
"""Rows that the teacher is asked about at once; and of the time, at most, that goes into asking it."""
TRUST = 0.5
"""Share of a row's own label, where the teacher did not learn from the row."""


@dataclass(frozen=True, slots=True)
class Distilled:
    """A finished distillation: its folder, the student, and `distilled.json`: what held-out rows say of it."""

    folder: Path
    model: Model
    facts: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Row:
    """A row, the split that the data names for it, its label (None: it has none that the teacher knows), and what the
    teacher says: its answer, and a row of `Output.probabilities`."""

    example: Example
    split: str | None
    label: Any
    answer: Any
    likely: Array


def distil(
    teacher: Model,
    config: RunConfig,
    options: Distilling,
    *,
    data: Any = None,
    listen: Listener | None = None,
) -> Distilled:
    """Teach `options.into` by a saved model on the rows of `config.data` (or `data`); `<run>/model` is the student."""
    method, backbone = _student(teacher, options)
    if not config.data and data is None:
        raise ConfigError("there are no rows to ask the teacher about; give DATA")
    config = replace(config, search=replace(config.search, backbone=backbone))
    started, folder = time.monotonic(), new_folder(config)
    session = Session(config, folder=folder, listen=listen or silent, ask=None, started=started)
    session.more = {DISTILLED: settings.plain(options)}
    try:
        with told(session):
            return _run(session, teacher, options, method, session.read(data, None))
    except AutoGPTError as problem:
        if not isinstance(problem, Interrupted):
            shutil.rmtree(folder, ignore_errors=True)
        raise


def _student(teacher: Model, options: Distilling) -> tuple[str, str | None]:
    """Method and backbone of the student. ConfigError: there is none of this name, or it cannot learn of a teacher."""
    output = teacher.output.name
    if not isinstance(teacher.output, Averaging):
        raise ConfigError(
            f"answers of kind {output!r} cannot be taught; give a model that answers with labels or numbers"
        )
    methods = {name: registry.get("methods", name) for name in registry.names("methods")}
    able = [n for n, one in methods.items() if getattr(one, "takes_soft_targets", False) and output in one.outputs]
    name, _, backbone = (options.into or "").partition("/")
    if name not in able:
        given = f"{name!r} cannot learn of a teacher" if name else "no student is named"
        raise ConfigError(f"{given}; give --into with one of: {', '.join(able)} (and /BACKBONE)")
    if backbone and not methods[name].needs_backbone:
        raise ConfigError(f"{name} has no backbone; give --into {name}")
    return name, backbone or None


def _run(session: Session, teacher: Model, options: Distilling, method: str, table: Table) -> Distilled:
    """From the rows to the student that was compared with its teacher."""
    has_learned = teacher.info.get("data", {}).get("fingerprint") == f"sha256:{fingerprint(table)}"
    rows = _rows(session, teacher, options, table)
    split = make_split(
        [row.example for row in rows],
        output=teacher.output.name,
        seed=session.config.seed,
        given=[row.split for row in rows],
    )
    for how in split.how:
        session.say("split", how)
    train, held, out = ([rows[one.id] for one in part] for part in (split.train, split.validation, split.test))
    trust = options.trust if options.trust is not None else 1.0 if has_learned else TRUST
    if trust == 1 and all(row.label is not None for row in train):
        why = "the teacher learned from these rows" if has_learned else "labels alone are trusted"
        raise ConfigError(f"{why}, and all have a label: there is nothing to learn of it; give other rows, or --trust")
    bench = _bench(session, teacher, train, held, len(out))
    lessons = [replace(row.example, target=_lesson(row, trust)) for row in train]
    student = _Student.fitted(session, replace(bench, train=lessons), method, "student")
    labels = [row.example for row in train if row.label is not None]
    spare = session.budget.remaining() - SAVING_SECONDS
    plain = None
    if len(labels) >= LEAST_ROWS and any(row.label is not None for row in out) and spare > 1.5 * student.seconds:
        plain = _Student.fitted(session, replace(bench, train=labels), method, "labels")
    facts = {
        "teacher": str(teacher.info.get("method", "")),
        "student": options.into,
        "rows": {"train": len(train), "labelled": len(labels), "validation": len(held), "held_out": len(out)},
        "trust": trust,
        "learned": has_learned,
        **_compared(teacher, out, student, plain),
        "costs": _costs(teacher, student, out),
    }
    info = {
        "status": "distilled",
        "method": f"{options.into} taught by {facts['teacher'] or 'a model'}",
        "config": settings.plain(session.config),
        "data": {"origin": table.origin, "fingerprint": f"sha256:{fingerprint(table)}"},
        "validation": student.validation,
        "distilled": facts,
    }
    model = Model(student.scorer, schema=teacher.schema, space=teacher.space, decision=student.decision, info=info)
    model.save(session.place / "model", saved_scorer=student.folder)
    facts["seconds"] = round(session.budget.spent(), 1)
    files.write_json(session.place / "distilled.json", facts)
    for name in ("trials", "features"):
        shutil.rmtree(session.place / name, ignore_errors=True)
    session.say("saved", f"model: {session.place / 'model'}", folder=str(session.place / "model"))
    return Distilled(session.place, model, facts)


def _rows(session: Session, teacher: Model, options: Distilling, table: Table) -> list[Row]:
    """Rows in random order, as many as the teacher could be asked about in its part of the time."""
    schema, task, output = teacher.schema, teacher.task, teacher.output
    if missing := [column for column in (*schema.text, *schema.choices) if column not in table.columns]:
        there = ", ".join(map(repr, table.columns))
        raise InputError(
            f"{table.origin}: column {missing[0]!r} is not there; the teacher reads it, the data has {there}"
        )
    table = expanded(table, schema, task)
    usable, _ = examples(table, schema, task)
    every = [*usable, *unlabelled(table, schema, task)]
    splits = given_splits(table, schema, override=session.config.columns.split)
    order = np.random.default_rng([session.config.seed, 101]).permutation(len(every))[:MOST_ROWS]
    drawn = [every[place] for place in order]
    softened = replace(teacher.decision, temperature=teacher.decision.temperature * options.temperature)
    found: list[Row] = []
    names = frozenset(teacher.space.labels)
    until = (1 - ASKING) * session.budget.remaining() if session.config.time_limit else -np.inf
    while len(found) < len(drawn) and session.budget.remaining() > until:
        chunk = drawn[len(found) : len(found) + CHUNK]
        inputs = [one.inputs for one in chunk]
        scores = teacher.scorer.score(inputs)
        answers = output.decode(scores, teacher.space, teacher.decision, inputs)
        likely = output.probabilities(scores, teacher.space, softened)
        for one, said, row in zip(chunk, answers, likely, strict=True):
            label = one.target if _is_known(one.target, names) else None
            answer = tuple(float(share == row.max()) for share in row[:, 0]) if output.name == "choices" else said.value
            example = replace(one, id=len(found), target=answer if label is None else label, more=())
            found.append(Row(example, splits[one.id], label, answer, np.asarray(row)))
    if len(found) < LEAST_ROWS:
        raise InputError(f"{table.origin}: the teacher could be asked about {len(found)} rows; {LEAST_ROWS} are needed")
    count = (
        f"{len(found):,} of {len(every):,} rows, {sum(row.label is not None for row in found):,} of them with a label"
    )
    session.say("read", f"the teacher was asked about {count}")
    return found


def _is_known(target: Any, known: frozenset[str]) -> bool:
    """Whether a row has a label, and it is one of those that the teacher knows (none: its answers are no labels)."""
    labels = (target,) if isinstance(target, str) else target if isinstance(target, tuple) else ()
    return target is not None and (not known or all(label in known for label in labels))


def _lesson(row: Row, trust: float) -> SoftTarget:
    """What a row teaches."""
    return SoftTarget(row.likely) if row.label is None else SoftTarget(row.likely, row.label, trust)


def _bench(session: Session, teacher: Model, train: Sequence[Row], held: Sequence[Row], count: int) -> Bench:
    """What the student is fitted on; where a row has no label, the teacher's answer stands for it."""
    named = main_metrics(teacher.task, session.config.search.metric, teacher.space)
    rows = [row.example for row in train]
    session.materials = Materials(
        config=session.config,
        shape=session.shape,
        output=teacher.output.name,
        space=teacher.space,
        metrics=tuple(one.name for one in named),
        train=rows,
        validation=[row.example for row in held],
        seed=session.config.seed,
        rows=rows,
        unlabelled=(),
        test_count=count,
        prompts=(),
        columns=teacher.schema.text,
    )
    bench = session.materials.bench(
        place=session.folder,
        guard=session.guard,
        runtime=session.runtime,
        listen=session.listen,
        stop=lambda: session.stop(),
        remaining=session.budget.remaining,
    )
    return replace(bench, descriptions=tuple)


@dataclass(frozen=True, slots=True)
class _Student:
    """A fitted student: how its scores become answers, what validation rows say, its files, the seconds it took."""

    scorer: Scorer
    decision: Decision
    validation: Mapping[str, float | None]
    folder: Path
    seconds: float

    @classmethod
    def fitted(cls, session: Session, bench: Bench, method: str, name: str) -> _Student:
        known = {one.name for one in fields(registry.get("methods", method).options)}
        options = dict(FULL.get(bench.output.name, {})) if method == "full" else {}
        options |= {"epochs": wanted_epochs(len(bench.train))} if "epochs" in known else {}
        folder = session.place / "trials" / name
        candidate = Candidate(method, options, distilled=name == "student")
        session.say("trial", f"{candidate.name}: {len(bench.train):,} rows")
        remaining = session.budget.until(SAVING_SECONDS)
        result, scorer = run_trial(bench, candidate, folder=folder, remaining=remaining)
        session.say("trial", f"{candidate.name}: {result.seconds:.1f} s")
        decision = decide(bench, load_scores(folder / "validation.safetensors"))
        return cls(scorer, decision, result.known, folder / "scorer", result.seconds)


def _compared(teacher: Model, out: Sequence[Row], student: _Student, plain: _Student | None) -> dict[str, Any]:
    """Student and teacher on rows that neither taught nor chose: how far they agree, and by labels, paired."""
    metric, space, output = main_metrics(teacher.task, None, teacher.space)[0], teacher.space, teacher.output

    def answers(one: _Student, rows: Sequence[Row]) -> Answers:
        inputs = [row.example.inputs for row in rows]
        scores = one.scorer.score(inputs)
        values = [said.value for said in output.decode(scores, space, one.decision, inputs)]
        return Answers(values, output.probabilities(scores, space, one.decision))

    def score(said: Answers, gold: Sequence[Any]) -> dict[str, Any]:
        predictions = [Prediction(value) for value in said.values]
        found = evaluate(gold, predictions, said.probabilities, metrics=[metric], space=space)
        return asdict(found.scores[0])

    known = [row for row in out if row.label is not None]
    found: dict[str, Any] = {"metric": metric.name}
    found["agreement"] = score(answers(student, out), [row.answer for row in out])
    if not known:
        return found
    gold = [row.label for row in known]
    table: Any = [row.likely for row in known]
    by = {
        "teacher": Answers([row.answer for row in known], table if isinstance(table[0], list) else np.asarray(table)),
        "student": answers(student, known),
        **({"labels": answers(plain, known)} if plain else {}),
    }
    found["scores"] = {name: score(said, gold) for name, said in by.items()}
    found["behind"] = asdict(paired_difference(metric, gold, by["student"], by["teacher"], space=space))
    if plain:
        found["beside_labels"] = asdict(paired_difference(metric, gold, by["student"], by["labels"], space=space))
    return found


def _costs(teacher: Model, student: _Student, out: Sequence[Row]) -> dict[str, Any]:
    """What an answer of either takes here, and its files."""
    inputs = [row.example.inputs for row in out]
    found = {"student": serving.measured(student.scorer, student.folder, inputs)}
    if teacher.folder is not None:
        found["teacher"] = serving.measured(teacher.scorer, teacher.folder, inputs)
    return {name: asdict(cost) for name, cost in found.items()}
