"""Labels that are paths: one column of "billing/refund", or nested columns of categories (level1, level2).

A mark in a label is no hierarchy yet ("and/or", "n/a", "red/blue"). A column is read as paths when most rows have the
mark, beginnings are shared, no step stands both first and later, and (for marks that names hold as well) a step has one
parent. Columns are read as levels when their names say so and each value of the lower one has one parent. Anything
else keeps its reading as plain labels; a goal that names one of the levels asks for that level alone.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise

from autogpt.core import Table
from autogpt.data.columns import Facts, sample_rows
from autogpt.data.goal import Goal
from autogpt.data.targets import CLASSES, PATHS, Candidate, judge
from autogpt.data.words import as_text

_CLEAR, _OFTEN = (">", "›", "»", "→", "::"), ("/", "\\", "|", "／")
"""Marks that are written for paths, and marks that stand in plain labels as well."""

_MOST_STEPS, _LONGEST_STEP = 8, 60
_LEAD = 40.0  # points over the reading of the same column as plain labels
_LEAST_MARKED, _LEAST_SHARED, _LEAST_PURE = 0.8, 0.6, 0.7
_NUMBERED = re.compile(r"((?:.*[ _-])?l|.*(?:level|lvl|tier|cat|category|label|class|topic))[ _-]*([1-9])")
_CHINESE = ("一级", "二级", "三级", "四级"), ("大类", "中类", "小类")


def readings(table: Table, facts: Mapping[str, Facts], goal: Goal) -> list[Candidate]:
    """See `data.structures`."""
    return [*_of_paths(facts, goal), *_of_levels(table, facts, goal)]


def _of_paths(facts: Mapping[str, Facts], goal: Goal) -> Iterator[Candidate]:
    for name, fact in facts.items():
        mark = find_mark(fact.counts) if fact.kind in ("category", "short") else None
        if mark is not None:
            depth = max(label.count(mark) for label in fact.counts) + 1
            why = f"column {name!r} holds paths of up to {depth} steps divided by {mark!r}, and paths share beginnings"
            yield _judged((name,), why, facts, goal, separator=mark)


def find_mark(counts: Mapping[str, int]) -> str | None:
    """The mark that divides labels into steps, if they are paths; counts are rows per label."""
    return next((mark for mark in (*_CLEAR, *_OFTEN) if _are_paths(counts, mark)), None)


def _are_paths(counts: Mapping[str, int], mark: str) -> bool:
    marked = sum(rows for label, rows in counts.items() if mark in label)
    if len(counts) < 3 or marked < _LEAST_MARKED * sum(counts.values()):
        return False
    paths = [tuple(step.strip() for step in label.split(mark)) for label in counts]
    steps = [step for path in paths for step in path]
    if max(map(len, paths)) > _MOST_STEPS or not all(0 < len(step) <= _LONGEST_STEP for step in steps):
        return False
    tops = Counter(path[0] for path in paths)
    shared = sum(count for count in tops.values() if count > 1)
    if len(tops) < 2 or shared < _LEAST_SHARED * len(paths) or not all(any(map(str.isalpha, top)) for top in tops):
        return False
    parents: dict[str, set[str]] = defaultdict(set)
    for path in paths:
        for above, step in pairwise(path):
            parents[step].add(above)
    if not parents or tops.keys() & parents.keys():
        return False
    return mark in _CLEAR or sum(len(above) == 1 for above in parents.values()) >= _LEAST_PURE * len(parents)


def _of_levels(table: Table, facts: Mapping[str, Facts], goal: Goal) -> Iterator[Candidate]:
    usable = [name for name, fact in facts.items() if fact.kind in ("category", "short") and fact.unique > 1]
    rows = [table.rows[place] for place in sample_rows(len(table.rows), 20_000)]
    for columns in level_columns(usable):
        wanted = [name for name in columns if _says(goal.text, name)]
        values = [[as_text(row.get(name)).strip() for row in rows] for name in columns]
        if wanted not in ([], list(columns)) or not all(_nested(a, b) for a, b in pairwise(values)):
            continue
        shown = " > ".join(map(repr, columns))
        yield _judged(columns, f"columns {shown} are levels: each value of a lower one has one parent", facts, goal)


def _says(goal: str, name: str) -> bool:
    """Whether the goal has the very name: `level1` and `level2` have one stem, and one may be wanted alone."""
    return re.search(rf"(?<![a-z0-9_]){re.escape(name.lower())}(?![a-z0-9_])", goal.lower()) is not None


def level_columns(names: Sequence[str]) -> list[tuple[str, ...]]:
    """Columns that are called levels of the same thing, from the top: level1, level2; topic, subtopic; 大类, 小类."""
    numbered: dict[str, dict[int, str]] = defaultdict(dict)
    found: list[tuple[str, ...]] = []
    for name in names:
        match = _NUMBERED.fullmatch(name.lower())
        if match:
            numbered[match[1]][int(match[2])] = name
        for words in _CHINESE:
            for place, word in enumerate(words):
                if word in name:
                    numbered[name.replace(word, words[0])][place] = name
        below = [other for other in names if re.sub(r"[ _-]", "", other.lower()) in (f"sub{name.lower()}", f"子{name}")]
        found.extend((name, other) for other in below)
    found.extend(tuple(levels[place] for place in sorted(levels)) for levels in numbered.values() if len(levels) > 1)
    return found


def _nested(upper: Sequence[str], lower: Sequence[str]) -> bool:
    """Whether each value below has one parent (2 % of rows may slip), more of them below, and no gaps above."""
    parents: dict[str, Counter[str]] = defaultdict(Counter)
    for above, below in zip(upper, lower, strict=True):
        if below:
            parents[below][above] += 1
    rows = sum(count for counts in parents.values() for count in counts.values())
    usual = sum(counts.most_common(1)[0][1] for counts in parents.values())
    tops = {above for above in upper if above}
    filled = all(above for above, below in zip(upper, lower, strict=True) if below)
    return filled and len(tops) >= 2 and len(parents) > len(tops) and usual >= 0.98 * rows


def _judged(
    columns: tuple[str, ...], why: str, facts: Mapping[str, Facts], goal: Goal, *, separator: str | None = None
) -> Candidate:
    """The reading with a lead over those of its columns as plain labels."""
    plain = [judge(Candidate(CLASSES, (name,), 60, (why,)), facts, goal) for name in columns]
    best = max(plain, key=lambda reading: reading.points)
    return replace(best.plus(_LEAD, ""), task=PATHS, target=columns, separator=separator)
