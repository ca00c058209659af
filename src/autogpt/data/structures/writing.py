"""Tables whose answer is written: two languages side by side, a text and its summary, a prompt and what follows it.

A column of free text is nobody's label, so something must speak for it: the goal ("translate", "summarise", "write"),
names that go together (`source`/`target`, `en`/`zh`, `document`/`summary`, `prompt`/`completion`), or, without a goal,
two languages whose texts are long and short together. Which of two
languages is written is asked where neither goal nor name tells. Columns of few values beside them (`style`, `length`)
say what the answer is to be like: its controls.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache
from itertools import permutations

import numpy as np

from autogpt.controls import FEW
from autogpt.core import Table
from autogpt.data import languages
from autogpt.data.columns import Facts, sample_rows
from autogpt.data.goal import Goal
from autogpt.data.targets import Candidate
from autogpt.data.words import as_text, vocabulary

TRANSLATION, SUMMARY, GENERATION = TASKS = ("translation", "summarization", "text-generation")
_VERB = r"(?:^|[,;:.]\s*|\b(?:and|to|please|then|should|must|can|will|that|which)\s+)"
"""Where a verb stands that asks for something: "reply to the customer" asks, "is the reply polite" does not."""
_ASKED: Mapping[str, re.Pattern[str]] = {
    TRANSLATION: re.compile(
        r"\btranslat(e|es|ing)\b|\btranslation (from|into|to)\b"
        r"|翻译(成|为|这|下|以下|一下|句|文)|译(成|为)|互译|[把将].{1,20}翻译"
        r"|\binto (english|chinese|german|french|spanish|japanese)\b",
        re.I,
    ),
    SUMMARY: re.compile(
        r"\bsummari[sz](e|es|ing)\b"
        r"|\b(write|generate|give|make|produce)s? .{0,24}\b(summar(y|ies)|headlines?|titles?|abstracts?)\b"
        r"|\btl;?dr\b|(写|生成|拟|起).{0,6}(摘要|标题|概要)|概括|总结",
        re.I,
    ),
    GENERATION: re.compile(
        _VERB + r"(write|generate|compose|draft|complete|continue|autocomplete|rewrite|rephrase|reply|respond|answer)\b"
        r"|\b(suggest|propose)\b.{0,20}\b(reply|replies|responses?|answers?)\b"
        r"|\bfollow(s|ing)? (the |an? )?instructions?\b|\b(chatbot|assistant)\b"
        rf"|{_VERB}(fix|correct|repair|simplify|convert|turn|change|transform)\b.{{0,60}}"
        r"\b(code|text|grammar|spelling|sentences?|functions?|sql|html|json|python|javascript)\b"
        r"|生成|撰写|续写|改写|写出|写一|补全|(自动|写).{0,4}回复|回复(用户|客户|邮件|消息)"
        r"|(^|[,，。;；]|请|来|能|要|自动|帮我|并)(回答|解答|答复)",
        re.I,
    ),
}
_SOURCES: Mapping[str, frozenset[str]] = {
    TRANSLATION: vocabulary("source src original 原文 源文"),
    SUMMARY: vocabulary("document article text body content story report dialogue passage 正文 文章 原文 内容"),
    GENERATION: vocabulary(
        "prompt instruction instructions input question query request context docstring problem source intent",
        "description customer user client human",
        "提示 指令 输入 问题 上联",
    ),
}
_TARGETS: Mapping[str, frozenset[str]] = {
    TRANSLATION: vocabulary("target tgt translation translated 译文 翻译"),
    SUMMARY: vocabulary("summary summaries headline highlights abstract title tldr 摘要 标题 概要"),
    GENERATION: vocabulary(
        "completion response output answer reply target code solution continuation html json sql snippet program agent",
        "assistant bot operator",
        "回答 输出 回复 答案 下联 代码",
    ),
}
_CODES: Mapping[str, tuple[str, ...]] = {
    "en": ("en", "eng", "english", "英文", "英语"),
    "zh": ("zh", "cn", "chinese", "mandarin", "中文", "汉语"),
    "de": ("de", "german", "deutsch", "德文", "德语"),
    "fr": ("fr", "french", "法文", "法语"),
    "es": ("es", "spanish", "西班牙语"),
    "ja": ("ja", "jp", "japanese", "日文", "日语"),
    "ko": ("ko", "korean", "韩文", "韩语"),
    "ru": ("ru", "russian", "俄语"),
    "it": ("it", "italian", "意大利语"),
    "pt": ("pt", "portuguese", "葡萄牙语"),
}
_FREE = ("text", "short")
_BESIDE = vocabulary("input context background passage evidence knowledge facts schema 输入 上下文 背景 资料")
"""Names of columns that are read with a prompt: what an instruction is about."""
_CONTROLS = vocabulary(
    "style tone register formality voice mood length size verbosity genre level audience difficulty politeness format",
    "风格 语气 文体 体裁 长度 篇幅 难度 格式",
)
_TOLD_KINDS = ("category", "number", "constant")
_GOAL, _NAMES, _LANGUAGES, _TOLD, _OTHERWISE = 150.0, 70.0, 60.0, 60.0, 100.0
_MOST_COLUMNS, _LEAST_UNIQUE, _SHORTER, _TOGETHER, _ROWS, _SPOKEN = 8, 0.5, 0.6, 0.6, 200, 60


def readings(table: Table, facts: Mapping[str, Facts], goal: Goal) -> list[Candidate]:
    """See `data.structures`. A goal that classifies or rates as well hardly asks for a text."""
    free = [fact for fact in facts.values() if fact.kind in _FREE and fact.unique_share >= _LEAST_UNIQUE]
    if not 2 <= len(free) <= _MOST_COLUMNS:
        return []
    spoken = cache(lambda name: _language(table, name))  # asked only where something else speaks for it
    found = [
        reading
        for source, target in permutations(free, 2)
        for reading in (
            *_translation(table, source, target, spoken, goal),
            *_summary(source, target, spoken, goal),
            *_generation(source, target, goal, only=len(free) == 2),
        )
    ]
    best = [_with_context(reading, facts) for reading in _best(found)]
    return [reading.plus(-_OTHERWISE, "") if goal.any_task else reading for reading in best]


def _with_context(reading: Candidate, facts: Mapping[str, Facts]) -> Candidate:
    """A prompt with what it is about, which not all rows have (`instruction` and `input`), in the table's order."""
    source, free = reading.text[0], ("text", "short", "category")
    if reading.task != GENERATION or not _called(source, GENERATION, _SOURCES):
        return reading
    beside = [name for name in facts if name not in (source, *reading.target) and _has_word(name, _BESIDE)]
    text = tuple(name for name in facts if name == source or (name in beside and facts[name].kind in free))
    return replace(reading, text=text)


