"""Tables of dialogues: a column of turns (lists of dicts), or a turn a row.

Told by shape: in the turns one field has few values, which name speakers, and another has texts. Whose turns are
learned is told by what the speakers are called; where no one is called like an assistant, a `system` that speaks in the
middle of dialogues is one. What the turns have beside their texts (acts, intents) can be learned as well, where the
goal names it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from autogpt import cells, dialogues
from autogpt.core import Table
from autogpt.data.columns import Facts, sample_rows
from autogpt.data.goal import Goal
from autogpt.data.targets import Candidate
from autogpt.data.words import is_missing

TASK = "dialogue"
_TURNS, _FLAT, _FIELD, _NAMED, _GOAL, _OTHERWISE = 150.0, 75.0, 40.0, 160.0, 60.0, 100.0
_ASKED = (
    r"\bdialog|\bconversation|\bchat|\bassistant|\bmulti-?turn|\brespon|\brepl(y|ies)\b|\bnext (turn|utterance|message)"
    r"|对话|聊天|回复|助手|应答"
)
_ACTS = r"\bnext[- ]?(action|act)s?\b|\bactions?\b|\bdialog(ue)?[- ]acts?\b|\bpolicy\b|动作|对话行为|策略"
_ACT_NAMES = re.compile(r"act|action|行为|动作", re.IGNORECASE)
_ROWS, _SPEAKERS, _MOST, _LEAST = 200, 12, 0.95, 1.5

Turn = Mapping[str, Any]


def readings(table: Table, facts: Mapping[str, Facts], goal: Goal) -> list[Candidate]:
    """See `data.structures`. A goal that classifies or rates hardly asks for a turn."""
    asked = -_OTHERWISE if goal.any_task else _GOAL * (re.search(_ASKED, goal.text.lower()) is not None)
    return [*_of_lists(table, facts, goal, asked), *_of_rows(table, facts, asked)]


def _of_lists(table: Table, facts: Mapping[str, Facts], goal: Goal, asked: float) -> Iterator[Candidate]:
    rows = [table.rows[place] for place in sample_rows(len(table.rows), _ROWS)]
    tools = next((name for name in facts if _are_tools(name, rows)), None)
    for name in (name for name, fact in facts.items() if fact.kind == "objects"):
        found = [turns for row in rows if (turns := dialogues.turns(row.get(name)))]
        if len(found) < _MOST * sum(not is_missing(row.get(name)) for row in rows):
            continue
        fields = _fields(found)
        if fields is None:
            continue
        text = (name, tools) if tools is not None and tools != name else (name,)
        why = (
            f"column {name!r} holds dialogues: {fields[0]!r} says who speaks, {fields[1]!r} what is said; the turns of "
        )
        why += f"{fields[2]!r} are learned"
        own = [
            turn
            for turns in found
            for turn in turns
            if dialogues.role_of(turn.get(fields[0]), fields[2]) == "assistant"
        ]
        yield Candidate(TASK, (f"{name}.{fields[1]}",), _TURNS + asked, (why,), text, turns=fields)
        for field in _others(own, fields):
            target = f"{name}.{field}"
            points = _FIELD + _NAMED * goal.mentions(field)
            points += _NAMED * (
                re.search(_ACTS, goal.text.lower()) is not None and _ACT_NAMES.search(field) is not None
            )
            why_field = f"{why}, by their {field!r}"
            yield Candidate(TASK, (target,), points + asked, (why_field,), text, turns=fields)


def _fields(found: Sequence[Sequence[Turn]]) -> tuple[str, str, str] | None:
    """Who speaks, what is said, and what the assistant is called; None where turns do not tell."""
    turns = [turn for dialogue in found for turn in dialogue]
    if len(turns) < _LEAST * len(found):
        return None
    strings = {name: [str(turn[name]) for turn in turns if isinstance(turn.get(name), str)] for name in _names(turns)}
    for speaker, said in strings.items():
        if len(said) < _MOST * len(turns) or len(set(said)) > _SPEAKERS:
            continue
        assistant = _assistant(found, speaker)
        texts = [
            n
            for n in strings
            if n != speaker and len(set(strings[n])) > _SPEAKERS // 4 and 2 * len(strings[n]) > len(turns)
        ]
        if assistant is not None and texts:
            longest = max(texts, key=lambda name: sum(map(len, strings[name])))
            return speaker, longest, assistant
    return None


def _names(turns: Sequence[Turn]) -> list[str]:
    return list(dict.fromkeys(name for turn in turns for name in turn))


def _assistant(found: Sequence[Sequence[Turn]], speaker: str) -> str | None:
    """What the one is called whose turns are learned; None where most speakers are no known ones."""
    counts = Counter(str(turn.get(speaker)) for dialogue in found for turn in dialogue)
    roles = {name: dialogues.role_of(name) for name in counts}
    if sum(n for name, n in counts.items() if roles[name] is not None) < _MOST * counts.total():
        return None
    users = any(role == "user" for role in roles.values())
    called = next((name for name, _ in counts.most_common() if roles[name] == "assistant"), None)
    later = Counter(str(turn.get(speaker)) for dialogue in found for turn in dialogue[1:])
    system = next((name for name in later if roles[name] == "system" and 3 * later[name] >= counts.total()), None)
    return (called or system) if users else None


def _others(own: Sequence[Turn], fields: Sequence[str]) -> Iterator[str]:
    """Fields that most turns of the assistant have, with different values that come again."""
    for name in _names(own):
        if name in fields[:2]:
            continue
        try:
            written = [text for turn in own if (text := dialogues.answer(turn, name, fields))]
        except ValueError:
            continue
        if len(written) >= 0.5 * len(own) and 1 < len(set(written)) <= 0.8 * len(written):
            yield name


def _are_tools(name: str, rows: Sequence[Mapping[str, Any]]) -> bool:
    """Whether a column holds descriptions of what may be called: JSON schemas of functions."""
    lists = [cells.sequence(row.get(name)) for row in rows if not is_missing(row.get(name))]
    items = [item for listed in lists if listed for item in listed]
    inner = [item.get("function", item) if isinstance(item, Mapping) else None for item in items]
    return bool(inner) and all(isinstance(one, Mapping) and "name" in one and "parameters" in one for one in inner)


def _of_rows(table: Table, facts: Mapping[str, Facts], asked: float) -> Iterator[Candidate]:
    """A turn a row: a speaker, a text, a dialogue that several rows share, and a number that counts its turns."""
    speakers = [n for n, fact in facts.items() if fact.kind == "category" and 2 <= fact.unique <= _SPEAKERS]
    texts = [n for n, fact in facts.items() if fact.kind in ("text", "short")]
    for speaker in speakers:
        named = {name: dialogues.role_of(name) for name in facts[speaker].counts}
        if None in named.values() or not texts:
            continue
        for group, order in _grouped(table, facts, {speaker}):
            found: dict[str, list[Turn]] = {}
            try:
                ordered = sorted(table.rows, key=lambda row: cells.number(row, order))
            except ValueError:  # a number that the sampled rows all had
                continue
            for row in ordered:
                found.setdefault(str(row.get(group)), []).append(row)
            assistant = _assistant(list(found.values()), speaker)
            if assistant is None:
                continue
            text = max(texts, key=lambda name: facts[name].characters)
            why = f"rows are turns of dialogues ({group!r}) in the order of {order!r}; "
            why += f"the turns of {assistant!r} are learned"
            turns = (speaker, text, assistant, order)
            yield Candidate(TASK, (f"{text}.{text}",), _FLAT + asked, (why,), (text,), group=group, turns=turns)
            return


def _grouped(table: Table, facts: Mapping[str, Facts], taken: set[str]) -> Iterator[tuple[str, str]]:
    """Columns (dialogue, turn): values of the first come again, and numbers of the second never within one of them."""
    numbers = [n for n, f in facts.items() if f.kind in ("number", "id") and f.integer and f.filled_share == 1.0]
    for group, fact in facts.items():
        if group in taken or fact.kind not in ("category", "id", "number", "short") or fact.filled_share < 1.0:
            continue
        if fact.unique < 3 or fact.filled < 2 * fact.unique:
            continue
        for order in (name for name in numbers if name != group):
            pairs = {(str(row.get(group)), str(row.get(order))) for row in table.rows}
            if len(pairs) == len(table.rows):
                yield group, order
