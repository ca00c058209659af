"""A language model behind an endpoint answers, shown some training rows each time (none: zero-shot).

Nothing is trained. How many rows are shown is measured on a few validation rows, within the money: what is chosen must
leave enough for the other validation rows and for the sealed test, by what the few have cost.
"""

from __future__ import annotations

import math
import time
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from autogpt.core import Example, Job, Scorer, Step
from autogpt.endpoint import Remote
from autogpt.errors import ConfigError, ResourceError
from autogpt.methods import _demonstrations, _instructing
from autogpt.methods._endpoint import ASKED, ahead, judged, opened, validated, with_votes
from autogpt.prompting import Prompt, of_form

SHOWN = (0, 4, 16)
SAMPLE = 24
SAMPLE_SHARE = 0.25
"""Of the money and the time that are left, all samples together take at most."""
TIME_SHARE = 0.5
"""Of the time that is left, answering all validation rows takes at most."""


@dataclass(frozen=True, slots=True)
class Options:
    """`demonstrations`: training rows shown with each question; None: as many as do best on a few validation rows.

    `writes`: an instruction is searched on training rows first (see `_instructing`), `searches`: demonstrations that
    are the same for all rows (see `_demonstrations`); both cost questions.
    """

    demonstrations: int | None = field(
        default=None, metadata={"help": "training rows shown with each question; 0: zero-shot (default: measured)"}
    )
    instruction: str | None = field(
        default=None, metadata={"help": "what is asked of each row (default: that of --prompts, or the goal)"}
    )
    writes: bool = field(
        default=False, metadata={"help": "let the model rewrite the instruction after looking at its errors"}
    )
    searches: bool = field(
        default=False, metadata={"help": "search demonstrations that are the same for all rows, beside the likest ones"}
    )

    def __post_init__(self) -> None:
        if self.demonstrations is not None and not 0 <= self.demonstrations <= 256:
            raise ConfigError(f"few-shot: demonstrations is {self.demonstrations}; it must be between 0 and 256")


class FewShot:
    """See `core.Method`."""

    name = "few-shot"
    summary = "a language model behind an endpoint, shown training rows like the one it is asked about"
    needs_backbone = False
    needs_endpoint = True
    outputs = ASKED
    options = Options

    def fit(self, job: Job) -> Generator[Step, None, Scorer]:
        options, remote = job.options or Options(), job.remote()
        plain = opened(job, remote)
        said = _given(job, options)
        if said is not None:
            plain = plain.instructed(said.text)
        if not job.validation:  # a refit: all is chosen, and rows to show are added
            votes = int(job.settled.get("votes", 1))
            fixed = tuple((said, answer) for said, answer in job.settled.get("fixed", ()))
            chosen: Scorer = plain.with_options(shown=options.demonstrations or 0, votes=votes, fixed=fixed)
            return chosen
        places = [int(i) for i in np.random.default_rng([job.seed, 59]).permutation(len(job.validation))[:SAMPLE]]
        sample = [job.validation[place] for place in places]
        if options.writes and said is None:
            said = yield from _written(job, remote, plain)
            plain = plain if said is None else plain.instructed(said.text)
        plain = with_votes(plain, sample[0])
        tried: list[Try] = []
        for shown in SHOWN if options.demonstrations is None else (options.demonstrations,):
            one = plain.with_options(shown=shown)
            if problem := _too_dear(one, sample, remote):
                job.notes.append(f"{shown} demonstrations were not tried: {problem}")
                continue
            started = time.monotonic()
            scores = one.score([row.inputs for row in sample])
            tried.append(Try(one, judged(scores, sample, job), scores))
            took, found = time.monotonic() - started, {job.metric.name: tried[-1].score}
            yield Step(len(tried), len(SHOWN), 0.0, len(sample), sum(one.tokens), took, found)
        best = _affordable(tried, job, remote)
        scorer, known = best.scorer, dict(zip(places, best.scores, strict=True))
        if options.searches:
            rest = ahead(scorer, len(job.validation) + remote.later_rows, remote)
            found = yield from _demonstrations.chosen(job, remote, scorer, money=remote.client.ledger.left - rest)
            scorer, known = (scorer, known) if found is None else (found, {})
        job.validated.append(validated(scorer, job, known))
        job.chosen.update(demonstrations=scorer.asking.shown, votes=scorer.asking.votes)
        if scorer.asking.fixed:
            job.chosen.update(fixed=[list(pair) for pair in scorer.asking.fixed])
        if said is not None:
            job.chosen.update(instruction=said.text, prompts=[said.plain()])
        job.notes.extend(_told(scorer, tried, job, remote))
        fitted: Scorer = scorer
        return fitted