def controls(facts: Mapping[str, Facts], goal: Goal, *, taken: set[str], told: Sequence[str]) -> tuple[str, ...]:
    """Columns of few values that say what the answer is to be like: told as a part of the text, or called so.

    `taken` have another part already, `told` are the text's columns as the user named them, of which the first is what
    is written from.
    """
    if told:
        return tuple(name for name in told[1:] if facts[name].kind in _TOLD_KINDS)
    few = [f for f in facts.values() if f.kind in _TOLD_KINDS[:2] and 2 <= f.unique <= FEW and f.name not in taken]
    return tuple(fact.name for fact in few if _has_word(fact.name, _CONTROLS) or goal.mentions(fact.name))


def _translation(
    table: Table, source: Facts, target: Facts, spoken: Callable[[str], str], goal: Goal
) -> Iterator[Candidate]:
    asked, named = _asks(goal, TRANSLATION), _named(source, target, TRANSLATION)
    if goal.text and not (asked or named):
        return
    together = _together(table, source.name, target.name)
    if not (asked or named or together >= _TOGETHER):
        return
    one, other = spoken(source.name), spoken(target.name)
    differ = "" not in (one, other) and one != other
    if not (asked or named or differ):
        return
    points = _GOAL * asked + _NAMES * named + _LANGUAGES * differ + _TOLD * together
    why = f"{target.name!r} is a translation of {source.name!r}"
    why += f" ({one} to {other})" if differ else ""
    wanted = _wanted(goal.text)
    points += _TOLD * (wanted is not None and wanted in (other, _code(target.name)))
    points -= _TOLD * (wanted is not None and wanted in (one, _code(source.name)))
    yield Candidate(TRANSLATION, (target.name,), points + _mention(goal, target), (why,), (source.name,))


def _summary(source: Facts, target: Facts, spoken: Callable[[str], str], goal: Goal) -> Iterator[Candidate]:
    asked, named = _asks(goal, SUMMARY), _named(source, target, SUMMARY)
    shorter = target.characters <= _SHORTER * source.characters
    if shorter and (asked or (named and not goal.text)) and spoken(source.name) == spoken(target.name):
        why = f"{target.name!r} tells {source.name!r} in fewer words"
        points = _GOAL * asked + _NAMES * named + _mention(goal, target)
        yield Candidate(SUMMARY, (target.name,), points, (why,), (source.name,))


