"""Dialogues as a model reads them: by its tokenizer's own chat template, or by a plain one that is stored with it.

What looks like a control token within a turn is read as the text that it is: the tokenizer never sees it whole. So a
user can neither end his turn nor begin another's. Where nothing looks so, the ids are those of transformers' own
`apply_chat_template`, which other servers use.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

from autogpt.backbones import _spelling
from autogpt.dialogues import ROLE, ROLES, TEXT, Message
from autogpt.errors import InputError

PLAIN = (
    "{{ bos_token or cls_token or '' }}{% set end = eos_token or sep_token or '\\n\\n' %}"
    "{% if tools %}{{ 'tools\\n' }}{% for tool in tools %}{{ (tool | tojson) + '\\n' }}{% endfor %}{{ end }}{% endif %}"
    "{% for message in messages %}{{ message['role'] + '\\n' + message['content'] + end }}{% endfor %}"
    "{% if add_generation_prompt %}{{ 'assistant\\n' }}{% endif %}"
)
"""For a model that was taught none: each turn after its role, with the sign that ends a text behind it."""
WORDS = (*ROLES, "tools")
"""What the plain template writes beside the turns."""
_MARKS = range(0xE000, 0xF8FF)
"""Characters for private use: one that no turn has divides what must not be read together."""


def settle(tokenizer: Any) -> None:
    """Give a tokenizer without a chat template the plain one; it is saved with the tokenizer."""
    if not getattr(tokenizer, "chat_template", None):
        tokenizer.chat_template = PLAIN


class Chat:
    """A tokenizer as dialogues need it."""

    def __init__(self, tokenizer: Any) -> None:
        self.tokenizer = tokenizer
        added = [token for token in tokenizer.added_tokens_decoder.values() if len(token.content) > 1]
        self._control = _any_of([token.content for token in added if token.special])
        self._any = _any_of([token.content for token in added])
        self._unread = _spelling.spaces(tokenizer)

    def ids(self, messages: Sequence[Message], tools: Sequence[str] = ()) -> list[int]:
        """Token ids of a dialogue and of the sign that the assistant speaks next. InputError: the template refuses it.

        Tokens that mean something and are not control tokens (the signs around a call) stay what they are in the
        assistant's own turns.
        """
        mark = _unused("".join([*(text for _, text in messages), *tools]))
        said = [
            {ROLE: role, TEXT: _broken(text, self._control if role == "assistant" else self._any, mark)}
            for role, text in messages
        ]
        called = [_broken(tool, self._any, mark) for tool in tools]
        try:
            told: str = self.tokenizer.apply_chat_template(
                said, tools=[_described(tool) for tool in called] or None, tokenize=False, add_generation_prompt=True
            )
        except Exception as problem:
            if type(problem).__module__.partition(".")[0] != "jinja2":
                raise
            why = str(problem).rstrip(".")
            raise InputError(
                f"the model's chat template refuses a dialogue: {why}; change the roles, or the model"
            ) from None
        return self._joined(told.split(mark))

    def text(self, text: str) -> list[int]:
        """Token ids of a text without anything around it, and without control tokens."""
        mark = _unused(text)
        return self._joined(_broken(text, self._control, mark).split(mark))

    def source(self, text: str, *, signs: bool) -> list[int]:
        """Token ids of a source, with the control tokens that the tokenizer itself puts around a text (`signs`) and no
        others, and without those of white space, which are for writing alone (`_spelling`)."""
        return [one for one in self._source(text, signs=signs) if one not in self._unread]

    def _source(self, text: str, *, signs: bool) -> list[int]:
        if self._control is None or not self._control.search(text):
            return [int(one) for one in self.tokenizer(text, add_special_tokens=signs)["input_ids"]]
        around, bare = (self.tokenizer("a", add_special_tokens=on)["input_ids"] for on in (signs, False))
        begin = next(at for at in range(len(around)) if around[at : at + len(bare)] == bare)
        return [*around[:begin], *self.text(text), *around[begin + len(bare) :]]

    def fitted(self, messages: Sequence[Message], tools: Sequence[str], most: int) -> tuple[list[int], bool]:
        """At most `most` ids of a dialogue, and whether anything was left out.

        The oldest turns go first, so that what is left begins with one of the user; the first of the system and the
        last turn stay. A last turn that is too long alone is cut at its end.
        """
        whole = self.ids(messages, tools)
        if len(whole) <= most:
            return whole, False
        head = list(messages[:1]) if len(messages) > 1 and messages[0][0] == "system" else []
        last = len(messages) - 1
        begins = [place for place in range(len(head) + 1, last) if messages[place][0] == "user"] + [last]
        low, high = 0, len(begins)  # begins[high:] fit
        while low < high:
            middle = (low + high) // 2
            if len(self.ids([*head, *messages[begins[middle] :]], tools)) <= most:
                high = middle
            else:
                low = middle + 1
        if low < len(begins):
            return self.ids([*head, *messages[begins[low] :]], tools), True
        role, text = messages[last]
        if len(self.ids([*head, (role, "")], tools)) >= most:
            head = []
        room = max(0, most - len(self.ids([*head, (role, "")], tools)))
        short = self.tokenizer.decode(self.text(text)[:room])
        return self.ids([*head, (role, short)], tools)[-most:], True

    def _joined(self, parts: Sequence[str]) -> list[int]:
        found = self.tokenizer(list(parts), add_special_tokens=False)["input_ids"]
        return [int(one) for ids in found for one in ids]


def _any_of(signs: Sequence[str]) -> re.Pattern[str] | None:
    """A place where one of the signs begins."""
    return re.compile(f"(?={'|'.join(map(re.escape, signs))})") if signs else None


def _broken(text: str, signs: re.Pattern[str] | None, mark: str) -> str:
    """The text with a mark behind the first character of each sign."""
    if signs is None:
        return text
    places = [found.start() + 1 for found in signs.finditer(text)]
    return mark.join(text[a:b] for a, b in zip([0, *places], [*places, len(text)], strict=True))


def _unused(text: str) -> str:
    return next(chr(code) for code in _MARKS if chr(code) not in text)


def _described(tool: str) -> Any:
    try:
        return json.loads(tool)
    except ValueError:
        return tool
