"""Prompts alone: written and judged on the training rows of a table, for a person to read, change and give to a run.

    table -> split as a run would -> generators -> search on training rows -> prompts as data

*Cloze* for an encoder with a masked-word head, *instruction* for a language model behind an endpoint, *description* of
the labels for any other encoder. Validation and test rows are not looked at.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from autogpt.autopilot.session import Session
from autogpt.autopilot.trial import Bench, Candidate, make_job
from autogpt.config import RunConfig
from autogpt.core import ONE_LABEL
from autogpt.data.words import inputs_text
from autogpt.errors import ConfigError, InputError, ResourceError
from autogpt.events import Event, Listener, silent
from autogpt.methods import _endpoint, _gaps, _instructing, cloze
from autogpt.prompting import Facts, gapped
from autogpt.regimes import _prompts
from autogpt.vectors import typical_length

if TYPE_CHECKING:
    from collections.abc import Iterator

    from autogpt.core import Step
    from autogpt.pipeline import Ask

FORMS = ("cloze", "instruction", "description")
TOGETHER = 4
"""Prompts that are given as the best."""
INSTRUCTIONS = ("questions", "reflection")
DESCRIBED, READING = 2_000, 0.5
"""Training texts that descriptions are judged on, and the share of the time that reading them may take."""


@dataclass(frozen=True, slots=True)
class Written:
    """The best prompts as data, all that were tried, each with what was seen of it, and how it was decided."""

    form: str
    prompts: tuple[Mapping[str, Any], ...]
    tried: tuple[Mapping[str, Any], ...]
    said: tuple[str, ...] = ()

    def plain(self) -> dict[str, Any]:
        """Plain values."""
        return {"form": self.form, "prompts": list(self.prompts), "tried": list(self.tried), "said": list(self.said)}


def write(config: RunConfig, *, form: str | None = None, ask: Ask | None = None, listen: Listener = silent) -> Written:
    """Write prompts of a form (None: an instruction where an endpoint is named, else what the encoder can read)."""
    if form is not None and form not in FORMS:
        raise ConfigError(f"form is {form!r}; it must be one of {', '.join(FORMS)}")
    if form == "instruction" and config.remote.endpoint is None:
        raise ConfigError("an instruction is written by a language model behind an endpoint; name one with --endpoint")
    if not config.data:
        raise ConfigError("there is nothing to write prompts for; give DATA (a file, folder or bundled name)")
    session = Session(config, folder=None, listen=listen, ask=ask, started=time.monotonic())
    bench = session.bench(session.prepare(session.read(None, None)))
    if form == "instruction" or (form is None and config.remote.endpoint is not None):
        return _instruction(session, bench)
    if bench.output.name not in ONE_LABEL or not {"text"} <= set(bench.train[0].inputs) <= {"text", "text_pair"}:
        raise InputError(f"{config.data}: these prompts are for rows with one label and one text or two; "
                         "name an endpoint (--endpoint) for instructions")  # fmt: skip
    if form == "description":
        return _description(session, bench)
    try:
        filler = bench.open().read_gap(gapped(cloze.FIRST))
    except ConfigError as problem:
        if form == "cloze":
            raise
        session.say("decision", f"labels are described: {problem}")
        return _description(session, bench)
    facts = _gaps.facts_of(bench.train, bench.space.labels, goal=config.goal, filler=filler, seed=config.seed)
    search = _gaps.Search(facts, has_time=lambda: session.budget.remaining() > 0.1 * session.budget.limit)
    _tell(session, search.run(cloze.GENERATORS))
    best = [one.plain() for one in search.chosen(TOGETHER)]
    return Written("cloze", tuple(best), tuple(one.plain() for one in search.tried), (search.tried[0].told(),))


def _instruction(session: Session, bench: Bench) -> Written:
    with tempfile.TemporaryDirectory() as folder:
        job = make_job(bench, Candidate("few-shot"), folder=Path(folder), remaining=session.budget.remaining)
        remote = job.remote()
        writing = _instructing.Writing(job, remote, _endpoint.opened(job, remote), alone=True)
        _tell(session, writing.run(INSTRUCTIONS))
    if not writing.tried:
        raise ResourceError("no instruction could be judged within rows, money and time; give more of them")
    told = tuple(one.plain() for one in writing.tried)
    return Written("instruction", told[:1], told, (writing.tried[0].told(), remote.client.ledger.told()))


def _description(session: Session, bench: Bench) -> Written:
    drawn = np.random.default_rng([session.config.seed, 73]).permutation(len(bench.train))[:DESCRIBED]
    inputs = [bench.train[place].inputs for place in drawn]
    reached, table = bench.features.get(inputs, seconds=READING * session.budget.remaining())
    scale = typical_length(np.asarray(table))

    def read(texts: Sequence[str]) -> Any:
        return np.asarray(bench.features.get([{"text": text} for text in texts])[1]) / scale

    texts = [inputs_text(inputs[place]) for place in reached]
    names = _gaps.names_of(bench.space.labels)
    facts = Facts(session.config.goal, (), names, texts, np.asarray(table) / scale, read)
    found = _prompts.choose(facts, has_time=lambda: session.budget.remaining() > 0.1 * session.budget.limit)
    return Written("description", found.plain(), found.plain(all_tried=True), found.said)


def _tell(session: Session, steps: Iterator[Step]) -> None:
    for step in steps:
        session.listen(Event("step", step.note, {"step": step.step, "total": step.total, "note": step.note}))
