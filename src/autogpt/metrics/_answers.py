"""How texts of answers are compared: SQuAD's rules, and CMRC2018's for Chinese and Japanese.

"Know What You Don't Know" (SQuAD 2.0, Rajpurkar et al. 2018): without case, punctuation and English articles; F1 over
words. "A Span-Extraction Dataset for Chinese Machine Reading Comprehension" (CMRC 2018, Cui et al. 2019): without case
and punctuation; F1 over characters mixed with words, by the longest run that both have in common (the official script
calls it a common subsequence). Ours splits what is not Chinese with the package's own words instead of NLTK's, and
knows kana. Of several right answers the best counts; the script of a row is that of its right answers.
"""

from __future__ import annotations

import re
import string
from collections import Counter
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from autogpt import cells
from autogpt.core import GoldAnswers, LabelSpace
from autogpt.errors import ConfigError
from autogpt.metrics._means import MeanOfRows

if TYPE_CHECKING:
    from autogpt.core import Array, Scores

Compare = Callable[[str, str, bool], float]
"""Of a right answer, an answer, and whether the rules for Chinese and Japanese hold."""

_CJK = re.compile(r"[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff]")
_ARTICLES = re.compile(r"\b(a|an|the)\b")
_MARKS = set("-:_*^/\\~`+=，。：？！“”；’《》……·、「」（）－～『』")
_PUNCTUATION = set(string.punctuation)


def plain(text: str) -> str:
    """A text by SQuAD's rules: lower case, without punctuation, articles and surplus white space."""
    kept = "".join(character for character in text.lower() if character not in _PUNCTUATION)
    return " ".join(_ARTICLES.sub(" ", kept).split())


def units(text: str) -> list[str]:
    """A text by CMRC2018's rules: lower case, without marks; each CJK character a unit, and each other word."""
    found: list[str] = []
    for part in re.split(f"({_CJK.pattern})", text.lower().strip()):
        kept = "".join(" " if character in _MARKS else character for character in part)
        found += [part] if _CJK.fullmatch(part) else cells.words(kept)[0]
    return found


def is_cjk(answers: Sequence[str]) -> bool:
    """Whether right answers are written in Chinese or Japanese."""
    return any(_CJK.search(answer) for answer in answers)


def exact(gold: str, answer: str, cjk: bool) -> float:
    """1.0 if both are the same by the rules, else 0.0."""
    if cjk:
        bare = ["".join(c for c in text.lower().strip() if c not in _MARKS) for text in (gold, answer)]
        return float(bare[0] == bare[1])
    return float(plain(gold) == plain(answer))


def overlap(gold: str, answer: str, cjk: bool) -> float:
    """F1 of what both have in common."""
    a, b = (units(text) if cjk else plain(text).split() for text in (gold, answer))
    if not a or not b:
        return float(a == b)
    common = _longest_run(a, b) if cjk else sum((Counter(a) & Counter(b)).values())
    return 2 * common / (len(a) + len(b))


def _longest_run(a: Sequence[str], b: Sequence[str]) -> int:
    """Length of the longest run of units that both have."""
    best, before = 0, [0] * (len(b) + 1)
    for unit in a:
        row = [0] + [before[place] + 1 if unit == other else 0 for place, other in enumerate(b)]
        best, before = max(best, *row), row
    return best


def agreement(gold: GoldAnswers, answer: str, compare: Compare) -> float:
    """How well an answer agrees with the right one that it is nearest to, 0 to 1."""
    texts = [span.text for span in gold.spans]
    cjk = is_cjk(texts)
    # An answer of nothing but marks and articles is none (official script).
    right = [text for text in texts if (units(text) if cjk else plain(text))] or [""]
    return max(compare(text, answer, cjk) for text in right)


class AnswerMetric(MeanOfRows):
    """The mean over rows of the best agreement with a right answer; gold are `core.GoldAnswers`, answers are texts."""

    def __init__(self, name: str, compare: Compare) -> None:
        self.name, self.compare = name, compare

    def rows(
        self, gold: Sequence[Any], predicted: Sequence[Any], probabilities: Scores | None, space: LabelSpace
    ) -> Array:
        odd = next((right for right in gold if not isinstance(right, GoldAnswers)), None)
        if odd is not None:
            raise ConfigError(f"metric {self.name} judges answers to questions, and {odd!r} is none")
        pairs = zip(gold, predicted, strict=True)
        return np.array([agreement(right, answer, self.compare) for right, answer in pairs], dtype=float)
