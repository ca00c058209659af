"""What is wrong with texts that a teacher wrote: each check knows only what the targets of the rows are like.

A model that is asked to write answers otherwise now and then: it refuses, copies, explains itself, goes on in another
language. None of that is known by its words alone, because a data set may want just that; it is wrong where the rows'
own targets never do it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Self

from autogpt import registry
from autogpt.core import Example, Inputs, LabelSpace
from autogpt.data import languages
from autogpt.written import source_of

APART = 2.0
"""By this factor a text may be longer (or shorter) than the longest (shortest) target, alone and beside its source."""
SPOKEN = 40
"""Characters from which on the language of one text is looked at."""
RARE = 0.05
"""Of the targets: what fewer of them do is not what they are like."""
REFUSAL = re.compile(
    r"\bas an? (ai|language model)\b|\bi('m| am) (sorry|unable|not able)\b|\bi (cannot|can't|can not|won't)\b"
    r"|作为(一个|一名)?(ai|人工智能|语言模型)|(抱歉|对不起).{0,4}我|我(无法|不能)(回答|提供|完成|帮)",
    re.I,
)
SAID_TO = 3
"""One text may be written to so many times the rows that the most frequent target has (as a share of all)."""


@dataclass(frozen=True, slots=True)
class Checks:
    """What targets are like: `length` and `ratio` (to the source) from least to most, the languages of the longer ones,
    what they hardly ever do (`unusual`), and the share of the most frequent one."""

    length: tuple[float, float]
    ratio: tuple[float, float]
    languages: frozenset[str]
    unusual: Mapping[str, Callable[[str, str], bool]]
    frequent: float
    form: str | None

    @classmethod
    def of(cls, rows: Sequence[Example], space: LabelSpace) -> Self:
        """Of rows with targets."""
        pairs = [(source_of(row.inputs), str(row.target)) for row in rows]
        lengths = [max(1, len(target)) for _, target in pairs]
        ratios = [length / max(1, len(source)) for length, (source, _) in zip(lengths, pairs, strict=True)]
        seen = {name: sum(does(*pair) for pair in pairs) / len(pairs) for name, does in _HABITS.items()}
        spoken = [target for _, target in pairs if len(target) >= SPOKEN]
        told = {*languages.shares(spoken), *(code for one in spoken for code in languages.shares([one]))}
        return cls(
            length=(min(lengths) / APART, APART * max(lengths)),
            ratio=(min(ratios) / APART, APART * max(ratios)),
            languages=frozenset(told),
            unusual={name: does for name, does in _HABITS.items() if seen[name] < RARE},
            frequent=max(Counter(target for _, target in pairs).values()) / len(pairs),
            form=space.format,
        )

    def faults(self, inputs: Sequence[Inputs], texts: Sequence[str]) -> list[str]:
        """Why each text is none that belongs among the targets; empty where nothing speaks against it."""
        times, most = Counter(texts), max(1.0, SAID_TO * self.frequent * len(texts))
        found = [self._fault(source_of(row), text) for row, text in zip(inputs, texts, strict=True)]
        return [
            fault or ("the same to too many rows" if times[text] > most else "")
            for fault, text in zip(found, texts, strict=True)
        ]

    def _fault(self, source: str, text: str) -> str:
        if not text.strip():
            return "empty"
        if self.form is not None and registry.get("formats", self.form).fault(text) is not None:
            return f"no {self.form}"
        if name := next((name for name, does in self.unusual.items() if does(source, text)), ""):
            return name
        ratio = len(text) / max(1, len(source))
        if len(text) > self.length[1] or ratio > self.ratio[1]:
            return "too long"
        if len(text) < self.length[0] or ratio < self.ratio[0]:
            return "too short"
        spoken = next(iter(languages.shares([text])), "") if self.languages and len(text) >= SPOKEN else ""
        return f"another language ({spoken})" if spoken and spoken not in self.languages else ""


def _copies(source: str, text: str) -> bool:
    return " ".join(text.casefold().split()) == " ".join(source.casefold().split())


_HABITS: Mapping[str, Callable[[str, str], bool]] = {
    "a refusal": lambda source, text: bool(REFUSAL.search(text)),
    "a copy of its source": _copies,
}
