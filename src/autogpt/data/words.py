"""What counts as a word and when two texts are the same, in any script.

Chinese and Japanese have no spaces, so there every character counts as one word; elsewhere a word is a run of letters
and digits. Two texts are equal when they are so after `fold` (NFKC, case and white space folded).
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Sequence
from typing import Any

from autogpt import cells, dialogues

CJK = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_UNIT = re.compile(rf"[{CJK}]|[^\W_{CJK}]+(?:['’][^\W_{CJK}]+)*")
_CJK_CHARACTER = re.compile(rf"[{CJK}]")


def vocabulary(*lines: str) -> frozenset[str]:
    """The words of some lines of text as a set, for word lists in code."""
    return frozenset(word for line in lines for word in line.split())


def fold(text: str) -> str:
    """The text with compatibility forms, case and white space folded."""
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text)
    return " ".join(text.casefold().split())


def words(text: str) -> list[str]:
    """Words of a text in order; a CJK character is a word of its own."""
    return _UNIT.findall(text)


def is_cjk(text: str) -> bool:
    """Whether at least a third of the words are CJK characters."""
    units = words(text)
    return bool(units) and 3 * len(_CJK_CHARACTER.findall(text)) >= len(units)


def is_missing(value: Any) -> bool:
    """None, NaN and strings of nothing but white space; an empty list is a value."""
    if value is None:
        return True
    if isinstance(value, float):
        return math.isnan(value)
    return isinstance(value, str) and not value.strip()


def as_text(value: Any) -> str:
    """A cell as text: strings as they are, numbers as written, lists of words joined by a space."""
    if isinstance(value, str):
        return value
    if isinstance(value, (list, tuple)):
        return " ".join(str(part) for part in value)
    return "" if is_missing(value) else str(value)


def inputs_text(inputs: Any) -> str:
    """All the text a model reads of one example, as one string (parts divided by a line break)."""
    if "source" in inputs:
        return str(inputs["source"])
    if "messages" in inputs:
        return dialogues.whole(inputs["messages"])
    if "question" in inputs:
        return f"{inputs['question']}\n{inputs['text']}"
    if "tokens" in inputs:
        return " ".join(str(token) for token in inputs["tokens"])
    if "marks" in inputs:  # the same text with other spans is another row
        return cells.marked(inputs["text"], inputs["marks"], (("[", "]"), ("{", "}")))[0]
    return "\n".join(_compared(inputs))


def inputs_texts(inputs: Any) -> list[str]:
    """The texts of one example that are compared with each other: of a pair, or of a text and its candidates; else all
    that is read of it."""
    return _compared(inputs) if inputs.get("text_pair") or inputs.get("choices") else [inputs_text(inputs)]


def _compared(inputs: Any) -> list[str]:
    pair: Sequence[str] = [inputs["text_pair"]] if inputs.get("text_pair") else []
    return [inputs["text"], *pair, *inputs.get("choices", ())]
