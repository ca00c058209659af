"""A text inside a template with a gap: what the masked-word head reads at the gap ("It was [MASK].").

"Exploiting Cloze Questions for Few Shot Text Classification" (PET, Schick & Schütze 2021). The template's fields are
`{text}`, `{text_pair}`, `{mask}`, the gap that is read, and `{blank}`, further gaps that are not. Only the template
makes control tokens: those that a text spells are read as the characters that they are.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from autogpt import prompting
from autogpt.backbones._pieces import Piece
from autogpt.core import Inputs
from autogpt.errors import ConfigError

if TYPE_CHECKING:
    import torch

GAP, BLANK = "mask", "blank"
LEAST_TEXT = 4
"""Tokens of a text that there must be room for beside the template."""
_FIELD = re.compile(r"(\{\{|\}\}|\{[A-Za-z_][A-Za-z0-9_]*\})")


class Cloze:
    """See `_readings.Reading`."""

    name, parts, token_level = "cloze", 1, False

    def __init__(self, template: str = "") -> None:
        self.template = template
        self.values = tuple(name for name in prompting.fields(template) if name not in (GAP, BLANK))
        self.keys: tuple[str, ...] = self.values

    def filled(self, template: str) -> Self:
        """This reading, of another template. ConfigError: it has not exactly one gap that is read."""
        if template.count(f"{{{GAP}}}") != 1:
            raise ConfigError(f"template {template!r} needs one {{{GAP}}}, the gap that is read")
        return type(self)(template)

    def pieces(
        self, tokenizer: Any, inputs: Sequence[Inputs], max_length: int, *, causal: bool = False
    ) -> tuple[list[Piece], list[str]]:
        segments = list(self._segments())
        literal = {text: spelled(tokenizer, [text])[0] for kind, _, text in segments if kind == "literal"}
        columns = {
            (name, lead): spelled(tokenizer, [f"{lead}{row[name]}" for row in inputs])
            for kind, name, lead in segments
            if kind == "value"
        }
        begin, end = _frame(tokenizer)
        if tokenizer.mask_token_id is None:
            raise ConfigError("its tokenizer has no token that hides a word")
        gap = int(tokenizer.mask_token_id)
        fixed = (
            len(begin) + len(end) + sum(len(literal[text]) if k == "literal" else k == "gap" for k, _, text in segments)
        )
        room, found, cut = max_length - fixed, [], []
        if columns and room < LEAST_TEXT * len(columns):
            raise ConfigError(
                f"template {self.template!r} leaves no room for a text in {max_length} tokens; shorten it"
            )
        for place, row in enumerate(inputs):
            own = {key: table[place] for key, table in columns.items()}
            if sum(map(len, own.values())) > room:
                own = _shortened(own, room)
                cut.append(str(row[self.keys[0]]))
            ids, at = [*begin], -1
            for kind, name, text in segments:
                if kind == "gap":
                    at = len(ids) if name == GAP else at
                    ids.append(gap)
                else:
                    ids += literal[text] if kind == "literal" else own[(name, text)]
            found.append(Piece(place, np.array([*ids, *end], dtype=np.int32), places=np.array([at], dtype=np.int64)))
        return found, cut

    def size(self, inputs: Inputs) -> int | None:
        return None

    def features(self, body: Any, inputs: Mapping[str, torch.Tensor]) -> torch.Tensor:
        hidden = body.hidden(inputs["ids"], inputs["mask"])
        rows = inputs["places"].new_tensor(range(len(hidden)))
        told: torch.Tensor = body.told(hidden[rows, inputs["places"][:, 0]])
        return told

    def lead(self) -> str:
        """The space that stands before the gap, which a label's word begins with (tokenizers tell it apart)."""
        before = self.template.split(f"{{{GAP}}}")[0]
        return " " if before[-1:].isspace() else ""

    def _segments(self) -> Iterator[tuple[str, str, str]]:
        """(kind, field, text): `literal` with its text, `value` with the space before it, `gap`.

        A space at the end of a part is the beginning of the next: so tokenizers with signs for spaces read it.
        """
        space = ""
        for part in _FIELD.split(self.template):
            name = part[1:-1]
            if part in ("{{", "}}"):
                yield "literal", "", space + part[0]
                space = ""
            elif name in (GAP, BLANK) and part[0] == "{":
                yield "gap", name, ""
                space = ""
            elif part[:1] == "{":
                yield "value", name, space
                space = ""
            elif part:
                bare = part.rstrip()
                if bare:
                    yield "literal", "", space + bare
                space = " " if bare != part or (not bare and space) else ""


def spelled(tokenizer: Any, texts: list[str]) -> list[list[int]]:
    """Token ids of texts, without any control token, whatever a text spells."""
    if not texts:
        return []
    control = set(tokenizer.all_special_ids) - {tokenizer.unk_token_id}
    found = tokenizer(texts, add_special_tokens=False, split_special_tokens=True)["input_ids"]
    return [[int(one) for one in ids if one not in control] for ids in found]


def _frame(tokenizer: Any) -> tuple[list[int], list[int]]:
    """What the tokenizer puts before and behind one text."""
    inner = spelled(tokenizer, ["a"])[0]
    whole = [int(one) for one in tokenizer("a")["input_ids"]]
    at = next((i for i in range(len(whole)) if whole[i : i + len(inner)] == inner), 0)
    return whole[:at], whole[at + len(inner) :]


def _shortened(own: dict[Any, list[int]], room: int) -> dict[Any, list[int]]:
    """The longest text of a row loses its end first."""
    lengths = {key: len(ids) for key, ids in own.items()}
    while (over := sum(lengths.values()) - room) > 0:
        order = sorted(lengths, key=lambda key: -lengths[key])
        second = lengths[order[1]] if len(order) > 1 else 0
        lengths[order[0]] -= min(over, max(1, lengths[order[0]] - second))
    return {key: ids[: lengths[key]] for key, ids in own.items()}


reading = Cloze()
