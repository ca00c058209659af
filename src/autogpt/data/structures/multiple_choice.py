"""Questions with choices: a list per row or a column per choice, and a column that says which one is right.

A list or a family of columns alone says little (labels come in lists, sentence pairs in numbered columns). What tells
is the target: it names exactly the places that there are, or it repeats one of the row's own choices. Columns that got
other names are found by the latter alone, for nothing else tells their order.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from autogpt import cells
from autogpt.core import Table
from autogpt.data.columns import Facts, sample_rows
from autogpt.data.goal import Goal
from autogpt.data.targets import Candidate
from autogpt.data.text_columns import question_share
from autogpt.data.words import as_text, is_missing, vocabulary

TASK = "multiple-choice"
_STEMS = vocabulary(
    "a ans answer choice option opt ending end sol solution alternative alt candidate response distractor hyp 选项 答案"
)
_ASKED = (
    r"multiple.?choice|\b(right|correct|best|which|choose|pick|select)\b.{0,40}\b(answer|choice|option|ending|solution)"
    r"|\banswer\b.{0,30}\bquestions?\b|选择题|单选|选项|正确答案"
)
_POINTS, _NAMED = 170.0, 40.0
_LETTERS = "ABCDEFGHIJ"
_READ = ("text", "short", "category", "constant")
_MOST, _ROWS = 10, 400


def readings(table: Table, facts: Mapping[str, Facts], goal: Goal) -> list[Candidate]:
    """See `data.structures`."""
    rows = [table.rows[place] for place in sample_rows(len(table.rows), _ROWS)]
    found = []
    for columns, ordered in _families(rows, facts):
        listed = [_choices(row, columns) for row in rows]
        if sum(one is not None for one in listed) < 0.9 * len(rows):
            continue
        for target, numbering in _targets(rows, listed, facts, columns, ordered=ordered):
            text = _texts(table, facts, {*columns, target})
            if not text:
                continue
            calls = "its text" if numbering is None else f"its number, from {numbering}"
            why = f"column {target!r} names one of the choices in {', '.join(map(repr, columns))} by {calls}"
            points = _POINTS + _NAMED * (re.search(_ASKED, goal.text.lower()) is not None)
            points += _NAMED * (
                goal.mentions(target) or target.lower() in ("label", "answer", "gold", "target", "答案")
            )
            # Questions to one context are no rows of their own: what one of them teaches, another one tests.
            shared = len(text) > 1 and facts[text[0]].unique_share < 0.98
            found.append(
                Candidate(
                    TASK,
                    (target,),
                    points,
                    (why, f"rows with the same {text[0]!r} stay together" if shared else ""),
                    text,
                    choices=columns,
                    numbering=numbering,
                    group=text[0] if shared else None,
                )
            )
    return found


def _families(rows: Sequence[Any], facts: Mapping[str, Facts]) -> Iterator[tuple[tuple[str, ...], bool]]:
    """Columns of choices, and whether their order is known."""
    for name, fact in facts.items():
        numbered = all(len(item) == 1 for item in fact.counts)  # what choices are called, not what they are
        if fact.kind == "tokens" and not fact.integer and not numbered and 2 <= fact.words <= _MOST:
            yield (name,), True
    stems: dict[str, dict[int, str]] = defaultdict(dict)
    for name in facts:
        stem, place = _numbered(name)
        if place is not None and facts[name].kind in (*_READ, "number", "id", "date"):
            stems[stem][place] = name
    named: set[tuple[str, ...]] = set()
    for family in stems.values():
        places = sorted(family)
        if len(places) >= 2 and places == list(range(places[0], places[0] + len(places))):
            columns = tuple(family[place] for place in places)
            named.add(tuple(sorted(columns)))
            yield columns, True
    for columns in _repeated(rows, facts):
        if tuple(sorted(columns)) not in named:
            yield columns, False


def _numbered(name: str) -> tuple[str, int | None]:
    """`ans0` -> ("ans", 0), `choice_b` -> ("choice", 1), `C` -> ("", 2); no place where the name says nothing."""
    if name in _LETTERS:
        return "", _LETTERS.index(name)
    found = re.fullmatch(r"(.*?)[\s_.-]*(\d|(?<=[\s_.-])[a-jA-J]|[A-J])", name)
    stem = re.sub(r"[^a-z一-鿿]", "", found.group(1).lower()) if found else ""
    if not found or stem not in _STEMS:
        return "", None
    mark = found.group(2)
    return stem, int(mark) if mark.isdigit() else _LETTERS.index(mark.upper())


def _repeated(rows: Sequence[Any], facts: Mapping[str, Facts]) -> Iterator[tuple[str, ...]]:
    """Sets of columns of which each row's target repeats exactly one, and not always the same."""
    readable = [name for name, fact in facts.items() if fact.kind in ("text", "short", "category")]
    cell = {name: [as_text(row.get(name)).strip() for row in rows] for name in readable}
    for target in readable:
        same = {
            name: [a == b != "" for a, b in zip(cell[name], cell[target], strict=True)]
            for name in readable
            if name != target
        }
        kept = [name for name, hits in same.items() if 0.03 * len(rows) <= sum(hits) <= 0.9 * len(rows)]
        if len(kept) >= 2 and sum(sum(same[n][i] for n in kept) == 1 for i in range(len(rows))) >= 0.95 * len(rows):
            yield tuple(kept)


