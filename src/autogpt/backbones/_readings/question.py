"""A question and a text in one pass, in windows that overlap; a score row per word of the text, and one for no answer.

"BERT: Pre-training of Deep Bidirectional Transformers" (Devlin et al. 2019), and transformers' question-answering
example after it. As there a word's scores come from the window where it has most context on both sides, and "no answer"
is read off the first token of every window (of a decoder: the last, which alone sees all of it), of which the lowest
counts. Ours scores words, by their first token, and
trains on each word in that one window only.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from autogpt.backbones._pieces import Piece
from autogpt.backbones._readings._windows import OVERLAP, owned
from autogpt.core import Inputs

if TYPE_CHECKING:
    import torch

    from autogpt.backbones._readings import Body
    from autogpt.core import Array

_QUESTION = 4
"""A question may fill a fourth of a window."""


class Question:
    """See `_readings.Reading`. The last score row of a row is "no answer"."""

    name, keys, parts, token_level = "question", ("question", "tokens"), 1, True

    def pieces(
        self, tokenizer: Any, inputs: Sequence[Inputs], max_length: int, *, causal: bool = False
    ) -> tuple[list[Piece], list[str]]:
        questions, cut = _shortened(tokenizer, [row["question"] for row in inputs], max_length // _QUESTION)
        texts = [_text(row) for row in inputs]
        encoded = tokenizer(
            questions,
            [text for text, _ in texts],
            truncation="only_second",
            max_length=max_length,
            stride=max_length // OVERLAP,
            return_overflowing_tokens=True,
            return_offsets_mapping=True,
        )
        windows: list[list[int]] = [[] for _ in inputs]
        for window, row in enumerate(encoded["overflow_to_sample_mapping"]):
            windows[row].append(window)
        pieces = []
        for row, (_, offsets) in enumerate(texts):
            seen = [_words(encoded, window, np.asarray(offsets, np.int64).reshape(-1, 2)) for window in windows[row]]
            for window, (words, places) in zip(windows[row], owned(seen, len(offsets)), strict=True):
                types, ids = encoded.get("token_type_ids"), encoded["input_ids"][window]
                pieces.append(
                    Piece(
                        row,
                        np.asarray(ids, np.int32),
                        words=np.append(words, len(offsets)),
                        places=np.append(places, max(0, len(ids) - 1) if causal else 0),
                        types=None if types is None else np.asarray(types[window], np.int32),
                    )
                )
        return pieces, cut

    def size(self, inputs: Inputs) -> int | None:
        return len(inputs["tokens"]) + 1

    def features(self, body: Body, inputs: Mapping[str, torch.Tensor]) -> torch.Tensor:
        raise NotImplementedError("the head of questions reads hidden states")


def _text(row: Inputs) -> tuple[str, Sequence[tuple[int, int]]]:
    """The text that is read, and where its words stand in it; words without a text are joined."""
    if "offsets" in row:
        return row["text"], row["offsets"]
    ends = np.cumsum([len(word) + 1 for word in row["tokens"]]) - 1
    return " ".join(row["tokens"]), [
        (int(end) - len(word), int(end)) for word, end in zip(row["tokens"], ends, strict=True)
    ]


def _shortened(tokenizer: Any, questions: list[str], most: int) -> tuple[list[str], list[str]]:
    """Questions without what follows their first `most` tokens, and those that were cut."""
    found = tokenizer(questions, add_special_tokens=False, return_offsets_mapping=True)["offset_mapping"]
    cut = [place for place, offsets in enumerate(found) if len(offsets) > most]
    short = list(questions)
    for place in cut:
        short[place] = questions[place][: found[place][most - 1][1]]
    return short, [questions[place] for place in cut]


def _words(encoded: Any, window: int, offsets: Array) -> tuple[Array, Array, Array]:
    """Words that begin in a window, the token of each, and how many tokens of the text stand at least on both sides.

    A token may hold several words (Chinese ones in a multilingual tokenizer): all of them are read from it.
    """
    inside = np.flatnonzero(np.asarray(encoded.sequence_ids(window), dtype=object) == 1)
    spans = np.asarray(encoded["offset_mapping"][window], np.int64)[inside]
    # The token of a word is the one that holds its first character; white space belongs to none.
    token = np.searchsorted(spans[:, 0], offsets[:, 0], side="right") - 1
    held = (token >= 0) & (spans[np.maximum(token, 0), 1] > offsets[:, 0]) if len(spans) else np.zeros(len(token), bool)
    words = np.flatnonzero(held)
    token = token[held]
    return words, inside[token] if len(words) else token, np.minimum(token, len(inside) - 1 - token)


reading = Question()
