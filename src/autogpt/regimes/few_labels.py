"""A run on rows without labels, or with few: from a table and label names to a saved model and its pseudo-labels.

    table -> texts, a person's labels -> frozen vectors -> voters -> self-training -> product with the labels -> model

Labels that nobody described are described by prompts (`_prompts.py`), which the model keeps as data.

Rows that a person labelled are never overruled: they are the shots of the product of experts, and the only rows on
which anything is measured. Where there is none, no score is made up; what can be seen instead (what the gate found, the
voters' agreement, the classes' shares, rows to check) is what the findings hold.
"""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from autogpt import config as settings
from autogpt import experts, files, registry
from autogpt.autopilot.run import new_folder
from autogpt.autopilot.session import Session
from autogpt.ballot import Ballot, Votes
from autogpt.config import FewLabels, RunConfig
from autogpt.core import Decision, LabelSpace
from autogpt.data import languages
from autogpt.errors import AutoGPTError, ConfigError, ResourceError
from autogpt.evaluation.score import Score, evaluate
from autogpt.events import Listener, silent
from autogpt.model import Model
from autogpt.pipeline import Ask
from autogpt.probe import Head, softmax
from autogpt.prompting import Facts
from autogpt.regimes import _label_model, _prompts
from autogpt.regimes._rows import LEAST_ROWS, Rows, drawn, find_rows, named_only, read_labels
from autogpt.regimes.self_training import Taught, self_train
from autogpt.vectors import typical_length

if TYPE_CHECKING:
    from autogpt.core import Array

MOST_POOL = 12_000
"""Rows of the pool, drawn at random, that vote and are clustered (neighbours take time by the square of them)."""
READING, PROMPTING, SAVING_SECONDS = 0.6, 0.4, 5.0
"""Shares of the time that is left: for reading the pool, and after that for reading prompts."""
TO_CHECK = 12
UNMEASURED = "no row has a label that a person gave: there is no honest score, and none is shown; check the rows below"


@dataclass(frozen=True, slots=True)
class Findings:
    """What a run without labels can tell. `shares` of the classes in the pool as the model answers it, `voters` with
    coverage and accuracy as the label model estimates them, `to_check`: rows that a person should look at first.
    `prompts` describe the labels where the user did not, each with what the search saw of it.
    `score` is measured on test rows, or on the labelled rows held out in turn; None without any."""

    rows: int
    labelled: int
    pseudo_labelled: int
    voters: tuple[Mapping[str, Any], ...]
    gate: tuple[str, ...]
    shares: Mapping[str, float]
    to_check: tuple[Mapping[str, Any], ...]
    prompts: tuple[Mapping[str, Any], ...] = ()
    score: Score | None = None
    measured: str = UNMEASURED

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class FewRun:
    """A finished run: its folder, the model and what was found."""

    folder: Path
    model: Model
    findings: Findings


def learn(
    config: RunConfig,
    labelling: FewLabels,
    *,
    data: Any = None,
    test: Any = None,
    descriptions: Mapping[str, Sequence[str]] | None = None,
    ask: Ask | None = None,
    listen: Listener | None = None,
) -> FewRun:
    """Learn from votes; `<run>/model` holds the model, `pseudo-labels.jsonl` and `findings.json` what it came of."""
    started = time.monotonic()
    phrases = read_labels(labelling.labels or "") if descriptions is None else read_labels(descriptions)
    if config.columns.task not in (None, "text-classification"):
        raise ConfigError(f"--labels is for text-classification, not for {config.columns.task}; leave one of them out")
    folder = new_folder(config)
    session = Session(config, folder=folder, listen=listen or silent, ask=ask, started=started)
    session.write_state("running")
    try:
        found = _run(session, labelling, phrases, data, test)
    except BaseException as problem:
        if isinstance(problem, AutoGPTError):
            shutil.rmtree(folder, ignore_errors=True)
        else:
            session.write_state("failed")
        raise
    session.write_state("done")
    return found


