"""How a row becomes token ids for a model that writes: what is asked of it, and what it is to write.

The same ids are trained and served. What looks like a control token in a row is read as the text that it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from autogpt.backbones import _chat, _parts, _pretrained, _scratch
from autogpt.backbones._pieces import Piece
from autogpt.core import Inputs
from autogpt.errors import InputError
from autogpt.written import source_of

if TYPE_CHECKING:
    from autogpt.backbones._writing import Pair, WriterNet
    from autogpt.core import Array

SOURCE_TOKENS, TARGET_TOKENS = 512, 256
"""Of a row, at most; what is cut is counted."""


class Asking:
    """The half of a `Writer` that reads rows."""

    net: WriterNet
    tokenizer: Any
    source: _pretrained.Source
    parts: _parts.Parts | None
    instruction: str = ""
    """Stands before every source, in training and in serving, and before what is said first in a dialogue."""
    _cut: set[int]

    @property
    def kind(self) -> str:
        """`decoder` or `encoder-decoder`."""
        return self.net.kind

    @property
    def max_length(self) -> int:
        """Tokens of a source that are read, at most."""
        return max(1, min(SOURCE_TOKENS, self._side) - 4)

    @property
    def cut(self) -> int:
        """Sources that were longer than may be read."""
        return len(self._cut)

    def pairs(self, inputs: Sequence[Inputs], targets: Sequence[str]) -> list[Pair]:
        """Token ids of sources, and of targets with their end."""
        from autogpt.backbones._writing import Pair

        most, chat = max(1, min(TARGET_TOKENS, self._side) - 1), _chat.Chat(self.tokenizer)
        found = [chat.text(text) for text in targets]
        ended = [np.array([*ids[:most], self._end], dtype=np.int64) for ids in found]
        sizes = [len(t.encode()) if len(ids) <= most else 0 for t, ids in zip(targets, found, strict=True)]
        return [Pair(*both) for both in zip(self._sources(inputs), ended, sizes, strict=True)]

    def pieces(self, inputs: Sequence[Inputs]) -> list[Piece]:
        """Sources as pieces (what memory is counted with)."""
        return [Piece(row=place, ids=ids) for place, ids in enumerate(self._sources(inputs))]

    def _sources(self, inputs: Sequence[Inputs]) -> list[Array]:
        """What is read of each row before anything is written."""
        most, chat = self.max_length, _chat.Chat(self.tokenizer)
        return [np.asarray(self._read(row, place, most, chat), dtype=np.int64) for place, row in enumerate(inputs)]

    def _read(self, row: Inputs, place: int, most: int, chat: _chat.Chat) -> list[int]:
        """A dialogue, or a source as a user's turn where the model was taught to be asked so, or a source as it is."""
        asked = bool(getattr(self.tokenizer, "chat_template", None))
        if "messages" in row and asked:
            (role, first), *rest = row["messages"]
            ids, cut = chat.fitted([(role, self._instructed(first)), *rest], row.get("tools", ()), most)
            ids = self._framed(ids) if self.kind == "encoder-decoder" else ids
        elif not isinstance(row.get("source"), str):
            raise InputError(f"row {place} has no {'messages' if asked else 'source'!r}; this model writes from one")
        elif self.kind == "decoder" and asked:
            ids, cut = chat.fitted((("user", self._instructed(source_of(row))),), (), most)
        else:
            signs = self.kind == "encoder-decoder" and self.source.name != _scratch.NAME
            said = self._instructed(source_of(row))
            ids = chat.source(said, signs=signs)
            ids, cut = self._framed(ids[:most]), len(ids) > most
        if cut:
            self._cut.add(hash(source_of(row)))
        return ids

    def _instructed(self, text: str) -> str:
        return f"{self.instruction}\n\n{text}" if self.instruction else text

    def _framed(self, ids: list[int]) -> list[int]:
        """With the sign that divides source and target, where they are read in one row, or the end of the source."""
        if self.kind == "encoder-decoder":
            return ids if ids and ids[-1] == self._end else [*ids, self._end]
        between = self.tokenizer.sep_token_id
        begin = [] if self.tokenizer.bos_token_id is None else [self.tokenizer.bos_token_id]
        line = self.tokenizer("\n", add_special_tokens=False)["input_ids"] if between is None else [between]
        return [*begin, *ids, *line] or [self._pad_id]

    @property
    def signs(self) -> dict[str, int]:
        """Ids that pad, that end an answer, and that an encoder-decoder is told first."""
        return {"pad_id": self._pad_id, "end": self._end, "start": self._start}

    @property
    def _side(self) -> int:
        """Tokens that a source may have, and what is written: a decoder has both in one row."""
        config = self.net.model.config
        sides = [getattr(config, side, None) or config for side in ("encoder", "decoder")]
        known = [getattr(one, "max_position_embeddings", None) or getattr(one, "n_positions", None) for one in sides]
        room = min((int(one) for one in known if one), default=1 << 20)
        room -= self.parts.positions(self.net) if self.parts is not None else 0
        return room if self.kind == "encoder-decoder" else room // 2

    @property
    def _pad_id(self) -> int:
        return int(self.tokenizer.pad_token_id or 0)

    @property
    def _end(self) -> int:
        signs = (self.tokenizer.eos_token_id, self.tokenizer.sep_token_id, self._pad_id)
        return int(next(sign for sign in signs if sign is not None))

    @property
    def _start(self) -> int:
        """What an encoder-decoder's decoder is told first."""
        config = self.net.model.config
        signs = (
            getattr(config, "decoder_start_token_id", None),
            self.tokenizer.cls_token_id,
            self.tokenizer.bos_token_id,
        )
        return int(next((sign for sign in signs if sign is not None), self._pad_id))
