"""Rows that say what a model should write: a pair of answers, an answer with a mark, or a prompt and what checks it.

Columns are known by their names (or given); a prompt or an answer may be a list of messages with a role and a content.
Where there is no prompt, it is what both answers of a pair begin with.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from autogpt import registry
from autogpt.config import Alignment, Columns
from autogpt.core import Row, Table
from autogpt.data.words import as_text, fold, is_missing
from autogpt.errors import ConfigError, SchemaError
from autogpt.written import Reward

PROMPTS = ("prompt", "question", "instruction", "query", "problem", "input", "source", "text", "提示", "问题", "指令")
CHOSEN = ("chosen", "preferred", "better", "winner", "chosen_response", "优选", "更好")
REJECTED = ("rejected", "dispreferred", "worse", "loser", "rejected_response", "劣选", "更差")
ANSWERS = ("completion", "response", "demonstration", "output", *CHOSEN, "answer", "solution", "回答", "答案")
MARKS = ("label", "good", "liked", "desirable", "thumbs_up", "feedback", "好评")
_YES = {"1", "true", "yes", "good", "up", "like", "是", "好"}
_NO = {"0", "-1", "false", "no", "bad", "down", "dislike", "否", "差"}
CHOOSING, MOST_CHOOSING, MOST_HELD = 0.1, 128, 512
"""Share of the prompts to learn from that choose the best state instead; most rows that choose, and are measured on."""


@dataclass(frozen=True, slots=True)
class Aim:
    """One row: what is asked, and what should (`chosen`) and should not (`rejected`) be written, where the row says."""

    prompt: str
    row: Row
    chosen: str | None = None
    rejected: str | None = None


@dataclass(frozen=True, slots=True)
class Check:
    """A reward with what the user named for it, and the column that it needs."""

    reward: Reward
    source: str = ""
    column: str | None = None

    def one(self, aim: Aim, texts: Sequence[str]) -> list[float]:
        """How good texts are as answers to one row."""
        return self.reward.score(texts, aim.row, column=self.column, source=self.source)

    def all(self, aims: Sequence[Aim], texts: Sequence[str]) -> list[float]:
        """How good each row's own text is."""
        return [self.one(aim, [text])[0] for aim, text in zip(aims, texts, strict=True)]


@dataclass(frozen=True, slots=True)
class Aims:
    """The rows of a table. `kind`: `pairs`, `marks` (each row is an answer that is good or bad) or `prompts`, which
    `check` is for; `how` says what was read as what."""

    kind: str
    rows: tuple[Aim, ...]
    how: tuple[str, ...]
    check: Check | None = None
    watch: Check | None = None
    held: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Parts:
    """Rows to learn from, rows that choose the best state, and sealed rows; a prompt is in one of them only."""

    learn: tuple[Aim, ...]
    choose: tuple[Aim, ...]
    held: tuple[Aim, ...]


def aims(table: Table, options: Alignment, columns: Columns) -> Aims:
    """What a table's rows say. SchemaError: a column is missing, and what there is."""
    named = _named(columns.target, table)
    check, watch = _check(options.reward, table, named), _check(options.check, table, ())
    chosen, rejected = (named[0], named[1]) if len(named) == 2 else (_of(table, CHOSEN), _of(table, REJECTED))
    marked = rejected is not None and len(named) == 2 and _truth(table, rejected)
    if check is None and chosen and rejected and not marked:
        prompt = columns.text or _of(table, PROMPTS, besides=(chosen, rejected))
        reading, kind, told = _pair(prompt, chosen, rejected), "pairs", f"{chosen!r} is preferred to {rejected!r}"
    elif check is None and (mark := (rejected if marked else _mark(table))) is not None:
        answer = chosen if marked else (named[0] if named else _of(table, ANSWERS))
        prompt = _needed(columns.text or _of(table, PROMPTS, besides=(answer or "", mark)), "prompt", table)
        reading, kind = _marked(prompt, _needed(answer, "answer", table), mark), "marks"
        told = f"{mark!r} marks {answer!r} as good or bad"
    else:
        check = check or _found(table, named)
        spare = [name for name in named if name != check.column]
        shown = spare[0] if spare else _of(table, ANSWERS)
        besides = tuple(name for name in (check.column, shown) if name)
        prompt = _needed(columns.text or _of(table, PROMPTS, besides=besides), "prompt", table)
        reading, kind = _prompt(prompt, shown if shown != prompt else None), "prompts"
        needed = f" by {check.column!r}" if check.column else ""
        told = f"answers to {prompt!r} are checked{needed}: {check.reward.summary}"
    if columns.text and columns.text not in table.columns:
        _needed(None, "prompt", table, name=columns.text)
    read = [(place, aim) for place, row in enumerate(table.rows) if (aim := reading(row)) is not None]
    if not read:
        raise SchemaError(f"{table.origin}: no row has all that is needed ({told}); fill the columns in")
    how = [told, *([f"{len(table) - len(read):,} rows lack a part of that"] if len(read) < len(table) else [])]
    sealed = frozenset(at for at, (place, _) in enumerate(read) if table.splits and table.splits[place] == "test")
    return Aims(kind, tuple(aim for _, aim in read), tuple(how), check if kind == "prompts" else None, watch, sealed)


