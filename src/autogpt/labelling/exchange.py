"""Labels out to a table that `autogpt run` takes, and in from other tools' tables."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autogpt.core import Row, Table
from autogpt.data.words import is_missing
from autogpt.data.write import writer
from autogpt.errors import SchemaError
from autogpt.labelling.pool import identity, text_of
from autogpt.labelling.records import DRAWN, LABEL, Answer
from autogpt.labelling.session import Session

SPLIT = "split"
PROVENANCE = ("labelled_by", "labelled_at", "asked_by", "model_guess", "model_confidence")
LEAST_DRAWN = 4
"""With fewer drawn rows than this there is nothing to measure with, and no split is written."""


@dataclass(frozen=True, slots=True)
class Imported:
    """What became of the rows of another table: `taken`, `known` already, `strange` texts, `empty` labels."""

    taken: int = 0
    known: int = 0
    strange: int = 0
    empty: int = 0


def export(session: Session, table: Table, path: Path) -> int:
    """Write every labelled row with all its columns, the label, its split and its provenance; how many rows.

    Drawn rows become validation and test rows in turn, so that neither the choice of a model nor its test looks at
    rows that a strategy chose; all others are train.
    """
    count = 0
    with writer(path) as write:
        for row in rows(session, table):
            write(row)
            count += 1
    return count


def rows(session: Session, table: Table) -> Iterator[Row]:
    """The rows that `export` writes, in the order of the table."""
    answers = session.state.answers
    drawn, split = _drawn(session), split_name(session, table)
    side = {id: ("validation", "test")[place % 2] for place, id in enumerate(drawn)}
    found = sorted(
        (row, item.id) for item in session.pool.items.values() for row in item.rows if _is_label(answers.get(item.id))
    )
    for place, id in found:
        answer, row = answers[id], dict(table.rows[place])
        row[session.settings.target] = answer.label
        if split:
            row[split] = side.get(id, "train")
        yield row | dict(zip(PROVENANCE, _provenance(answer), strict=True))


def split_name(session: Session, table: Table) -> str | None:
    """The column of the split (another name where the table has one of that name); None where none is written."""
    if len(_drawn(session)) < LEAST_DRAWN:
        return None
    return SPLIT if SPLIT not in table.columns else f"labelling_{SPLIT}"


def _drawn(session: Session) -> list[str]:
    """Ids of the labelled rows that were drawn at random, in the order of the draw."""
    answers = session.state.answers
    found = (answers.get(id) for id in session.settings.drawn)
    return [a.id for a in found if a is not None and a.kind == LABEL and a.part == DRAWN]


def take(session: Session, table: Table, *, who: str) -> Imported:
    """Labels of another table, by text: its columns are called as this session's, or `text` and `label`.

    A column `labelled_by` says whose a label is; those of a model (`model`, `model:NAME`) never outrank a person's.
    """
    settings = session.settings
    text = settings.text if all(column in table.columns for column in settings.text) else ("text",)
    target = settings.target if settings.target in table.columns else LABEL
    for column in (*text, target):
        if column not in table.columns:
            there = ", ".join(map(repr, table.columns))
            raise SchemaError(
                f"{table.origin}: it has no column {column!r}; there are {there}; rename the one you mean"
            )
    count = {"taken": 0, "known": 0, "strange": 0, "empty": 0}
    for place, row in enumerate(table.rows):
        count[_take(session, table, place, row, text, target, who)] += 1
    return Imported(**count)


def _take(session: Session, table: Table, place: int, row: Row, text: tuple[str, ...], target: str, who: str) -> str:
    """Take one row; what became of it, as a field of `Imported`."""
    try:
        id = identity(text_of(table, place, text))
    except ValueError:
        return "empty"
    if is_missing(row.get(target)):
        return "empty"
    if id not in session.pool.items:
        return "strange"
    label, by = str(row[target]).strip(), str(row.get(PROVENANCE[0]) or who)
    before = session.state.answers.get(id)
    if before is not None and (before.label, before.who) == (label, by):
        return "known"
    answer = Answer(id, LABEL, label, who=by, by="import", when=str(row.get(PROVENANCE[1]) or ""))
    return "taken" if session.add(answer) else "known"


def _provenance(answer: Answer) -> tuple[Any, ...]:
    return answer.who, answer.when, answer.by, answer.guess, answer.confidence


def _is_label(answer: Answer | None) -> bool:
    return answer is not None and answer.kind == LABEL