def _choices(row: Any, columns: tuple[str, ...]) -> tuple[str, ...] | None:
    try:
        return cells.choices(row, columns)
    except ValueError:
        return None


def _targets(
    rows: Sequence[Any],
    listed: Sequence[tuple[str, ...] | None],
    facts: Mapping[str, Facts],
    columns: tuple[str, ...],
    *,
    ordered: bool,
) -> Iterator[tuple[str, str | None]]:
    """Columns that say which choice is right, with what they call the first one (None: they give its text)."""
    known = [(row, one) for row, one in zip(rows, listed, strict=True) if one is not None]
    varied = len({one for _, one in known}) > max(1, 0.02 * len(known))
    for name, fact in facts.items():
        if name in columns or fact.kind in ("empty", "tokens", "spans", "objects"):
            continue
        pairs = [(as_text(row.get(name)).strip(), one) for row, one in known if not is_missing(row.get(name))]
        if len(pairs) < max(4, 0.5 * len(known)):
            continue
        if varied and sum(said in one for said, one in pairs) >= 0.98 * len(pairs) and len({s for s, _ in pairs}) > 1:
            yield name, None
        elif ordered:
            for first in ("0", "1", "A", "a"):
                if _counts(pairs, first):
                    yield name, first
                    break


def _counts(pairs: Sequence[tuple[str, tuple[str, ...]]], first: str) -> bool:
    """Whether the column names places from `first`, each of the usual ones (3 % of rows may slip)."""
    most = max(len(one) for _, one in pairs)
    places = {(str(int(first) + i) if first.isdigit() else chr(ord(first) + i)): i for i in range(most)}
    found = [places.get(said.removesuffix(".0")) for said, _ in pairs]
    inside = sum(place is not None and place < len(one) for place, (_, one) in zip(found, pairs, strict=True))
    usual = sorted(len(one) for _, one in pairs)[len(pairs) // 2]
    return inside >= 0.97 * len(pairs) and set(found) >= set(range(usual))


def _texts(table: Table, facts: Mapping[str, Facts], used: set[str]) -> tuple[str, ...]:
    """Prose and questions, the question last: at most three columns."""
    asks = {
        name: question_share(table, name)
        for name, fact in facts.items()
        if name not in used and fact.kind in ("text", "short", "category") and fact.words >= 2.2
    }
    found = [name for name, share in asks.items() if facts[name].kind == "text" or share >= 0.6]
    found = [name for name in found if not _is_said_elsewhere(table, name, found)]
    longest = sorted(found, key=lambda name: (asks[name] < 0.6, -facts[name].words))[:3]
    return tuple(sorted(longest, key=lambda name: (asks[name] >= 0.6, table.columns.index(name))))


def _is_said_elsewhere(table: Table, name: str, others: Sequence[str]) -> bool:
    """Whether a column has codes of one word, or only what another one has in its texts as well."""
    rows = [table.rows[place] for place in sample_rows(len(table.rows), _ROWS)]
    texts = [as_text(row.get(name)).strip() for row in rows]
    if sum(" " in text or not text.isascii() for text in texts) < 0.5 * len(texts):
        return True
    held = (
        sum(a in as_text(row.get(other)) for a, row in zip(texts, rows, strict=True))
        for other in others
        if other != name
    )
    return any(count >= 0.9 * len(rows) for count in held)
