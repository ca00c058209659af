"""How a language model is told to answer, and how its words become scores: for each output kind that it can serve.

What may come back is a closed set (labels, numbers) and is read strictly: whatever a text in the table says to the
model, nothing but such an answer comes of it. Words that are no such answer give None, and the caller counts them.
"""

from __future__ import annotations

import json
import math
import re
import unicodedata
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from autogpt import written
from autogpt.core import LabelSpace

if TYPE_CHECKING:
    from autogpt.core import Array

UNKNOWN = 0.5
"""How sure an answer is said to be whose tokens' probabilities nobody gives."""
LEAST_REST = 1e-3
"""What the labels that were not answered have together, at least: no server is believed to be certain."""
VOTES_ASIDE = 1.0
"""An answer that is added to the votes and has none: three of three are not certain."""
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,3})?")
_FARTHEST = 10.0


class Answers(Protocol):
    """An output kind's answers. `votes`: whether several answers to one question can be counted."""

    votes: bool

    def rule(self, space: LabelSpace) -> str:
        """The part of the instruction that says how to answer."""

    def told(self, target: Any) -> str:
        """The right answer of a row, as the model is shown it and as it has to give it."""

    def read(self, texts: Sequence[str], likely: Sequence[float | None], prior: Array, space: LabelSpace) -> Any:
        """The scores of a row (of one answer, or of several votes); None where no answer can be read. `likely` are the
        log probabilities of the answers, None where they are not given."""

    def nothing(self, prior: Array) -> Array:
        """The scores of a row without an answer."""


class Label:
    """One of the labels."""

    votes = True

    def rule(self, space: LabelSpace) -> str:
        listed = json.dumps(space.labels, ensure_ascii=False)
        return f"Answer with exactly one of these labels, copied as it stands, and with nothing else:\n{listed}"

    def told(self, target: Any) -> str:
        return str(target)

    def read(self, texts: Sequence[str], likely: Sequence[float | None], prior: Array, space: LabelSpace) -> Any:
        places = [place for text in texts if (place := place_of(text, space.labels)) is not None]
        if not places:
            return None
        share = np.bincount(places, minlength=len(space.labels)) / (len(places) + VOTES_ASIDE)
        if len(texts) == 1 and likely[0] is not None:
            share = np.eye(len(space.labels))[places[0]] * math.exp(likely[0])
        share = share * min(1.0, (1.0 - LEAST_REST) / share.sum())
        usual = np.exp(prior - prior.max())
        usual = usual * (share == 0) if (share == 0).any() else usual
        return np.log(share + (1.0 - share.sum()) * usual / usual.sum() + 1e-12)

    def nothing(self, prior: Array) -> Array:
        return prior


class LabelSet:
    """Any number of the labels, as a JSON list."""

    votes = False

    def rule(self, space: LabelSpace) -> str:
        listed = json.dumps(space.labels, ensure_ascii=False)
        return f"Answer with a JSON list of those of these labels that fit (it may be empty), nothing else:\n{listed}"

    def told(self, target: Any) -> str:
        return json.dumps(list(target), ensure_ascii=False)

    def read(self, texts: Sequence[str], likely: Sequence[float | None], prior: Array, space: LabelSpace) -> Any:
        try:
            found = json.loads(texts[0])
        except (ValueError, RecursionError):
            return None
        if not isinstance(found, list):
            return None
        known = [place_of(one, space.labels) if isinstance(one, str) else None for one in found]
        places = [place for place in known if place is not None]
        if len(places) < len(known):
            return None
        sure = min(max(math.exp(likely[0]) if likely[0] is not None else UNKNOWN + 0.25, 0.55), 1.0 - LEAST_REST)
        has = np.isin(np.arange(len(space.labels)), places)
        return np.where(has, 1.0, -1.0) * math.log(sure / (1.0 - sure))

    def nothing(self, prior: Array) -> Array:
        return prior


class Number:
    """A number."""

    votes = False

    def rule(self, space: LabelSpace) -> str:
        return f"Answer with one number and nothing else. Usual answers are about {space.center:.4g}."

    def told(self, target: Any) -> str:
        return f"{float(target):.6g}"

    def read(self, texts: Sequence[str], likely: Sequence[float | None], prior: Array, space: LabelSpace) -> Any:
        text = unicodedata.normalize("NFKC", texts[0]).strip()
        if not _NUMBER.fullmatch(text):
            return None
        scaled = (float(text) - space.center) / (space.scale or 1.0)
        return np.clip(np.array([scaled]), -_FARTHEST, _FARTHEST)

    def nothing(self, prior: Array) -> Array:
        return prior[:1]


class Text:
    """A text."""

    votes = False

    def rule(self, space: LabelSpace) -> str:
        return "Write the answer alone, in the manner of the answers that are shown, and nothing around it."

    def told(self, target: Any) -> str:
        return str(target)

    def read(self, texts: Sequence[str], likely: Sequence[float | None], prior: Array, space: LabelSpace) -> Any:
        text = "".join(c for c in texts[0] if c in "\n\t" or not unicodedata.category(c).startswith("C")).strip()
        return written.table(text, likely[0] if likely[0] is not None else math.log(UNKNOWN)) if text else None

    def nothing(self, prior: Array) -> Array:
        return np.zeros((0, 2))


KINDS: Mapping[str, Answers] = {
    "classes": Label(), "path": Label(), "labels": LabelSet(), "value": Number(), "text": Text(),
}  # fmt: skip


def place_of(text: str, labels: Sequence[str]) -> int | None:
    """The place of the one label that a text is, but for its width, outer quotes, a full stop and case; else None."""
    exact = text.strip()
    if exact in labels:
        return labels.index(exact)
    said = _plain(exact)
    same = [place for place, label in enumerate(labels) if _plain(label) == said]
    return same[0] if len(same) == 1 else None


def _plain(text: str) -> str:
    return unicodedata.normalize("NFKC", text).strip(" \t\r\n\"'`“”‘’「」.。").casefold()
