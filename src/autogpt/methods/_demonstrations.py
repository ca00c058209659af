"""Demonstrations that are the same for all rows, found by trying: which of the training rows a model learns most from.

    sets (each label in turn: drawn at random, or far apart) -> answers to training rows that are in none -> the better
        half on twice the rows -> ... -> the last one beside likeness, on training rows that had no part in it

What a model makes of its demonstrations differs by tens of points from set to set ("What Makes Good In-Context Examples
for GPT-3?", Liu et al. 2022) and with their order ("Fantastically Ordered Prompts and Where to Find Them", Lu et al.
2022), so an order belongs to its set. Sets are halved while rows are doubled ("Non-stochastic Best Arm Identification",
Jamieson & Talwalkar 2016). The best of sixteen sets flatters itself on the rows that chose it: beside likeness it is
compared on others, and likeness stays unless it is worse there. No validation row has a part in it.

Rows that all are shown make a short model folder (no other training row stands in it), and a prompt whose beginning is
always the same, which servers keep and many bill at less.
"""

from __future__ import annotations

import math
import time
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from autogpt.core import Example, Job, Step
from autogpt.endpoint import Remote
from autogpt.errors import EndpointError, ResourceError
from autogpt.methods._endpoint import ahead, judged, opened

if TYPE_CHECKING:
    from autogpt.core import Array

SETS, LEAST_SETS, SHOWN = 16, 4, 4
"""Sets that are tried, at most and at least; rows in each where nothing was best to be shown."""
FIRST, ROWS = 8, 32
"""Training rows that judge in the first round, and in the last; so many others compare what is left with likeness."""
MOST_SHOWN = 2_000
"""Rows that sets are made of."""
MONEY_SHARE, TIME_SHARE, MOST_QUESTIONS = 0.25, 0.25, 400
"""Of what is left beside answers that are still to be given, it takes at most; and so many questions, whatever they
cost."""


@dataclass(frozen=True, slots=True)
class Dealt:
    """Training rows by their part: what is shown, what judges sets, what judges the last one and likeness."""

    shown: list[Example]
    judges: list[Example]
    others: list[Example]

    @classmethod
    def of(cls, rows: Sequence[Example], seed: int) -> Dealt:
        """Every other row of each label judges, in turn here and there; of texts, which all differ, every other one."""
        turns: dict[str, int] = {}
        parts: tuple[list[Example], ...] = ([], [], [])
        for place in np.random.default_rng([seed, 71]).permutation(len(rows)):
            label = str(rows[place].target)
            turn = turns[label] = turns.get(label, 0) + 1
            part = 0 if (turn + len(turns)) % 2 else 1 + (len(parts[1]) > len(parts[2]))
            parts[part if not part or len(parts[part]) < ROWS else 0].append(rows[place])
        shown, judges, others = parts
        return cls(shown[:MOST_SHOWN], judges, others)


def chosen(job: Job, remote: Remote, scorer: Any, *, money: float) -> Generator[Step, None, Any]:
    """The scorer that shows the best set to all rows; None where likeness stays. `money`: what may be spent at most."""
    dealt, shown = Dealt.of(job.train, job.seed), scorer.asking.shown or SHOWN
    if len(dealt.others) < FIRST or len(dealt.shown) < shown:
        job.notes.append(f"demonstrations were not searched: {len(job.train)} training rows are too few")
        return None
    asking = {"instruction": scorer.asking.instruction, "shown": shown, "votes": scorer.asking.votes}
    alike = opened(replace(job, train=[*dealt.shown, *dealt.judges]), remote).with_options(**asking)
    search = _Search(job, remote, alike, dealt, shown, money)
    began = time.monotonic()
    try:
        if not search.sets():
            return None
        for told in search.halve():
            yield Step(search.asked, search.asked + 1, 0.0, len(dealt.judges), 0, time.monotonic() - began, note=told)
        best, score, likeness = search.compared()
    except (ResourceError, EndpointError) as problem:
        job.notes.append(f"the search for demonstrations ended, the likest rows are shown: {problem}")
        return None
    found = f"{score:.4f}, {likeness:.4f} with the likest ones ({job.metric.name} on {len(dealt.others)} training rows"
    found = f"{found} that had no part in the search; {search.asked} questions)"
    if not search.is_better(score, likeness):
        job.notes.append(f"the likest rows are shown: the same {shown} for all came to {found}")
        return None
    if ahead(best, len(job.validation) + remote.later_rows, remote) > remote.client.ledger.left:
        job.notes.append(
            f"the likest rows are shown: --max-cost does not suffice for the same {shown} for all: {found}"
        )
        return None
    job.notes.append(f"the same {shown} rows are shown for all: they came to {found}")
    return scorer.with_options(shown=shown, fixed=best.asking.fixed)


