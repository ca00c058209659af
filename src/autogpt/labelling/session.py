"""A labelling session: which question comes next, what an answer changes, and where things stand.

Rows that measure the model are drawn at random before the first question; no strategy ever sees them, and they are
asked at random places in between. Everything that is answered is on disk at once.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from autogpt import queries, registry
from autogpt.config import Labelling
from autogpt.core import Table
from autogpt.errors import ConfigError, InputError
from autogpt.labelling import records
from autogpt.labelling.head import Head
from autogpt.labelling.outlook import Labelled, Outlook, outlook
from autogpt.labelling.pool import Pool
from autogpt.labelling.records import BAD, CHOSEN, DRAWN, LABEL, SKIP, Answer, Records, Settings, State

if TYPE_CHECKING:
    from autogpt.core import Array

MOST_DRAWN = 200
DRAWN_SHARE = 0.2
"""Of the texts at most this share is kept for measuring."""


@dataclass(frozen=True, slots=True)
class Question:
    """A text to be labelled. `ranking` has all labels, the model's first guess first, with its probabilities (None
    while there is no model, or for a label that it has not met)."""

    id: str
    text: str
    rows: tuple[int, ...]
    ranking: tuple[tuple[str, float | None], ...]
    by: str
    part: str

    @property
    def guess(self) -> tuple[str | None, float | None]:
        """The model's first guess and how sure it is."""
        label, sure = self.ranking[0] if self.ranking else (None, None)
        return (label, sure) if sure is not None else (None, None)


@dataclass(frozen=True, slots=True)
class Progress:
    """Counts of texts: `labelled` in all, `chosen` and `drawn` of them asked here, `left` without a label."""

    labelled: int
    chosen: int
    drawn: int
    skipped: int
    bad: int
    left: int
    labels: Mapping[str, int]
    outlook: Outlook | None