def _run(
    session: Session, labelling: FewLabels, phrases: Mapping[str, tuple[str, ...]], data: Any, test: Any
) -> FewRun:
    session.say("plan", f"time limit: {settings.duration(session.config.time_limit)}")
    rows = find_rows(session.read(data, test), session.config.columns, session.config.goal, tuple(phrases))
    for reason in rows.reasons:
        session.say("profile", reason)
    read = _Reader(session, tuple(phrases), rows)
    ballot = Ballot(
        texts=[rows.texts[place] for place in read.pool],
        phrases=phrases,
        vectors=read.vectors,
        read=read,
        remaining=lambda: session.budget.remaining() - SAVING_SECONDS,
    )
    prompts = _prompted(session, rows.schema.text, ballot) if named_only(phrases) else None
    votes = _asked(ballot, session, labelling, prompts)
    verdict = _label_model.decide(votes)
    for one, coverage, accuracy in zip(votes, verdict.coverage, verdict.accuracy, strict=True):
        right = "" if accuracy != accuracy else f", right {accuracy:.0%} of the time by the label model"
        session.say("decision", f"{one.voter} votes on {coverage:.0%} of the rows{right}")
    taught = self_train(ballot.vectors, verdict.scores, has_time=lambda: ballot.remaining() > 0)
    if session.client is not None:
        session.say("decision", f"the endpoint was asked: {session.client.ledger.told()}")
    for finding in taught.findings:
        session.say("decision", str(finding), **asdict(finding))
    joined = _joined(session, rows, read, votes, taught)
    for line in joined.said:
        session.say("decision", line)
    found = _model(session, rows, read, joined.head)
    score, measured = _measured(session, found, rows, joined)
    session.say("evaluation", measured if score is None else f"{score.metric} {score} on {measured}")
    findings = Findings(
        rows=len(rows.ids),
        labelled=len(rows.labelled(test=False)),
        pseudo_labelled=len(taught.rows),
        voters=tuple(
            {"voter": one.voter, "coverage": coverage, "accuracy": None if accuracy != accuracy else accuracy}
            for one, coverage, accuracy in zip(votes, verdict.coverage, verdict.accuracy, strict=True)
        ),
        gate=(*map(str, taught.findings), *joined.said),
        prompts=() if prompts is None else prompts.plain(),
        score=score,
        measured=measured,
        **_seen(read, rows, joined.head, tuple(phrases)),
    )
    _save(session, found, findings, _pseudo_labels(rows, read, taught, tuple(phrases)))
    return FewRun(session.place, found, findings)


class _Reader:
    """Frozen vectors at a mean length of 1: `pool` (places in the rows, drawn at random) with `vectors`, and of any
    texts by calling it."""

    def __init__(self, session: Session, labels: tuple[str, ...], rows: Rows) -> None:
        from autogpt.training.features import FeatureCache

        session.choose_encoder("classes", languages.shares(rows.texts))
        config = session.config

        def open_encoder() -> Any:
            return registry.get("backbones", "encoder").open(
                config.search.backbone, output="classes", size=len(labels), labels=(), like={"text": rows.texts[0]},
                runtime=session.runtime(), revision=config.search.revision, offline=config.source.offline,
            )  # fmt: skip

        self.features, self.labels = FeatureCache(open_encoder, guard=session.guard), labels
        free = [row for row in range(len(rows.ids)) if not rows.test[row]]
        order = [free[place] for place in drawn(len(free), MOST_POOL, seed=config.seed)]
        seconds = READING * (session.budget.remaining() - SAVING_SECONDS)
        reached, table = self.features.get([{"text": rows.texts[row]} for row in order], seconds=seconds)
        if len(reached) < min(LEAST_ROWS, len(order)):
            raise ResourceError(f"{len(reached)} rows could be read in time; give a longer --time-limit")
        self.pool = [order[place] for place in reached]
        self.scale = typical_length(np.asarray(table))
        self.vectors = np.asarray(table) / self.scale
        session.say("read", f"{len(self.pool):,} of {len(free):,} rows were read as the pool")

    def __call__(self, texts: Sequence[str]) -> Array:
        """Vectors [n, D] of texts; of none an empty table."""
        if not texts:
            return np.zeros((0, self.vectors.shape[1]), dtype=np.float32)
        return np.asarray(self.features.get([{"text": text} for text in texts])[1]) / self.scale


def _prompted(session: Session, columns: Sequence[str], ballot: Ballot) -> _prompts.Chosen:
    """Prompts that describe the labels, chosen on the pool without its labels."""
    facts = Facts(session.config.goal, tuple(columns), ballot.phrases, ballot.texts, ballot.vectors, ballot.read)
    until = (1 - PROMPTING) * session.budget.remaining()
    found = _prompts.choose(facts, has_time=lambda: session.budget.remaining() > max(until, SAVING_SECONDS))
    for line in found.said:
        session.say("decision", line)
    session.say("decision", f"{len(found.tried):,} prompts were tried", tried=found.plain(all_tried=True))
    return found


def _asked(ballot: Ballot, session: Session, labelling: FewLabels, prompts: _prompts.Chosen | None) -> list[Votes]:
    """The votes of the label names, as the prompts say them, and of everyone that the user named."""
    named = ballot if prompts is None else replace(ballot, phrases=prompts.phrases())
    votes = list(registry.get("voters", "names").vote(named))
    options = {"client": session.client, "rows": labelling.endpoint_rows}
    address = session.config.remote.endpoint
    for name, source in (("patterns", labelling.patterns), ("functions", labelling.functions), ("endpoint", address)):
        if source:
            votes += registry.get("voters", name).vote(replace(ballot, source=source, options=options))
    return votes


