"""Tables for question answering: a text, a question about it, and answers that are parts of the text (or are missing).

Names may be anything. What tells is that the answers stand in the text, at the places that a record or a second column
gives; without places, that one more column asks.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from autogpt import cells, registry
from autogpt.core import Row, Schema, Table, Task
from autogpt.data.columns import Facts, sample_rows
from autogpt.data.goal import Goal
from autogpt.data.targets import Candidate
from autogpt.data.words import is_missing

NAME = "question-answering"
_POINTS, _ASKED = 160.0, 60.0
_ENOUGH = 0.98
"""Share of the answered rows whose answers must stand in the text."""

_LEAST_ANSWERED, _LEAST_ASKING = 0.2, 0.5
_LONGER = 3.0
"""A text has so many times the characters of a question or an answer, on average."""

_ASKS = re.compile(
    r"[?？]\s*$|^\s*(?:who|whom|whose|what|when|where|why|which|how|in what|in which|at what|on what|name the)\b"
    r"|什么|哪|谁|几|多少|怎|为何|是否",
    re.IGNORECASE,
)
_GOAL = re.compile(r"\banswer|\bquestions?\b|\breading comprehension|回答|问答|答案|阅读理解", re.IGNORECASE)

_TEXTS = re.compile(
    r"\b(?:find|search|retriev\w*|fetch|locate|match|rank|which|look up)\b"
    r"(?!.{0,30}\banswers?\b.{0,30}\b(?:in|from|within)\b)"
    r".{0,30}\b(?:passages?|documents?|docs|paragraphs?|articles?|pages?|sections?|faqs?)\b"
    r"|(?:检索|搜索|找|哪).{0,16}(?:段|文章|文档|篇|页)(?!.{0,4}答案)",
    re.IGNORECASE,
)
"""Goals that ask for whole texts, not for what stands in them."""


def readings(table: Table, facts: Mapping[str, Facts], goal: Goal) -> list[Candidate]:
    """The table as questions about texts, if answers are found in them."""
    rows = [table.rows[place] for place in sample_rows(len(table.rows), 200)]
    texts = [fact for fact in facts.values() if fact.kind in ("text", "short", "category", "constant")]
    for context in sorted(texts, key=lambda fact: -fact.characters):
        others = [fact for fact in texts if fact is not context and _LONGER * fact.characters <= context.characters]
        for answers in _answers(rows, facts, context, others):
            told = len(answers) > 1 or facts[answers[0]].kind == "objects"
            question = _question(rows, [fact for fact in others if fact.name not in answers], alone=told)
            if question is not None and _fits(rows, (question, context.name), answers):
                return [_reading((question, context.name), answers, goal)]
    return []


def _reading(text: tuple[str, str], answers: tuple[str, ...], goal: Goal) -> Candidate:
    why = f"answers of {answers[0]!r} to the questions of {text[0]!r} stand in {text[1]!r}"
    together = f"rows with the same {text[1]!r} stay together"
    found = Candidate(NAME, answers, _POINTS, (why, together), text=text, group=text[1])
    if _TEXTS.search(goal.text):
        return found.plus(-_ASKED, "")
    if _GOAL.search(goal.text):
        return found.plus(_ASKED, f"the goal sounds like {NAME}")
    return found.plus(-_ASKED, "") if goal.any_task else found


def _answers(
    rows: Sequence[Row], facts: Mapping[str, Facts], context: Facts, others: Sequence[Facts]
) -> list[tuple[str, ...]]:
    """Columns that could be answers: records with texts, lists with places beside them, lists or strings alone."""
    found: list[tuple[str, ...]] = []
    found += [(fact.name,) for fact in facts.values() if fact.kind == "objects" and _are_records(rows, fact.name)]
    worded = [fact for fact in facts.values() if fact.kind == "tokens" and not fact.integer] + list(others)
    for fact in worded:
        if fact.name == context.name or not _stand(rows, context.name, fact.name):
            continue
        numbered = [other for other in facts.values() if other.integer and other.name != fact.name]
        beside = [other.name for other in numbered if _are_places(rows, context.name, fact.name, other.name)]
        found.append((fact.name, beside[0]) if beside else (fact.name,))
    return sorted(found, key=lambda columns: -len(columns))


def _are_records(rows: Sequence[Row], column: str) -> bool:
    """Whether cells are `{"text": ..., "answer_start": ...}`, or lists of such."""
    values = [row.get(column) for row in rows if not is_missing(row.get(column))]
    items = [item for value in values for item in (cells.sequence(value) or [value])]
    known = [isinstance(item, Mapping) and "text" in item and "answer_start" in item for item in items]
    return bool(known) and all(known)


def _texts(value: Any) -> list[str]:
    listed = cells.sequence(value)
    items = listed if listed is not None else [] if is_missing(value) else [value]
    return [str(item).strip() for item in items if not is_missing(item)]


def _stand(rows: Sequence[Row], context: str, column: str) -> bool:
    """Whether (nearly) all that a column says is a part of the text, and no whole text."""
    good = answered = 0
    for row in rows:
        said, text = _texts(row.get(column)), str(row.get(context) or "")
        answered += bool(said)
        good += bool(said) and all(item in text and item != text for item in said)
    return answered >= _LEAST_ANSWERED * len(rows) and good >= _ENOUGH * answered > 0


def _are_places(rows: Sequence[Row], context: str, answers: str, column: str) -> bool:
    """Whether numbers say where the answers begin in the text."""
    good = answered = 0
    for row in rows:
        said, text = _texts(row.get(answers)), str(row.get(context) or "")
        places = _texts(row.get(column))
        answered += bool(said)
        good += bool(said) and len(said) == len(places) and all(map(_begins(text), said, places))
    return good >= 0.9 * answered > 0


def _begins(text: str) -> Any:
    def check(answer: str, place: str) -> bool:
        try:
            return text.startswith(answer, int(float(place)))
        except ValueError:
            return False

    return check


def _question(rows: Sequence[Row], columns: Sequence[Facts], *, alone: bool) -> str | None:
    """The column that asks. With `alone`, where places of answers are known, any only column of texts will do."""
    asking = {
        fact.name: sum(_ASKS.search(str(row.get(fact.name) or "")) is not None for row in rows) / len(rows)
        for fact in columns
        if fact.kind in ("text", "short", "category")
    }
    best = max(asking, key=lambda name: asking[name], default=None)
    if best is not None and asking[best] >= _LEAST_ASKING:
        return best
    texts = [fact.name for fact in columns if fact.kind == "text"]
    return texts[0] if alone and len(texts) == 1 else None


def _fits(rows: Sequence[Row], text: tuple[str, str], answers: tuple[str, ...]) -> bool:
    """Whether the task can read (nearly) all rows so, and enough of them have an answer."""
    task: Task = registry.get("tasks", NAME)
    schema = Schema(NAME, text, answers)
    good = answered = 0
    for row in rows:
        try:
            answered += bool(task.target(row, schema).spans)
        except ValueError:
            continue
        good += 1
    return good >= _ENOUGH * len(rows) and answered >= _LEAST_ANSWERED * len(rows)
