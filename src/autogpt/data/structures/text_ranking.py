"""Texts with candidates to be ranked: a row per candidate (user or query, item, label), or lists side by side.

A query that comes back in several rows, each time with another item, and a label that tells these items apart. Pairs
of sentences look alike; so without a word about ranking in the goal the reading stays weak, unless each user has a
text of his own (a history), which no pair has.
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
from autogpt.data.words import as_text, is_cjk

TASK = "text-ranking"
_ASKED = (
    r"\brank|\brecommend|\brelevan|\bclick|\bretriev|\bsearch|\border\b.{0,20}\bby\b|\bpersonali|\bre-?rank"
    r"|推荐|排序|检索|点击|相关性"
)
_HISTORY, _QUERY, _LISTS, _GOAL = 110.0, 50.0, 150.0, 80.0
_LEAST_ROWS, _LEAST_LISTS, _GRADES = 3.0, 10, 6


def readings(table: Table, facts: Mapping[str, Facts], goal: Goal) -> list[Candidate]:
    """See `data.structures`."""
    asked = _GOAL * (re.search(_ASKED, goal.text.lower()) is not None)
    return [*_of_lists(table, facts, asked), *_of_rows(table, facts, asked)]


def _of_lists(table: Table, facts: Mapping[str, Facts], asked: float) -> Iterator[Candidate]:
    """A list of candidates, a list of as many numbers of relevance, and a text."""
    rows = [table.rows[place] for place in sample_rows(len(table.rows), 400)]
    lists = {n: [cells.sequence(row.get(n)) for row in rows] for n, fact in facts.items() if fact.kind == "tokens"}
    items = [n for n in lists if not facts[n].integer and _several_words(facts[n])]
    texts = [n for n, fact in facts.items() if fact.kind == "text" or (n in items and fact.kind == "tokens")]
    for item in items:
        for label in (n for n in lists if facts[n].integer and 2 <= len(facts[n].counts) <= _GRADES):
            several = [one is not None and len(set(one)) > 1 for one in lists[label]]
            if sum(several) < 0.6 * len(several):
                continue
            same = [a and b and len(a) == len(b) for a, b in zip(lists[item], lists[label], strict=True)]
            text = [name for name in texts if name != item]
            if sum(map(bool, same)) >= 0.98 * len(rows) and text:
                best = max(text, key=lambda name: (facts[name].kind == "text", facts[name].words))
                why = f"column {label!r} has a number for each candidate in {item!r}"
                yield Candidate(TASK, (label,), _LISTS + asked, (why,), (best,), choices=(item,))


def _of_rows(table: Table, facts: Mapping[str, Facts], asked: float) -> Iterator[Candidate]:
    """A candidate per row; rows of a group share their text."""
    rows = table.rows[:20_000]
    grades = [n for n, fact in facts.items() if fact.kind in ("number", "category") and _graded(fact)]
    kinds = ("text", "category", "short", "constant")
    texts = [n for n, fact in facts.items() if fact.kind in kinds or (fact.kind == "tokens" and _several_words(fact))]
    if not grades or len(texts) < 2:
        return
    cell = {name: [as_text(row.get(name)) for row in rows] for name in {*texts, *grades}}
    groups = [n for n, fact in facts.items() if fact.kind in ("category", "number", "id", "short")]
    for text in (n for n in texts if facts[n].kind == "tokens" or _spaced(cell[n])):
        lists: dict[str, list[int]] = defaultdict(list)
        for place, value in enumerate(cell[text]):
            lists[value].append(place)
        if len(lists) < _LEAST_LISTS or len(rows) < _LEAST_ROWS * len(lists):
            continue
        for item in (n for n in texts if n != text and facts[n].kind in ("text", "short", "category")):
            if facts[item].words < 1.5 or not _differs(cell[item], lists.values()):
                continue
            others = [name for name in groups if name not in (text, item, *grades)]
            owner = next((name for name in others if _owns(rows, name, lists.values())), None)
            own = bool(owner) or facts[text].kind == "tokens"
            for label in (n for n in grades if n not in (text, item) and _parts(cell[n], lists.values())):
                if not (own or asked or facts[label].unique == 2):
                    continue
                points = (_HISTORY if own else _QUERY) + asked
                why = f"column {label!r} tells the items of {item!r} apart that stand with the same {text!r}"
                yield Candidate(TASK, (label,), points, (why,), (text,), choices=(item,), group=owner)


def _graded(fact: Facts) -> bool:
    """0/1, or a few whole numbers from 0 or 1."""
    return fact.kind == "number" and fact.integer and fact.low in (0, 1) and 2 <= fact.unique <= _GRADES


def _spaced(values: Sequence[str]) -> bool:
    """Whether most values are several words, written as people write (a code with marks between is one word)."""
    sample = values[:1000]
    return 2 * sum(len(value.split()) > 1 or is_cjk(value) for value in sample) >= len(sample)


def _several_words(fact: Facts) -> bool:
    items = list(fact.counts)[:200]
    return bool(items) and sum(len(item.split()) for item in items) >= 1.5 * len(items)


def _differs(items: Sequence[str], lists: Any) -> bool:
    """Whether the items of a list are nearly all different."""
    return sum(len({items[place] for place in one}) for one in lists) >= 0.95 * len(items)


def _owns(rows: Sequence[Any], name: str, lists: Any) -> bool:
    """Whether each list has one value of the column, and nearly every list another one."""
    values = [{as_text(rows[place].get(name)) for place in one} for one in lists]
    return all(len(found) == 1 for found in values) and len(set.union(*values)) >= 0.9 * len(values)


def _parts(labels: Sequence[str], lists: Any) -> bool:
    """Whether most lists have several labels."""
    several = [len({labels[place] for place in one}) > 1 for one in lists]
    return sum(several) >= 0.6 * len(several)