def parted(found: Aims, *, share: float, seed: int) -> Parts:
    """Prompts shuffled and parted; rows that the data itself names as test are the sealed ones."""
    rows = [(place, aim) for place, aim in enumerate(found.rows) if place not in found.held]
    together: dict[str, list[Aim]] = {}
    for place, aim in rows:  # where no row has a prompt, each row is its own
        together.setdefault(fold(aim.prompt) or f"row {place}", []).append(aim)
    groups = list(together.values())
    random.Random(f"{seed} aims").shuffle(groups)
    held = [found.rows[place] for place in sorted(found.held)]
    if not held:
        held, groups = _taken(groups, min(MOST_HELD, share * len(rows)))
    random.Random(f"{seed} held").shuffle(held)
    choose, groups = _taken(groups, min(MOST_CHOOSING, CHOOSING * sum(map(len, groups))))
    learn = [aim for group in groups for aim in group]
    if min(len(learn), len(choose), len(held)) < 1:
        raise SchemaError(
            f"{len(found.rows)} rows are too few to learn from, to choose by and to measure on; give more"
        )
    return Parts(tuple(learn), tuple(choose), tuple(held[:MOST_HELD]))


def _taken(groups: list[list[Aim]], wanted: float) -> tuple[list[Aim], list[list[Aim]]]:
    """Whole groups until there are enough rows, and the other groups."""
    taken: list[Aim] = []
    for place, group in enumerate(groups):
        if taken and len(taken) + len(group) > max(1.0, wanted):
            return taken, groups[place:]
        taken += group
    return taken, []


def _check(wanted: str | None, table: Table, named: Sequence[str]) -> Check | None:
    """`NAME` or `NAME:SOURCE`, with the column that it needs. SchemaError: there is none, and nothing was named."""
    if wanted is None:
        return None
    name, _, source = wanted.partition(":")
    reward: Reward = registry.get("rewards", name)
    column = None
    if reward.columns and not source:
        column = named[0] if named else _of(table, reward.columns)
        if column is None:
            names = ", ".join(reward.columns)
            raise SchemaError(
                f"reward {name!r} needs a column of the rows called {names} (there are: {', '.join(table.columns)}); "
                "name it with --target"
            )
    return Check(reward, source, column)


def _found(table: Table, named: Sequence[str]) -> Check:
    """The reward that the columns are made for. ConfigError: there is none, or several."""
    known: list[Reward] = [registry.get("rewards", name) for name in registry.names("rewards")]
    fitting = [(one, column) for one in known if (column := _of(table, one.columns)) is not None]
    if len(fitting) == 1 and not named:
        return Check(fitting[0][0], "", fitting[0][1])
    what = "several rewards would do" if fitting else "there are neither pairs (chosen, rejected) nor marks of answers"
    names = ", ".join(reward.name for reward, _ in fitting) or ", ".join(one.name for one in known)
    raise ConfigError(
        f"{table.origin}: {what} in the columns {', '.join(table.columns)}; name a reward with --reward: {names}; or "
        "the columns with --target CHOSEN,REJECTED"
    )


