"""What questions to a paid model cost: a budget that is looked at before each of them, and answers that are kept.

Before a request is sent, the most that it can cost is put aside and written down; afterwards what it did cost takes
its place. So the limit holds whatever runs at the same time, and what a kill left open counts as spent when the run
goes on. Answers are kept by a digest of their question (never the question itself): nothing is paid for twice.
"""

from __future__ import annotations

import json
import math
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autogpt import files
from autogpt.errors import ResourceError

MILLION = 1_000_000


@dataclass(frozen=True, slots=True)
class Prices:
    """Money per million tokens, read and written; both None: only tokens are counted."""

    read: float | None = None
    written: float | None = None

    @property
    def known(self) -> bool:
        """Whether tokens can be counted in money."""
        return self.read is not None or self.written is not None

    def cost(self, read: float, written: float) -> float:
        """Money for so many tokens; 0 where no price is known."""
        return (read * (self.read or 0.0) + written * (self.written or 0.0)) / MILLION


class Ledger:
    """The account of a run. `path` is its file (None: kept in memory only), `most` the money that may be spent."""

    def __init__(self, prices: Prices, *, most: float | None = None, path: Path | None = None) -> None:
        self.prices, self.most, self._path = prices, math.inf if most is None else most, path
        self.money, self.read, self.written, self.requests = 0.0, 0, 0, 0
        self._aside: dict[str, float] = {}
        self._lost: dict[str, Mapping[str, Any]] = {}
        self._answers: dict[str, Mapping[str, Any]] = {}
        self._changed = threading.Condition()
        if path is not None and path.is_file():
            self._recover(path)

    @property
    def left(self) -> float:
        """Money that nobody spent or put aside (infinite without a limit)."""
        return self.most - self.money - sum(self._aside.values())

    def known(self, question: str) -> Mapping[str, Any] | None:
        """The answer to a question that was paid for."""
        return self._answers.get(question)

    def begin(self, question: str, *, read: int, written: int, fixed: float = 0.0) -> str:
        """Put aside the most that a request can cost; ResourceError where that is more than is left.

        Where others hold the money that is missing, this waits for what they really cost. `fixed`: a price of its own.
        """
        cost = fixed or self.prices.cost(read, written)
        with self._changed:
            while cost > self.left and self._aside:
                self._changed.wait(1.0)
            if cost > self.left:
                raise ResourceError(
                    f"the next request may cost {cost:.4f}, and {max(self.left, 0):.4f} of --max-cost {self.most:g} "
                    "are left; give a higher --max-cost"
                )
            self.requests += 1
            name = f"{self.requests}-{question[:16]}"
            self._aside[name] = cost
            self._note({"begun": name, "read": read, "written": written, "money": cost})
        return name

    def end(
        self, name: str, *, read: int, written: int, fixed: float = 0.0, question: str = "",
        answer: Mapping[str, Any] | None = None,
    ) -> None:  # fmt: skip
        """What a request really cost, and its answer."""
        cost = fixed or self.prices.cost(read, written)
        with self._changed:
            self._aside.pop(name, None)
            if (lost := self._lost.pop(name, None)) is not None:  # begun before a kill, and looked at again
                self._count(-lost["read"], -lost["written"], -lost["money"])
            self._count(read, written, cost)
            if answer is not None:
                self._answers[question] = answer
            line: dict[str, Any] = {"ended": name, "read": read, "written": written, "money": cost}
            line |= {} if answer is None else {"question": question, "answer": dict(answer)}
            self._note(line)
            self._changed.notify_all()

    def told(self) -> str:
        """For people: tokens, and money where prices are known."""
        money = f", {self.money:.4f} in money" if self.prices.known or self.money else ""
        return f"{self.read:,} tokens read and {self.written:,} written{money}"

    def _count(self, read: int, written: int, cost: float) -> None:
        self.read, self.written, self.money = self.read + read, self.written + written, self.money + cost

    def _note(self, line: Mapping[str, Any]) -> None:
        if self._path is not None:
            files.append_line(self._path, json.dumps(line, ensure_ascii=False))

    def _recover(self, path: Path) -> None:
        """What was spent before; a request that never ended counts with the most that it could cost."""
        begun: dict[str, Mapping[str, Any]] = {}
        for line in files.json_lines(path):
            if "begun" in line:
                begun[line["begun"]] = line
                self.requests += 1
            elif "ended" in line:
                begun.pop(line["ended"], None)
                self._count(line["read"], line["written"], line["money"])
                if "question" in line:
                    self._answers[line["question"]] = line["answer"]
        self._lost = begun
        for lost in begun.values():
            self._count(lost["read"], lost["written"], lost["money"])
