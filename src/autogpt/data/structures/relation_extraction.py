"""Tables for relation extraction: a text with two marked spans in every row, and a column that repeats its values.

Spans are tags in the text, or stand beside it: both in one column, one each in two columns, or as start, end, start and
end in four. Names may be anything: what tells is that the cells mark two stretches that begin and end with words.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import permutations

from autogpt import cells, registry
from autogpt.core import Row, Schema, Table, Task
from autogpt.data import targets
from autogpt.data.columns import Facts, sample_rows
from autogpt.data.goal import Goal
from autogpt.data.targets import CLASSES, Candidate

NAME = "relation-extraction"
_ENOUGH = 0.98
"""Share of the rows that must have two spans."""

_MORE = 45.0
"""Points over the same column as a label of the text alone: more than what counts as close."""

_FIRST = re.compile(r"(?:^|[^a-z])(?:head|h|subj(?:ect)?|(?:e|ent|entity|arg)?[_ ]?1)(?![a-z0-9])")
_SECOND = re.compile(r"(?:^|[^a-z])(?:tail|t|obj(?:ect)?|(?:e|ent|entity|arg)?[_ ]?2)(?![a-z0-9])")
_TELLING = re.compile(
    r"\(\s*(?:e1|e2|head|tail|subj|obj)\w*\s*,\s*(?:e1|e2|head|tail|subj|obj)\w*\s*\)$"
    r"|^(?:no|not)[ _-]?relat(?:ion|ed)$|^unrelated$|^无关系$"
)
_START = re.compile(r"(?:^|[^a-z])(?:start|begin|from)(?![a-z])")


def readings(table: Table, facts: Mapping[str, Facts], goal: Goal) -> list[Candidate]:
    """Every column of labels as the relation between the spans, if the table marks two spans in each row."""
    rows = [table.rows[place] for place in sample_rows(len(table.rows), 200)]
    found = _tagged(rows, facts) or _beside(rows, facts)
    if found is None:
        return []
    text, spans, why = found
    rest = [fact for name, fact in facts.items() if name not in (text, *spans)]
    # Relations have names: numbers are codes of them only where nothing else could be.
    named = [fact for fact in rest if fact.kind == "category"] or rest
    labels = [reading for fact in named for reading in targets.column_readings(fact) if reading.task == CLASSES]
    return [_relation(targets.judge(reading, facts, goal), text, spans, why, facts) for reading in labels]


def _relation(label: Candidate, text: str, spans: tuple[str, ...], why: str, facts: Mapping[str, Facts]) -> Candidate:
    """A reading of a column as label of the text, as one of the relation between the spans."""
    points = label.points + _MORE
    reading = Candidate(NAME, label.target, points, (why, *label.why), text=(text,), spans=spans, named=label.named)
    telling = sorted(value for value in facts[label.target[0]].counts if _TELLING.search(value.lower()))
    return reading.plus(40, f"a value such as {telling[0]!r} names a relation", named=True) if telling else reading


def _tagged(rows: Sequence[Row], facts: Mapping[str, Facts]) -> tuple[str, tuple[str, ...], str] | None:
    """The column whose texts have tags around two spans."""
    for name, fact in facts.items():
        if fact.kind in ("text", "short", "category") and _share(rows, name, ()) >= _ENOUGH:
            return name, (), f"text is {name!r}: two spans are marked in it"
    return None


def _beside(rows: Sequence[Row], facts: Mapping[str, Facts]) -> tuple[str, tuple[str, ...], str] | None:
    """The text and the columns whose cells say where its two spans stand; the shortest text that all of them fit."""
    texts = [fact for fact in facts.values() if fact.kind in ("text", "short", "tokens") and not fact.integer]
    for fact in sorted(texts, key=lambda fact: fact.characters):
        for spans in _columns(rows, fact, facts):
            if _share(rows, fact.name, spans) >= _ENOUGH:
                why = f"text is {fact.name!r}: {', '.join(map(repr, spans))} mark two spans of it"
                return fact.name, spans, why
    return None


def _columns(rows: Sequence[Row], text: Facts, facts: Mapping[str, Facts]) -> list[tuple[str, ...]]:
    """Columns that could hold the spans: one with both, two with one each, or four numbers, first argument first."""
    listed = [fact for fact in facts.values() if fact.name != text.name and fact.kind in ("spans", "objects", "tokens")]
    single = [(fact.name,) for fact in listed if fact.kind in ("spans", "objects")]
    numbered = [fact.name for fact in listed if fact.kind in ("spans", "objects") or fact.integer]
    twice = [(a, b) for a, b in permutations(numbered, 2) if _argument(a) < _argument(b)]
    # Without telling names the table's order says which comes first.
    twice += [(a, b) for place, a in enumerate(numbered) for b in numbered[place + 1 :]]
    numbers = [f.name for f in facts.values() if f.kind in ("number", "id", "constant") and f.integer]
    return [*single, *twice, *_four(rows, text, numbers)]


def _four(rows: Sequence[Row], text: Facts, numbers: Sequence[str]) -> list[tuple[str, ...]]:
    """Start, end, start, end: by name for words, by what they cut out of a text that has characters."""
    if len(numbers) < 4:  # to divide long texts into words takes seconds
        return []
    if text.kind == "tokens":
        pairs = [
            (start, end)
            for start, end in permutations(numbers, 2)
            if _START.search(start.lower()) and not _START.search(end.lower()) and _argument(start) == _argument(end)
        ]
        pairs = [pair for pair in pairs if _argument(pair[0])]
    else:
        edges = [_edges(str(row.get(text.name) or "")) for row in rows]
        pairs = [pair for pair in permutations(numbers[:12], 2) if _cuts_words(rows, edges, pair)]
    pairs.sort(key=lambda pair: _argument(pair[0]))
    return [(*a, *b) for place, a in enumerate(pairs) for b in pairs[place + 1 :] if not set(a) & set(b)]


def _argument(name: str) -> int:
    """1 or 2 for a column named after an argument (`head_start`, `e2`), 0 for another."""
    lowered = re.sub(r"([a-z])([A-Z])", r"\1_\2", name).lower()
    return 1 if _FIRST.search(lowered) else 2 if _SECOND.search(lowered) else 0


def _edges(text: str) -> tuple[set[int], set[int]]:
    """Where words of a text begin, and where they end."""
    offsets = cells.words(text)[1]
    return {start for start, _ in offsets}, {end for _, end in offsets}


def _cuts_words(rows: Sequence[Row], edges: Sequence[tuple[set[int], set[int]]], pair: tuple[str, str]) -> bool:
    """Whether in (nearly) every row the two numbers are where a word begins and where one ends."""
    good = 0
    for row, (starts, ends) in zip(rows, edges, strict=True):
        try:
            start, end = (int(float(row.get(column) or 0)) for column in pair)
        except (TypeError, ValueError):
            continue
        good += start < end and start in starts and end in ends
    return good >= _ENOUGH * len(rows)


def _share(rows: Sequence[Row], text: str, spans: tuple[str, ...]) -> float:
    """Share of the rows that the task can read so, with spans that begin and end with words."""
    task: Task = registry.get("tasks", NAME)
    schema = Schema(NAME, (text,), spans=spans)
    good = 0
    for place, row in enumerate(rows):
        try:
            inputs = task.inputs(row, schema)
        except ValueError:
            if place >= 20 and not good:
                return 0.0
            continue
        starts, ends = _edges(inputs["text"])
        good += bool(not spans or all(a in starts and b in ends for a, b in inputs["marks"]))
    return good / len(rows)
