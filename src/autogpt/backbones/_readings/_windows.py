"""Windows that overlap: of the windows that have a word, the one where it has most context on both sides is its own.

"BERT: Pre-training of Deep Bidirectional Transformers" (Devlin et al. 2019) for answers in long texts.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from autogpt.core import Array

OVERLAP = 4
"""A fourth of a window is read in the next window again."""


def owned(seen: Sequence[tuple[Array, Array, Array]], count: int) -> list[tuple[Array, Array]]:
    """Words and their places of each window, every one of `count` words in one window alone (the first such).

    `seen`: of each window the words in it, the place of each, and how many tokens stand at least on both sides of it.
    """
    most, owner = np.full(count, -1), np.full(count, -1)
    for window, (words, _, context) in enumerate(seen):
        better = context > most[words]
        most[words[better]] = context[better]
        owner[words[better]] = window
    kept = [owner[words] == window for window, (words, _, _) in enumerate(seen)]
    return [(words[mine], places[mine]) for mine, (words, places, _) in zip(kept, seen, strict=True)]