@dataclass(eq=False)
class _Search:
    """One search within its bounds. `alike` shows the likest of the rows that sets are made of."""

    job: Job
    remote: Remote
    alike: Any
    dealt: Dealt
    shown: int
    money: float
    asked: int = 0
    left: list[tuple[tuple[str, str], ...]] = field(default_factory=list)

    def __post_init__(self) -> None:
        ledger = self.remote.client.ledger
        self.most_money = ledger.money + MONEY_SHARE * self.money
        self.until = (1.0 - TIME_SHARE) * self.job.remaining()

    def sets(self) -> bool:
        """Make as many sets as can be paid for; False, with a note, where those are too few."""
        inputs = [row.inputs for row in self.dealt.judges[:FIRST]]
        asked = self.alike.questions(inputs)
        cost = self.remote.client.ledger.prices.cost
        each = sum(cost(one.most_read, one.most_written) for one in asked) / len(asked)
        spare, ends = self.most_money - self.remote.client.ledger.money, 2 * len(self.dealt.others)
        count = next((n for n in (SETS, SETS // 2, LEAST_SETS) if each * (_questions(n) + ends) <= spare), 0)
        if not count:
            self.job.notes.append(
                f"demonstrations were not searched: about {each * (_questions(LEAST_SETS) + ends):.4f} are needed, "
                f"{max(0.0, spare):.4f} of --max-cost may be taken for it"
            )
        self.left = list(_sets(self.alike, self.dealt.shown, self.shown, count, self.job.seed))
        return bool(count)

    def halve(self) -> Iterator[str]:
        """Judge all that are left on twice the rows, until one is; the best first. Tells each round."""
        rows = FIRST
        while len(self.left) > 1:
            judges = self.dealt.judges[:rows]
            scores = [self._score(self.alike.with_options(fixed=one), judges) for one in self.left]
            order = sorted(range(len(scores)), key=lambda place: (math.isnan(scores[place]), self._loss(scores[place])))
            is_last = rows >= len(self.dealt.judges)
            self.left = [self.left[place] for place in order[: 1 if is_last else len(order) // 2]]
            yield (f"{len(scores)} sets of {self.shown} rows on {len(judges)} training rows: "
                   f"{scores[order[-1]]:.4f} to {scores[order[0]]:.4f}")  # fmt: skip
            rows *= 2

    def compared(self) -> tuple[Any, float, float]:
        """Who shows the set that is left, its score on rows that had no part in this, and what likeness does there."""
        best = self.alike.with_options(fixed=self.left[0])
        return best, self._score(best, self.dealt.others), self._score(self.alike, self.dealt.others)

    def is_better(self, score: float, other: float) -> bool:
        """Whether a score is better than another."""
        return self._loss(score) < self._loss(other)

    def _loss(self, score: float) -> float:
        return -score if self.job.metric.higher_is_better else score

    def _score(self, scorer: Any, rows: Sequence[Example]) -> float:
        """The metric of rows; what was asked in an earlier round is known. ResourceError where a bound is passed."""
        inputs = [row.inputs for row in rows]
        ledger, client = self.remote.client.ledger, self.remote.client
        new = [one for one in scorer.questions(inputs) if ledger.known(client.digest(one)) is None]
        most = sum(ledger.prices.cost(one.most_read, one.most_written) for one in new)
        self.asked += len(new)
        if ledger.money + most > self.most_money or self.asked > MOST_QUESTIONS or self.job.remaining() < self.until:
            raise ResourceError("its share of money, questions or time is used up")
        return judged(scorer.score(inputs), rows, self.job)


def _questions(sets: int) -> int:
    """Questions that halving so many sets takes: each round asks about the rows that it adds."""
    total, rows, known = 0, FIRST, 0
    while sets > 1:
        total += sets * (rows - known)
        sets, rows, known = (1, rows, rows) if rows >= ROWS else (sets // 2, 2 * rows, rows)
    return total


def _sets(
    scorer: Any, rows: Sequence[Example], size: int, count: int, seed: int
) -> Iterator[tuple[tuple[str, str], ...]]:
    """Sets with as many rows of each label as there is room for, in an order of their own; every other one spread."""
    vectors = scorer.vectors()
    labels: dict[str, list[int]] = {}
    for place, row in enumerate(rows):
        labels.setdefault(str(row.target), []).append(place)
    for number in range(count):
        rng = np.random.default_rng([seed, 73, number])
        turns = [labels[name] for name in rng.permutation(sorted(labels))]
        taken = _drawn(turns, size, vectors if number % 2 else None, rng)
        yield tuple(scorer.pool[place] for place in rng.permutation(taken))


def _drawn(turns: Sequence[Sequence[int]], size: int, vectors: Any, rng: np.random.Generator) -> Array:
    """Places of `size` rows, one of each label in turn; with `vectors` [n, D] (rows of length 1, sparse) each time the
    row that is least like those that were taken."""
    rest = [list(rng.permutation(own)) for own in turns]
    taken: list[int] = []
    while len(taken) < size:
        for own in rest:
            if not own or len(taken) == size:
                continue
            at = 0
            if vectors is not None and taken:
                at = int((vectors[own] @ vectors[taken].T).toarray().max(axis=1).argmin())
            taken.append(int(own.pop(at)))
    return np.array(taken)