class Session:
    """See the module. `vectors` [N, D] belong to the pool's items in their order."""

    def __init__(self, pool: Pool, vectors: Array, file: Records, settings: Settings, options: Labelling) -> None:
        self.pool, self.settings, self.options, self.file = pool, settings, options, file
        self.state = State()
        self._vectors, self._ids = vectors, list(pool.items)
        self._place = {id: place for place, id in enumerate(self._ids)}
        self._reserved = frozenset(settings.drawn)
        self._strategy: queries.Query = registry.get("queries", options.strategy)
        self._head: tuple[Head, tuple[str, ...]] | None = None
        self._seen: tuple[int, Outlook | None] | None = None
        for item in pool.items.values():
            if item.given is not None:
                records.keep(self.state, Answer(item.id, LABEL, item.given, who="data", by="data"))

    @classmethod
    def begin(cls, table: Table, pool: Pool, vectors: Array, path: Path, options: Labelling, *, seed: int) -> Session:
        """The session whose file is `path`, gone on with where there is one."""
        file = Records(path)
        settings, lines = file.read()
        if settings is None:
            settings = Settings(
                data=table.origin, text=pool.text, target=pool.target, strategy=options.strategy, seed=seed,
                labels=tuple(names(options.labels)), drawn=_draw(pool, seed=seed) if options.check else (),
            )  # fmt: skip
            file.start(settings)
        elif not any(line.get("id") in pool.items for line in lines) and any("id" in line for line in lines):
            raise InputError(f"{path} has labels of other texts than {table.origin}; give another name with --output")
        session = cls(pool, vectors, file, settings, options)
        records.replay(session.state, lines)
        return session

    @property
    def labels(self) -> tuple[str, ...]:
        """All label names: those told, then others as they came up."""
        told = (*self.settings.labels, *names(self.options.labels))
        met = (answer.label for answer in self.state.answers.values() if answer.label is not None)
        return tuple(dict.fromkeys((*told, *met)))

    def question(self) -> Question | None:
        """The next question; None when every text has an answer. The same until it is answered."""
        id = next(self._waiting(), None)
        if id is None:
            self._ask_batch()
            id = next(self._waiting(), None)
        if id is None:
            return None
        item, part = self.pool.items[id], DRAWN if id in self._reserved else CHOSEN
        by = "random" if part == DRAWN else self.state.by
        return Question(id, item.text, item.rows, self._ranking(id), by, part)

    def answer(self, question: Question, kind: str, label: str | None = None, *, who: str) -> Answer:
        """Keep an answer: `label` with its name, `skip` or `bad`. It is on disk when this returns."""
        if (kind == LABEL) != bool(label and label.strip()) or kind not in (LABEL, SKIP, BAD):
            raise InputError(f"an answer is a label with a name, skip or bad; this is {kind!r} with {label!r}")
        guess, sure = question.guess
        answer = Answer(
            question.id, kind, label.strip() if label else None, who, question.by, question.part, guess=guess,
            confidence=None if sure is None else round(sure, 4),
        )  # fmt: skip
        self.add(answer)
        return answer

    def add(self, answer: Answer) -> bool:
        """Keep an answer from wherever it comes; whether it counts (a model's never outranks a person's)."""
        counts = records.keep(self.state, self.file.answer(answer))
        self._head = None
        return counts

    def undo(self, *, who: str) -> Question | None:
        """Take the last answer back that was given here; its question comes again. None: there is none."""
        given = [a.id for a in self.state.answers.values() if a.by not in ("data", "import")]
        if not given:
            return None
        self.file.undo(given[-1], who)
        records.take_back(self.state, given[-1])
        self._head = None
        return self.question()

    def progress(self) -> Progress:
        """Where things stand. The outlook is made anew once in a batch: it takes a moment."""
        found = [a for a in self.state.answers.values() if a.id in self._place]
        labelled = [a for a in found if a.kind == LABEL and a.is_human]
        by_label: dict[str, int] = dict.fromkeys(self.labels, 0)
        for answer in labelled:
            by_label[str(answer.label)] += 1
        at = len(labelled) // self.options.batch
        if self._seen is None or self._seen[0] != at:
            self._seen = (at, self._outlook())
        kinds = [answer.kind for answer in found]
        return Progress(
            labelled=len(labelled), chosen=sum(a.part == CHOSEN for a in labelled),
            drawn=sum(a.part == DRAWN for a in labelled), skipped=kinds.count(SKIP), bad=kinds.count(BAD),
            left=len(self._ids) - len(labelled) - kinds.count(SKIP) - kinds.count(BAD),
            labels=by_label, outlook=self._seen[1],
        )  # fmt: skip

    def _waiting(self) -> Iterator[str]:
        """Ids to be asked: answers taken back (the last first), then what is left of the batch."""
        answered = {a.id for a in self.state.answers.values() if a.is_human}
        for id in (*reversed(self.state.redo), *self.state.asked):
            if id in self._place and id not in answered:
                yield id

    def _ask_batch(self) -> None:
        """Choose the next questions: most by the strategy, some of the rows that were drawn beforehand."""
        answers, size, seed = self.state.answers, self.options.batch, self.settings.seed
        rng = np.random.default_rng([seed, 5, self.state.questions])
        drawn = [id for id in self.settings.drawn if id in self._place and id not in answers]
        asked = sum(a.part == DRAWN for a in answers.values())
        wanted = round(self.options.check * (self.state.questions + size)) - asked
        random = drawn[: max(0, min(wanted, size))]
        chosen = [self._ids[place] for place in self._chosen(size - len(random), rng)] if len(random) < size else []
        ids = [*chosen, *(random if chosen else drawn[:size])]
        if not ids:
            return
        order = [ids[place] for place in rng.permutation(len(ids))] if random else ids
        parts = {id: DRAWN if id in self._reserved else CHOSEN for id in order}
        self.file.asked(parts, self.options.strategy)
        self.state.asked, self.state.by = parts, self.options.strategy

    def _chosen(self, k: int, rng: np.random.Generator) -> list[int]:
        """Places of the rows that the strategy wants; reserved rows are not shown to it."""
        shown = np.array([place for place, id in enumerate(self._ids) if id not in self._reserved], dtype=np.int64)
        answers = [self.state.answers.get(self._ids[place]) for place in shown]
        closed = np.array([a is not None and a.is_human for a in answers], dtype=bool)
        if closed.all():
            return []
        learned = [place for place, a in enumerate(answers) if a is not None and a.kind == LABEL and a.is_human]
        met = sorted({str(answers[place].label) for place in learned})  # type: ignore[union-attr]
        numbers = [met.index(str(answers[place].label)) for place in learned]  # type: ignore[union-attr]
        head = self._fitted()
        vectors = self._vectors[shown]
        pool = queries.Pool(
            vectors, np.array(learned, dtype=np.int64), np.array(numbers, dtype=np.int64), closed,
            None if head is None else head[0].probabilities(vectors),
        )  # fmt: skip
        return [int(place) for place in shown[self._strategy.choose(pool, k, rng)]]

    def _labelled(self, part: str) -> tuple[list[int], list[str]]:
        """Places and labels of the rows that a person labelled, in the order of their answers."""
        found = [
            (self._place[a.id], str(a.label))
            for a in self.state.answers.values()
            if a.kind == LABEL and a.is_human and a.id in self._place and a.part == part
        ]
        return [place for place, _ in found], [label for _, label in found]

    def _fitted(self) -> tuple[Head, tuple[str, ...]] | None:
        """The present classifier and its labels; drawn rows never teach it."""
        if self._head is None:
            places, found = self._labelled(CHOSEN)
            met = tuple(sorted(set(found)))
            if len(met) > 1:
                labelled = Labelled(self._vectors[places], np.array([met.index(one) for one in found]), len(met))
                self._head = labelled.head(), met
        return self._head

    def _ranking(self, id: str) -> tuple[tuple[str, float | None], ...]:
        fitted = self._fitted()
        if fitted is None:
            return tuple((label, None) for label in self.labels)
        head, met = fitted
        sure = head.probabilities(self._vectors[[self._place[id]]])[0]
        best = [(met[place], float(sure[place])) for place in np.argsort(-sure, kind="stable")]
        return (*best, *((label, None) for label in self.labels if label not in met))

    def _outlook(self) -> Outlook | None:
        places, found = self._labelled(CHOSEN)
        drawn, gold = self._labelled(DRAWN)
        met = sorted({*found, *gold})
        number = {label: place for place, label in enumerate(met)}
        learned, measured = (
            Labelled(self._vectors[rows], np.array([number[one] for one in names], dtype=np.int64), len(met))
            for rows, names in ((places, found), (drawn, gold))
        )
        return outlook(learned, measured, self._vectors, seed=self.settings.seed)


def names(told: str | None) -> Sequence[str]:
    """Label names as `--labels` gives them: with commas between, or a file with one a line."""
    if not told:
        return ()
    is_file = Path(told).is_file()
    parts = Path(told).read_text("utf-8-sig").splitlines() if is_file else told.split(",")
    found = list(dict.fromkeys(part.strip() for part in parts if part.strip()))
    if not found:
        raise ConfigError(f"--labels {told!r} holds no name; give names with commas between, or a file of them")
    return found


def _draw(pool: Pool, *, seed: int) -> tuple[str, ...]:
    """Ids of the rows that measure, in random order; none of those that came with a label."""
    free = [item.id for item in pool.items.values() if item.given is None]
    count = min(MOST_DRAWN, int(DRAWN_SHARE * len(free)))
    return tuple(free[place] for place in np.random.default_rng([seed, 17]).permutation(len(free))[:count])
