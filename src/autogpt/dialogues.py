"""Dialogues: how turns are read from a cell, and what they are called here.

A turn is a dict with a field for who speaks and one for what is said, whatever these are called: OpenAI's messages
(`role`, `content`, `tool_calls`), ShareGPT's conversations (`from`, `value`), turns of any collection of dialogues. All
become messages, (role, text), with the four roles that chat templates know.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from autogpt import cells

Message = tuple[str, str]
"""(role, text); the role is one of `ROLES`."""
ROLES = ("system", "user", "assistant", "tool")
ROLE, TEXT = "role", "content"
"""The fields of a turn as chat templates know them."""
_NAMES: Mapping[str, str] = {
    name: role
    for role, names in {
        "system": "system developer instruction instructions",
        "user": "user human customer client usr prompter caller buyer patient student apprentice "
        "用户 顾客 客户 买家 患者",
        "assistant": "assistant bot agent gpt chatgpt model ai chatbot wizard expert advisor operator support seller "
        "salesman doctor teacher tutor 助手 机器人 客服 坐席 卖家 医生 function_call",
        "tool": "tool function observation ipython api database 工具",
    }.items()
    for name in names.split()
}


def turns(value: Any) -> Sequence[Mapping[str, Any]] | None:
    """A cell as turns: a list of dicts, or one that is written out as text; None when it is something else."""
    listed = cells.sequence(value)
    return listed if listed and all(isinstance(turn, Mapping) for turn in listed) else None


def role_of(name: Any, assistant: str = "assistant") -> str | None:
    """The role of a speaker; `assistant` is what the one is called whose turns are learned. None: no known one."""
    called = str(name).strip()
    return "assistant" if called == assistant else _NAMES.get(called.casefold())


def message(turn: Mapping[str, Any], fields: Sequence[str]) -> Message:
    """A turn as (role, text); what it calls is a part of its text. ValueError says what is wrong with it.

    `fields`: who speaks, what is said, what the assistant is called (see `core.Schema.turns`); a turn without these
    fields may have those of chat templates.
    """
    speaker, text, assistant = fields[:3]
    if speaker not in turn or (text not in turn and TEXT in turn):
        speaker, text = ROLE, TEXT
    if speaker not in turn:
        raise ValueError(f"a turn has the fields {', '.join(map(repr, turn))}, and no {fields[0]!r}")
    role = role_of(turn[speaker], assistant)
    if role is None:
        raise ValueError(f"a turn is of {turn[speaker]!r}, who is not known; roles are {', '.join(ROLES)}")
    called = turn.get("tool_calls") or ([turn["function_call"]] if turn.get("function_call") else [])
    return role, "\n".join(part for part in (_said(turn.get(text)), *map(_call, called)) if part)


def _said(value: Any) -> str:
    """What a turn says: a text, or a list of parts that are texts."""
    if value is None or isinstance(value, str):
        return (value or "").strip()
    listed = cells.sequence(value)
    if listed is None:
        return json.dumps(value, ensure_ascii=False) if isinstance(value, Mapping) else str(value)
    parts = [part.get("text") if isinstance(part, Mapping) else part for part in listed]
    if not all(isinstance(part, str) for part in parts):
        raise ValueError("a turn has a part that is no text; leave pictures and sound out")
    return "\n".join(map(str, parts)).strip()


def _call(value: Any) -> str:
    """The call of a tool as it is written in a turn: Hermes' form, one JSON object between signs."""
    called = value.get("function", value) if isinstance(value, Mapping) else value
    if not isinstance(called, Mapping) or "name" not in called:
        raise ValueError(f"a turn calls {value!r}; a call needs a 'name' and 'arguments'")
    arguments = called.get("arguments", {})
    if isinstance(arguments, str):  # OpenAI writes them as JSON text
        try:
            arguments = json.loads(arguments or "{}")
        except ValueError:
            raise ValueError(f"a turn calls {called['name']!r} with arguments that are no JSON") from None
    written = json.dumps({"name": called["name"], "arguments": arguments}, ensure_ascii=False)
    return f"<tool_call>\n{written}\n</tool_call>"


def answer(turn: Mapping[str, Any], field: str, fields: Sequence[str]) -> str:
    """What is to be written of a turn: its text, or another field of it; empty where there is nothing.

    Of a list of acts each is written by its names; lists within an act are what fills it in, and are left out:
    `[["REQUEST", "city", ["Oslo", "Rome"]], ["OFFER", "name", []]]` is "REQUEST city; OFFER name".
    """
    if field in (fields[1], TEXT):
        return message(turn, fields)[1]
    value = turn.get(field)
    acts = cells.sequence(value)
    if acts is None:
        acts = [value]
    return "; ".join(dict.fromkeys(filter(None, map(_act, acts))))


def _act(value: Any) -> str:
    if value is None:
        return ""
    parts = value.values() if isinstance(value, Mapping) else cells.sequence(value)
    if parts is None:
        return str(value).strip()
    return " ".join(str(part).strip() for part in parts if isinstance(part, (str, int, float)) and str(part).strip())


def tools(value: Any) -> tuple[str, ...]:
    """What may be called, as JSON texts: a list of descriptions, as it is or written out."""
    listed = cells.sequence(value) if value is not None else ()
    if listed is None or not all(isinstance(tool, (Mapping, str)) for tool in listed):
        raise ValueError(f"tools are {str(value)[:40]!r}; give a list of their descriptions")
    return tuple(tool if isinstance(tool, str) else json.dumps(tool, ensure_ascii=False) for tool in listed)


def whole(messages: Sequence[Message]) -> str:
    """All that is said, as one text."""
    return "\n".join(text for _, text in messages)