def _named(target: str | None, table: Table) -> tuple[str, ...]:
    names = tuple(name.strip() for name in (target or "").split(",") if name.strip())
    for name in names:
        if name not in table.columns:
            _needed(None, "answer", table, name=name)
    if len(names) > 2:
        raise ConfigError(f"--target {target!r} has {len(names)} columns; name one or two")
    return names


def _of(table: Table, names: Sequence[str], *, besides: Sequence[str] = ()) -> str | None:
    """The first column that has one of these names."""
    own = {column.casefold().strip().replace(" ", "_").replace("-", "_"): column for column in table.columns}
    return next((own[name] for name in names if name in own and own[name] not in besides), None)


def _mark(table: Table) -> str | None:
    column = _of(table, MARKS)
    return column if column and _truth(table, column) and _of(table, ANSWERS) else None


def _truth(table: Table, column: str) -> bool:
    values = {as_text(row.get(column)).casefold() for row in table.rows if not is_missing(row.get(column))}
    return bool(values) and values <= _YES | _NO


def _needed(column: str | None, what: str, table: Table, *, name: str = "") -> str:
    """The column; SchemaError where it is missing."""
    if column is not None:
        return column
    flag = "--text" if what == "prompt" else "--target"
    said = f"there is no column {name!r}" if name else f"no column is known as the {what}"
    raise SchemaError(f"{table.origin}: {said}; there are: {', '.join(table.columns)}; name one with {flag}")


def _pair(prompt: str | None, chosen: str, rejected: str) -> Callable[[Row], Aim | None]:
    def reading(row: Row) -> Aim | None:
        both = [row.get(chosen), row.get(rejected)]
        if any(is_missing(one) for one in both):
            return None
        asked = said(row.get(prompt)) if prompt and not is_missing(row.get(prompt)) else ""
        if not asked and all(_messages(one) for one in both):
            asked = said([*both[0]][:-1])  # type: ignore[misc]
        good, bad = (said(one[-1:] if _messages(one) else one) for one in both)  # type: ignore[index]
        if not prompt and not asked:
            begun = _begun(good, bad)
            asked, good, bad = good[:begun], good[begun:], bad[begun:]
        return Aim(asked.strip(), row, good.strip(), bad.strip()) if good.strip() != bad.strip() else None

    return reading


def _marked(prompt: str, answer: str, mark: str) -> Callable[[Row], Aim | None]:
    def reading(row: Row) -> Aim | None:
        if any(is_missing(row.get(name)) for name in (prompt, answer, mark)):
            return None
        text = said(row.get(answer)).strip()
        good = as_text(row.get(mark)).casefold() in _YES
        return Aim(said(row.get(prompt)).strip(), row, text if good else None, None if good else text)

    return reading


def _prompt(prompt: str, shown: str | None) -> Callable[[Row], Aim | None]:
    def reading(row: Row) -> Aim | None:
        if is_missing(row.get(prompt)):
            return None
        answer = None if shown is None or is_missing(row.get(shown)) else said(row.get(shown)).strip()
        return Aim(said(row.get(prompt)).strip(), row, answer or None)

    return reading


def said(value: Any) -> str:
    """A text, or what messages say: the only one's content, or of several each with who says it."""
    if not _messages(value):
        return as_text(value)
    parts = [(str(one["role"]), as_text(one["content"])) for one in value]
    return parts[0][1] if len(parts) == 1 else "\n".join(f"{who}: {what}" for who, what in parts)


def _messages(value: Any) -> bool:
    return (
        isinstance(value, Sequence)
        and not isinstance(value, str)
        and all(isinstance(one, Mapping) and {"role", "content"} <= one.keys() for one in value)
    )


def _begun(one: str, other: str) -> int:
    """Characters that two texts begin with, up to the last space among them."""
    same = next((at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
    return next((at for at in range(same, 0, -1) if one[at - 1].isspace()), 0)