def _given(job: Job, options: Options) -> _instructing.Instructed | None:
    """The instruction that the user gave, or that an earlier fit chose."""
    if options.instruction is not None:
        template = options.instruction.replace("{", "{{").replace("}", "}}")
        return _instructing.Instructed(Prompt((("system", template),), {}, "the user"), 0.0, 0)
    found = of_form(job.prompts, "instruction")
    return _instructing.Instructed(found[0], 0.0, 0) if found else None


def _written(job: Job, remote: Remote, plain: Any) -> Generator[Step, None, _instructing.Instructed | None]:
    """The best instruction that the model wrote; None: none could be judged."""
    writing = _instructing.Writing(job, remote, plain)
    yield from writing.run(("questions", "reflection"))
    if not writing.tried:
        job.notes.append("no instruction could be judged within the shares of rows, money and time; the goal is asked")
        return None
    best = writing.tried[0]
    job.notes.append(f"{len(writing.tried)} instructions were tried; the best: {best.told()}")
    return best


@dataclass(frozen=True, slots=True)
class Try:
    """A number of demonstrations on the sample: who asked, the metric, the scores."""

    scorer: Any
    score: float
    scores: Any


def _too_dear(scorer: Any, sample: Sequence[Example], remote: Remote) -> str | None:
    """Why a sample may not be asked: more than a share of what is left, by the most that it can cost."""
    ledger = remote.client.ledger
    questions = scorer.questions([row.inputs for row in sample])
    most = sum(ledger.prices.cost(one.most_read, one.most_written) for one in questions)
    share = SAMPLE_SHARE * ledger.left
    return f"{len(sample)} rows may cost {most:.4f}, more than the {share:.4f} of a sample" if most > share else None


def _affordable(tried: Sequence[Try], job: Job, remote: Remote) -> Try:
    """The best that can answer all rows that are still to be answered; of equal ones the cheapest."""
    ledger, problem = remote.client.ledger, "; ".join(job.notes) or "nothing could be tried"
    sign = -1.0 if job.metric.higher_is_better else 1.0
    rows = len(job.validation) - min(SAMPLE, len(job.validation))
    for one in sorted(tried, key=lambda one: (math.isnan(one.score), sign * one.score)):  # stable: cheap ones first
        money = ahead(one.scorer, rows + remote.later_rows, remote)
        seconds = one.scorer.usage()["seconds"] * rows / 1_000
        if money > ledger.left:
            problem = (
                f"about {money:.4f} are needed for {rows:,} validation and {remote.later_rows:,} test rows, "
                f"{ledger.left:.4f} of --max-cost are left"
            )
        elif seconds > TIME_SHARE * job.remaining():
            problem = (
                f"about {seconds:.0f} s are needed for {rows:,} validation rows, "
                f"{max(0.0, TIME_SHARE * job.remaining()):.0f} s may be taken"
            )
        else:
            return one
    raise ResourceError(problem)


def _told(scorer: Any, tried: Sequence[Try], job: Job, remote: Remote) -> Iterator[str]:
    scores = ", ".join(f"{one.scorer.asking.shown}: {one.score:.4f}" for one in tried)
    sample = min(SAMPLE, len(job.validation))
    how = "demonstrations, the same for all rows" if scorer.asking.fixed else "demonstrations"
    yield f"{scorer.asking.shown} {how} ({job.metric.name} on {sample} validation rows, by number: {scores})"
    if scorer.unreadable:
        yield f"{scorer.unreadable} of {scorer.answered} answers could not be read; these rows got the prior"
    yield f"asked so far: {remote.client.ledger.told()}"


plugin = FewShot()
