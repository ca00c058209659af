"""What a written answer is to be like, told beside its prompt: a column such as `style` or `length` is a control.

A control is a line of its name and value before the prompt, as in "CTRL: A Conditional Transformer Language Model"
(Keskar et al. 2019), but written in words that every tokenizer has and not in tokens of its own. All controls of a
model stand there always, in one order, each on one line, with nothing behind the name where the value is empty. So
what a prompt says of itself can never be taken for a control.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from autogpt.core import Row
from autogpt.errors import ConfigError

FEW = 50
"""A control with more values than these may have others, too: a number of words."""


def value(row: Row, name: str) -> str:
    """A control's value of a row, on one line; empty where there is none."""
    found = row.get(name)
    return "" if found is None else " ".join(str(found).split())


def header(row: Row, names: Sequence[str]) -> str:
    """The lines before the prompt; empty for a model without controls."""
    lines = [f"{name}: {value(row, name)}".rstrip() for name in names]
    return "\n".join([*lines, "", ""]) if lines else ""


def known(rows: Sequence[Row], names: Sequence[str]) -> dict[str, list[str]]:
    """The values of each control in rows, the most frequent first; none where there are too many to be all."""
    counts = {name: Counter(value(row, name) for row in rows) for name in names}
    return {
        name: [one for one, _ in count.most_common()] if len(count) <= FEW else [] for name, count in counts.items()
    }


def problem(row: Row, values: Mapping[str, Sequence[str]]) -> str | None:
    """Why a row's controls cannot be followed: one has a value that no row to learn from had. None: they can."""
    for name, allowed in values.items():
        told = value(row, name)
        if told not in allowed if allowed else not told:
            what = f"has {told!r}, which no row to learn from had" if told else "is not given"
            shown = ", ".join(one or "nothing" for one in allowed[:8]) if allowed else "any value"
            return f"control {name!r} {what}; allowed: {shown}"
    return None


def parsed(given: Sequence[str], names: Sequence[str]) -> dict[str, str]:
    """Controls that are written `name=value`. ConfigError: one is not, or the model has no such control."""
    found: dict[str, str] = {}
    for one in given:
        name, sign, told = one.partition("=")
        if not sign:
            raise ConfigError(f"--control {one!r} has no value; write it as name=value")
        found[name.strip()] = told.strip()
    checked(found, names)
    return found


def checked(given: Mapping[str, Any], names: Sequence[str]) -> None:
    """ConfigError: the model has no control of a name."""
    for name in given:
        if name not in names:
            there = f"it has {', '.join(names)}" if names else "it has none"
            raise ConfigError(f"the model has no control {name!r}; {there}")