def _generation(source: Facts, target: Facts, goal: Goal, *, only: bool) -> Iterator[Candidate]:
    """`only`: the table has no other texts, so that a goal to write can mean no others."""
    asked, named = _asks(goal, GENERATION), _named(source, target, GENERATION)
    meant = named or only or _called(target.name, GENERATION, _TARGETS) or goal.mentions(target.name)
    if (asked and meant) or named:
        why = f"{target.name!r} is written to {source.name!r}"
        named_points = (1.5 if asked or not goal.text else 0.7) * _NAMES * named
        points = 0.8 * _GOAL * asked + named_points + _mention(goal, target)
        points += _TOLD * (_into(goal.text, target.name) - _into(goal.text, source.name))
        yield Candidate(GENERATION, (target.name,), points, (why,), (source.name,))


def _together(table: Table, one: str, other: str) -> float:
    """How far texts of two columns are long and short together: the correlation of the logarithms of their lengths."""
    rows = [table.rows[place] for place in sample_rows(len(table.rows), _ROWS)]
    lengths = np.log1p([[len(as_text(row.get(name))) for row in rows] for name in (one, other)])
    spread = lengths.std(axis=1)
    return max(0.0, float(np.corrcoef(lengths)[0, 1])) if len(rows) > 2 and spread.min() > 0 else 0.0


def _into(goal: str, name: str) -> bool:
    """Whether the goal is to make something into what a column is called: "into SQL", "rewrite ... formally"."""
    said = re.escape(name.lower())
    if re.search(rf"\b(?:re)?(?:writ|phras)\w+\b[^,;.]*\b{said}ly\b", goal.lower()):
        return True
    made = rf"\b(?:turn|convert|translat\w+|rewrit\w+|chang\w+|transform)\b[^,;.]*\b(?:in)?to\b[^,;.]*\b{said}\b"
    return re.search(rf"{made}|[成为]\s*{said}", goal.lower()) is not None


def _best(found: Sequence[Candidate]) -> list[Candidate]:
    """The best source for each target and task, so that one table does not fill the list."""
    best: dict[tuple[str, tuple[str, ...]], Candidate] = {}
    for reading in found:
        key = (reading.task, reading.target)
        if key not in best or reading.points > best[key].points:
            best[key] = reading
    return list(best.values())


def asked(goal: Goal) -> str | None:
    """The task of writing that a goal leaves no doubt about: translations and summaries are asked for by name."""
    return next((task for task in (TRANSLATION, SUMMARY) if _asks(goal, task)), None)


def _asks(goal: Goal, task: str) -> bool:
    return _ASKED[task].search(goal.text) is not None


def _mention(goal: Goal, target: Facts) -> float:
    return _TOLD * goal.mentions(target.name)


def _named(source: Facts, target: Facts, task: str) -> bool:
    """Whether names of the columns go together so."""
    if task == TRANSLATION and None not in (a := (_code(source.name), _code(target.name))) and a[0] != a[1]:
        return True
    return _called(source.name, task, _SOURCES) and _called(target.name, task, _TARGETS)


def _called(name: str, task: str, known: Mapping[str, frozenset[str]]) -> bool:
    return _has_word(name, known[task])


def _has_word(name: str, words: frozenset[str]) -> bool:
    parts = set(re.split(r"[^a-z]+", name.lower()))
    return not words.isdisjoint(parts) or any(not word.isascii() and word in name for word in words)


def _code(name: str) -> str | None:
    """The language that a column is called after."""
    parts = set(re.split(r"[^a-z\u4e00-\u9fff]+", name.lower()))
    return next((code for code, words in _CODES.items() if not parts.isdisjoint(words)), None)


def _wanted(goal: str) -> str | None:
    """The language that a goal wants to have written: the one after "to" or "into", 成 or 为."""
    names = {word: code for code, words in _CODES.items() for word in words if len(word) > 2 or not word.isascii()}
    told = re.search(rf"(?:\b(?:in)?to|成|为)\s*({'|'.join(map(re.escape, names))})", goal.lower())
    return names[told[1]] if told else None


def _language(table: Table, column: str) -> str:
    """The language of most of a column's texts; empty where it cannot be told."""
    texts = [as_text(table.rows[place].get(column)) for place in sample_rows(len(table.rows), _SPOKEN)]
    shares = languages.shares(texts)
    return next((code for code, share in shares.items() if share >= 0.5), "")
