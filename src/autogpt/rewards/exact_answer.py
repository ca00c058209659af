"""The answer is the row's own: the same last number, or the same text ("Training Verifiers to Solve Math Word
Problems", Cobbe et al. 2021: what stands behind `####` is the answer, and what stands before it only leads there).

Numbers are compared as numbers (1,000 is 1000.0, and full-width digits count), texts without case, outer punctuation
and repeated spaces.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from decimal import Decimal

from autogpt.core import Row
from autogpt.errors import InputError

_SIGN = "####"
_NUMBER = re.compile(r"(?<![\w.])[-+]?\d+(?:,\d{3})*(?:\.\d+)?|(?<![\w.])[-+]?\.\d+")
_AROUND = " \t\n.,;:!?\"'`()[]{}。，；：！？、「」“”‘’《》"


class ExactAnswer:
    """See `written.Reward`."""

    name = "exact-answer"
    summary = "the row's answer: the same last number, or the same text"
    columns: tuple[str, ...] = ("answer", "solution", "ground_truth", "result", "target")

    def score(self, texts: Sequence[str], row: Row, *, column: str | None, source: str) -> list[float]:
        if column is None or row.get(column) is None:
            raise InputError("exact-answer needs a column with each row's answer; name it with --target")
        wanted = _final(str(row[column]))
        number = _number(wanted) if _NUMBER.fullmatch(wanted.strip(_AROUND + "$€£¥%")) else None
        if number is None:
            return [float(_plain(_final(text)) == _plain(wanted)) for text in texts]
        return [float(_number(_final(text)) == number) for text in texts]


def _final(text: str) -> str:
    """What stands behind the last sign for an answer, or all of it."""
    return unicodedata.normalize("NFKC", text).rpartition(_SIGN)[2]


def _number(text: str) -> Decimal | None:
    """The last number of a text."""
    found = _NUMBER.findall(text)
    return Decimal(found[-1].replace(",", "")) if found else None


def _plain(text: str) -> str:
    return " ".join(text.casefold().split()).strip(_AROUND)


plugin = ExactAnswer()
