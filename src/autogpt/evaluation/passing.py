"""Code that has tests: the share of answers that pass them, and pass@k of programs that are drawn.

"Evaluating Large Language Models Trained on Code" (Chen et al. 2021), with its unbiased estimate of pass@k. A program
and its tests are put together as a row's own right answer passes them: alone, or as what follows its prompt (whose
indentation an answer does not have). So no name of a data set and no form of a prompt is known here, and tests which
the right answer does not pass, or an empty one does, judge nothing. Everything is run in the sandbox.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from autogpt import registry
from autogpt.core import Example, Inputs, Row
from autogpt.evaluation.interval import LEVEL, mean_interval
from autogpt.evaluation.score import Score
from autogpt.sandbox import pass_at_k

if TYPE_CHECKING:
    from autogpt.core import Array

MOST, DRAWN, LEAST = 100, 10, 2
"""Rows that are judged; programs that are drawn for each, and how many tell more than one."""
LOOKED_AT = 8
"""Rows of which one at least has to pass its own tests."""
ENTRY = ("entry_point", "entry", "function", "function_name")
_WAYS: tuple[Callable[[str, str], str], ...] = (
    lambda prompt, answer: answer,
    lambda prompt, answer: f"{prompt.rstrip()}\n{answer}",
    lambda prompt, answer: f"{prompt.rstrip()}\n{_indent(prompt)}{answer}",
)


@dataclass(frozen=True, slots=True)
class Check:
    """One row's tests, and how an answer to it becomes a program."""

    place: int
    prompt: str
    tests: str
    way: int

    def passes(self, answer: str) -> float:
        """Whether the answer's program passes: 1 or 0."""
        program = _WAYS[self.way](self.prompt, answer)
        return float(
            registry.get("rewards", "python-tests").score([program], {"t": self.tests}, column="t", source="")[0]
        )


def checks(
    rows: Sequence[Example],
    table: Sequence[Row],
    *,
    beside: Sequence[str],
    has_time: Callable[[], bool] = lambda: True,
) -> list[Check]:
    """The tests of the first rows whose own answers pass them, `MOST` at most; `beside` are columns that are no tests.

    Empty where the table has no column of tests, or no right answer among the first `LOOKED_AT` passes its own.
    """
    names = registry.get("rewards", "python-tests").columns
    columns = table[0].keys() if len(table) else ()
    column = next((one for one in columns if one.casefold() in names and one not in beside), None)
    found: list[Check] = []
    for place, row in enumerate(rows[:MOST] if column is not None else ()):
        if (place == LOOKED_AT and not found) or not has_time():
            break
        one = _check(place, row, table[row.id], str(column))
        found += [one] if one is not None else []
    return found


def _check(place: int, row: Example, raw: Row, column: str) -> Check | None:
    tests = raw.get(column)
    if not tests or not isinstance(row.inputs.get("source"), str):
        return None
    wanted = "\n".join(map(str, tests)) if isinstance(tests, list | tuple) else str(tests)
    entry = next((str(raw[name]) for name in ENTRY if raw.get(name)), "")
    if entry.isidentifier() and re.search(r"^def check\(", wanted, re.M):
        wanted += f"\n\ncheck({entry})\n"
    if registry.get("formats", "python").fault(wanted) is not None:  # what is no Python is not run
        return None
    ways = (Check(place, row.inputs["source"], wanted, way) for way in range(len(_WAYS)))
    return next((one for one in ways if one.passes(str(row.target)) and not one.passes("")), None)


def passing(
    known: Sequence[Check],
    answers: Sequence[Any],
    draw: Callable[[int], Sequence[str]] | None,
    *,
    has_time: Callable[[], bool] = lambda: True,
) -> tuple[Score, ...]:
    """`pass-rate` of the answers to all rows, and pass@k of programs: `draw(seed)` gives one for each of `known`.

    While there is time: rows and draws that are not judged to their end do not count.
    """
    judged: dict[tuple[int, str], float] = {}

    def right(texts: Sequence[str]) -> Array:
        """Whether each row's text passes [n]; of fewer rows where time is over."""
        found = []
        for one, text in zip(known, texts, strict=True):
            key = one.place, text
            if key not in judged and not has_time():
                break
            judged[key] = judged[key] if key in judged else one.passes(text)
            found.append(judged[key])
        return np.array(found)

    given = right([str(answers[one.place]) for one in known])
    scores = [_score("pass-rate", given)] if len(given) else []
    count, drawn = np.zeros(len(known)), 0
    while known and draw is not None and drawn < DRAWN and has_time():
        if len(one := right(draw(drawn))) < len(known):
            break
        count, drawn = count + one, drawn + 1
    for k in (1, drawn) if drawn >= LEAST else ():
        scores.append(_score(f"pass@{k}", np.array([pass_at_k(drawn, int(each), k) for each in count])))
    return tuple(scores)


def sources(rows: Sequence[Example], known: Sequence[Check]) -> list[Inputs]:
    """What is read of the rows that are judged."""
    return [rows[one.place].inputs for one in known]


def _score(name: str, values: Array) -> Score:
    found, n = mean_interval(values), len(values)
    low = float(((1 - LEVEL) / 2) ** (1 / n)) if values.all() else found.low  # Clopper-Pearson for n of n
    return Score(name, found.value, low, found.high, n)


def _indent(prompt: str) -> str:
    """The indentation of what follows a prompt: that of its last line, or one step more where a block begins there."""
    last = (prompt.rstrip().splitlines() or [""])[-1]
    return last[: len(last) - len(last.lstrip())] + ("    " if last.endswith(":") else "")