def _joined(session: Session, rows: Rows, read: _Reader, votes: Sequence[Votes], taught: Taught) -> experts.Joined:
    """The head that answers: the student (the names where the gate refused it); with labels, a product with theirs."""
    names, classes = votes[0].scorer, len(read.labels)
    free = taught.head or names
    said = () if taught.head else ("the gate stops self-training: the label names alone answer",)
    shots = rows.labelled(test=False)
    if not shots:
        return experts.Joined(free, np.zeros((0, classes)), said)
    vectors = read([rows.texts[row] for row in shots])
    targets = np.array([read.labels.index(str(rows.targets[row])) for row in shots])
    if min(np.bincount(targets, minlength=classes)) < 2:
        session.say("warning", "a label has fewer than 2 labelled rows; they are kept to check the answers")
        return experts.Joined(free, np.asarray(free(vectors)), said)
    others = {"self-training": (free, np.asarray(free(vectors)))}
    if taught.head is not None:
        others["label names"] = (names, np.asarray(names(vectors)))
    found = experts.join(vectors, targets, others, classes=classes, seed=session.config.seed)
    return replace(found, said=(*said, *found.said))


def _model(session: Session, rows: Rows, read: _Reader, head: Head) -> Model:
    encoder = read.features.encoder()
    whole = head.undivided(read.scale)
    encoder.set_head(whole.weight, whole.bias)
    origin = {"status": "untested", "method": "self-training", "config": settings.plain(session.config)}
    return Model(encoder, schema=rows.schema, space=LabelSpace(read.labels), decision=Decision(), info=origin)


def _measured(session: Session, model: Model, rows: Rows, joined: experts.Joined) -> tuple[Score | None, str]:
    """The accuracy and what it was measured on: test rows, else labelled rows held out in turn, else nothing."""
    test, shots = rows.labelled(test=True), rows.labelled(test=False)
    if test:
        scores, measured = model.scorer.score([{"text": rows.texts[row]} for row in test]), "the test rows"
    elif shots:
        scores, test = joined.held_out, shots
        measured = "the labelled rows, each answered by a head that had not learned from it (a rough estimate)"
    else:
        return None, UNMEASURED
    inputs = [{"text": rows.texts[row]} for row in test]
    answers = model.output.decode(scores, model.space, model.decision, inputs)
    gold, metric = [rows.targets[row] for row in test], registry.get("metrics", "accuracy")
    card = evaluate(gold, answers, None, metrics=[metric], space=model.space, seed=session.config.seed)
    return card.scores[0], measured


def _seen(read: _Reader, rows: Rows, head: Head, labels: tuple[str, ...]) -> dict[str, Any]:
    """The classes' shares in the pool, and rows to check: the surest of classes, then those nearest to undecided."""
    chance = softmax(np.asarray(head(read.vectors)))
    answers, sure = chance.argmax(axis=1), chance.max(axis=1)
    surest = [own[np.argmax(sure[own])] for k in range(len(labels)) if len(own := np.flatnonzero(answers == k))]
    order = dict.fromkeys([*surest[: TO_CHECK // 2], *np.argsort(sure, kind="stable")[:TO_CHECK]])
    check = [
        {"text": rows.texts[read.pool[place]], "label": labels[answers[place]], "confidence": float(sure[place])}
        for place in list(order)[:TO_CHECK]
    ]
    shares = np.bincount(answers, minlength=len(labels)) / len(answers)
    return {"shares": dict(zip(labels, map(float, shares), strict=True)), "to_check": tuple(check)}


def _pseudo_labels(rows: Rows, read: _Reader, taught: Taught, labels: tuple[str, ...]) -> list[dict[str, Any]]:
    """What was learned from, a row each: a person's labels first, and never overruled."""
    text, target = rows.schema.text[0], rows.schema.target[0]
    given = set(rows.labelled(test=False))
    found = [
        {text: rows.texts[row], target: rows.targets[row], "confidence": 1.0, "from": "a person", "row": rows.ids[row]}
        for row in sorted(given)
    ]
    for place, answer, sure in zip(taught.rows, taught.answers, taught.confidence, strict=True):
        row = read.pool[place]
        if row not in given:
            found.append({text: rows.texts[row], target: labels[answer], "confidence": round(float(sure), 4),
                          "from": "self-training", "row": rows.ids[row]})  # fmt: skip
    return found


def _save(session: Session, model: Model, findings: Findings, pseudo: Sequence[Mapping[str, Any]]) -> None:
    if findings.prompts:
        model.info |= {"prompts": list(findings.prompts)}
    if findings.score is not None:
        model.info |= {"measured": {findings.score.metric: findings.score.value, "on": findings.measured}}
    lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in pseudo)
    files.write_text(session.place / "pseudo-labels.jsonl", lines)
    files.write_json(session.place / "findings.json", findings.to_dict())
    model.save(session.place / "model")
    session.say("saved", f"model: {session.place / 'model'}", folder=str(session.place / "model"))
