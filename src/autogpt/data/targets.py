"""Which columns could be the answer, and for which task: every reading of a table, with points and reasons.

Each reading starts with points for how well the values fit the task; the goal sentence, the column's name and (between
close rivals) how well the text predicts the column add or take away. `schema.py` picks, or asks when two are close.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any

from autogpt import cells, spans
from autogpt.core import Row, Table
from autogpt.data import structures
from autogpt.data.columns import Facts, sample_rows
from autogpt.data.goal import Goal
from autogpt.data.words import CJK, as_text, is_missing, vocabulary

CLASSES, PATHS, LABELS, VALUE, TOKENS = (
    "text-classification",
    "hierarchical-classification",
    "multi-label-classification",
    "text-regression",
    "token-classification",
)

_TAG = re.compile(r"O|[BIESLUM][-_].+")
_PLURAL = re.compile(r"[^siu]s$")
_SEPARATORS = ("|", ";", "；", "、", ",", "，", "/", "\t", "#", "+")
_LABEL_NAMES = vocabulary("label labels class classes category categories 标签 类别 分类 标注")
_TARGET_NAMES = vocabulary("target gold answer y output 目标 答案")
_TOPIC_NAMES = vocabulary(
    "intent intents sentiment topic topics polarity emotion emotions rating score stars star spam toxic toxicity",
    "tag tags stance genre genres department similarity relation entities ner grade type",
    "意图 情感 主题 评分 分数 得分 星级 极性 情绪 话题 相似度",
)
_SIDE_NAMES = vocabulary(
    "id ids idx index key date time created updated timestamp year month day user author agent customer name email",
    "phone url link source lang language country region city channel platform device version fold split age gender",
    "count length len num number votes likes retweets views helpful confidence annotator worker verified status",
    "helpfulness numerator denominator location keyword keywords url domain",
    "编号 序号 日期 时间 用户 作者 来源 年龄 性别 城市 地区 语言 长度 点赞 渠道 平台 状态 客服 年份 姓名",
)
_LANGUAGES = vocabulary(
    "en eng de deu ger fr fra fre es spa zh zho chi it ita ja jpn pt por ru rus nl nld ko kor ar ara pl pol tr tur sv",
    "en-us en-gb en-ca zh-cn zh-tw pt-br da dan fi fin no nor english german french spanish chinese",
)
# Words of a goal, and the label sets that people write for them.
_MEANINGS: tuple[tuple[str, frozenset[str]], ...] = (
    (
        r"sentiment|polarity|opinion|happy|positive|satisf|情感|情绪|极性|好评|评价|正负",
        vocabulary(
            "positive negative neutral pos neg mixed good bad",
            "正面 负面 中性 积极 消极 好评 差评 中评 正向 负向",
        ),
    ),
    (
        r"urgen|priorit|severity|紧急|优先",
        vocabulary("low medium high urgent critical normal p0 p1 p2 p3 p4 高 中 低 紧急 普通"),
    ),
    (r"spam|junk|垃圾", vocabulary("spam ham junk not_spam 垃圾 正常 垃圾邮件")),
    (
        r"toxic|abus|hate|offens|insult|辱骂|仇恨|攻击",
        vocabulary("toxic abusive hateful offensive hate insult non-toxic 辱骂"),
    ),
    (
        r"emotion|feeling|mood|情绪",
        vocabulary(
            "joy anger sadness fear love surprise disgust happy sad angry amusement", "喜悦 愤怒 悲伤 恐惧 惊讶 高兴"
        ),
    ),
    (r"entail|contradict|inference|nli|蕴含", vocabulary("entailment contradiction neutral 蕴含 矛盾 中立")),
    (r"language|语言|语种", _LANGUAGES),
)
_SCALE = r"rating|scor|\bstars?\b|similar|grade|评|分|星|相似"


@dataclass(frozen=True, slots=True)
class Candidate:
    """One reading: the task, its target columns, points, reasons; its text, spans and group, where they
    go together.

    `named` when the goal or the column's name speaks for the target, `asked` how clearly the goal means it: 2 by
    its very name, 1 by words like it. `choices`, `numbering` and `turns` are those
    of `core.Schema`; `group` is the column whose rows belong to one list.
    """

    task: str
    target: tuple[str, ...]
    points: float
    why: tuple[str, ...]
    text: tuple[str, ...] = ()
    separator: str | None = None
    named: bool = False
    spans: tuple[str, ...] = ()
    choices: tuple[str, ...] = ()
    numbering: str | None = None
    group: str | None = None
    turns: tuple[str, ...] = ()
    asked: int = 0

    def plus(self, points: float, why: str, *, named: bool = False, asked: int = 0) -> Candidate:
        named, asked = self.named or named or asked > 0, max(self.asked, asked)
        return replace(self, points=self.points + points, why=(*self.why, why), named=named, asked=asked)


def candidates(
    table: Table, facts: Mapping[str, Facts], *, goal: Goal, separator: str | None = None
) -> list[Candidate]:
    """All readings of the table, best first."""
    sequences = _token_readings(table, facts)
    used = {column for reading in sequences for column in (*reading.target, *reading.text)}
    taken = {column for column in used if facts[column].kind != "text"}
    rest = {name: fact for name, fact in facts.items() if name not in taken}
    families = _flag_readings(rest)
    found = [*sequences, *_span_readings(table, rest), *families]
    together = {name for reading in families if len(reading.target) > 2 for name in reading.target}
    for fact in rest.values():
        named = goal.mentions(fact.name) or goal.asks_about(fact.name)
        several = goal.multi or (_PLURAL.search(fact.name.lower()) is not None and goal.spells(fact.name))
        alone = column_readings(fact, multi_hint=several, separator=separator, named=named)
        found += [reading.plus(-40, "") for reading in alone] if fact.name in together else alone
    judged = [judge(reading, facts, goal) for reading in _without_echoes(found, facts)]
    judged += structures.readings(table, facts, goal)
    return sorted(judged, key=lambda reading: (-reading.points, reading.target, reading.task))


def column_readings(
    fact: Facts, *, multi_hint: bool = False, separator: str | None = None, named: bool = False
) -> list[Candidate]:
    """What one column by itself could be the target of. `named` by the goal, whole numbers are no numbers of rows."""
    name = fact.name
    if fact.kind == "tokens":
        repeats = sum(fact.counts.values()) / max(1, len(fact.counts))
        if repeats >= 2 and (not fact.integer or (fact.sets and repeats >= 5)):
            return [Candidate(LABELS, (name,), 80, (f"column {name!r} holds lists of {len(fact.counts)} labels",))]
        return []
    if fact.kind == "number" or (fact.kind == "id" and fact.integer and named):
        return _number_readings(fact)
    if fact.kind not in ("category", "short", "text"):
        return []
    mark = separator or find_separator(fact.counts, eager=multi_hint, spaces=fact.kind == "category")
    if mark:
        atoms = Counter(part.strip() for cell, n in fact.counts.items() for part in cell.split(mark) for _ in range(n))
        why = f"column {name!r} holds {len(atoms)} labels divided by {mark!r}"
        return [Candidate(LABELS, (name,), 75, (why,), separator=mark)]
    if fact.kind != "category":
        return []
    repeats = fact.filled / max(1, fact.unique)
    points = (60 if repeats >= 5 else 45 if repeats >= 2 else 20) - (15 if fact.words > 5 else 0)
    return [Candidate(CLASSES, (name,), points, (f"column {name!r} has {fact.unique} values that repeat",))]


def _number_readings(fact: Facts) -> list[Candidate]:
    name, count = fact.name, fact.unique
    span = f"{fact.low:g} to {fact.high:g}"
    number = Candidate(VALUE, (name,), 50, (f"column {name!r} holds numbers from {span}",))
    if not fact.integer:
        return [number]
    sorts = Candidate(CLASSES, (name,), 45, (f"column {name!r} has only {count} whole numbers ({span})",))
    if count == 2:
        return [replace(sorts, points=55)]
    if fact.low > 9:  # classes are counted from the beginning; 85 to 100 are points, 1990 to 2010 years
        return [number, replace(sorts, points=20)] if fact.filled >= 2 * count and count <= 20 else [number]
    contiguous = fact.low in (0, 1) and fact.high - fact.low + 1 == count
    if count <= 20 or (contiguous and count <= 300 and fact.filled >= 3 * count):
        return [replace(number, points=45), sorts] if fact.filled >= 2 * count else [replace(number, points=40)]
    return [replace(number, points=40)]


def find_separator(counts: Mapping[str, int], *, eager: bool = False, spaces: bool = False) -> str | None:
    """The mark that divides labels within cells, if cells look like label sets.

    A label set differs from a name that happens to hold the mark ("Paris, France", "books/fiction"): its size varies,
    and labels seen in second place also stand first or alone. `eager` (the goal asks for several labels) asks for less
    and, with `spaces`, also takes a space for the mark.
    """
    total = sum(counts.values())
    for mark in (*_SEPARATORS, " ") if eager and spaces else _SEPARATORS:
        several = {cell: n for cell, n in counts.items() if mark in cell.strip(mark + " ")}
        if not several or sum(several.values()) < 0.1 * total:
            continue
        cell_parts = [([part.strip() for part in cell.split(mark) if part.strip()], n) for cell, n in counts.items()]
        first = {parts[0] for parts, _ in cell_parts if parts}
        later = Counter(part for parts, n in cell_parts for part in parts[1:] for _ in range(n))
        atoms = Counter(part for parts, n in cell_parts for part in parts for _ in range(n))
        sizes = Counter(len(parts) for parts, n in cell_parts for _ in range(n))
        varied = sizes.most_common(1)[0][1] <= (0.98 if eager else 0.95) * total
        both = sum(n for part, n in later.items() if part in first)
        short = sum(len(part) * n for part, n in atoms.items()) / max(1, sum(atoms.values())) <= 30
        repeated = sum(atoms.values()) >= 3 * len(atoms)
        if varied and short and repeated and both >= (0.4 if eager else 0.6) * sum(later.values()):
            return mark
    return None


def _token_readings(table: Table, facts: Mapping[str, Facts]) -> list[Candidate]:
    """Pairs of columns with one tag per token: as lists, or as words divided by spaces."""
    rows = [table.rows[place] for place in sample_rows(len(table.rows), 400)]
    units: dict[str, list[list[str] | None]] = {}
    for name, fact in facts.items():
        if fact.kind == "tokens" or fact.kind in ("text", "category", "short", "constant"):
            units[name] = [_units(row.get(name)) for row in rows]
    found = []
    for a, b in combinations(units, 2):
        if facts[a].integer and facts[b].integer:  # tags of the same tokens, by number
            continue
        both = [(x, y) for x, y in zip(units[a], units[b], strict=True) if x and y]
        if len(both) < 3 or sum(len(x) == len(y) for x, y in both) < 0.99 * len(both):
            continue
        if len({len(x) for x, _ in both}) < 2 or sum(len(x) for x, _ in both) < 2.5 * len(both):
            continue
        kinds = {name: Counter(u for x in units[name] if x for u in x) for name in (a, b)}
        tags, tokens = (a, b) if len(kinds[a]) < len(kinds[b]) else (b, a)
        marked = sum(n for tag, n in kinds[tags].items() if _TAG.fullmatch(tag)) / sum(kinds[tags].values())
        if marked >= 0.9:
            why = f"column {tags!r} has one tag per token of {tokens!r}, written B-/I-/O"
            found.append(Candidate(TOKENS, (tags,), 110, (why,), text=(tokens,)))
        elif len(kinds[tags]) <= min(100, 0.2 * len(kinds[tokens])):
            why = f"column {tags!r} has one of {len(kinds[tags])} tags per token of {tokens!r}"
            found.append(Candidate(TOKENS, (tags,), 90, (why,), text=(tokens,)))
    divided = {reading.target for reading in found if facts[reading.text[0]].kind == "tokens"}
    return [one for one in found if facts[one.text[0]].kind == "tokens" or one.target not in divided]


def _units(value: Any) -> list[str] | None:
    if is_missing(value):
        return None
    listed = cells.sequence(value)
    return [str(item) for item in listed] if listed is not None else str(value).split()


def _span_readings(table: Table, facts: Mapping[str, Facts]) -> list[Candidate]:
    """A column of span records with a text column that every span fits into."""
    rows = [table.rows[place] for place in sample_rows(len(table.rows), 400)]
    found = []
    for marks in (fact for fact in facts.values() if fact.kind in ("spans", "objects")):
        marked = [spans.read(row.get(marks.name)) for row in rows]
        if not any(marked):
            continue
        if marks.kind == "spans" and (over := _over_tokens(rows, marked, marks.name, facts)):
            found.append(over)
            continue
        fits = {}
        for text in (fact for fact in facts.values() if fact.kind in ("text", "short", "category")):
            good = [
                is_missing(row.get(marks.name)) if one is None else _spans_fit(one, as_text(row.get(text.name)))
                for row, one in zip(rows, marked, strict=True)
            ]
            if sum(good) >= 0.98 * len(good):
                fits[text.name] = text.characters
        if fits:
            # Spans fit into every longer text too, so the shortest that fits is the one they were made for.
            text_name = min(fits, key=lambda name: fits[name])
            how = "by start and end" if marks.kind == "spans" else "by their words"
            why = f"column {marks.name!r} marks stretches of {text_name!r} {how}"
            found.append(Candidate(TOKENS, (marks.name,), 90, (why,), text=(text_name,)))
    return found


def _over_tokens(
    rows: Sequence[Row], marked: Sequence[Sequence[spans.Span] | None], marks: str, facts: Mapping[str, Facts]
) -> Candidate | None:
    """Spans that are counted in the tokens of another column."""
    for tokens in (name for name, fact in facts.items() if fact.kind == "tokens" and not fact.integer):
        counts = [len(cells.sequence(row.get(tokens)) or ()) for row in rows]
        how = spans.counting([(found or (), count) for found, count in zip(marked, counts, strict=True)])
        if how is not None:
            why = (
                f"column {marks!r} marks tokens of {tokens!r}; an end is the {how if how == spans.LAST else 'next'} one"
            )
            return Candidate(TOKENS, (marks,), 90, (why,), text=(tokens,), numbering=how)
    return None


def _spans_fit(marked: Sequence[spans.Span], text: str) -> bool:
    try:
        return all(0 <= start < end <= len(text) for start, end, _ in spans.place(marked, text))
    except ValueError:
        return False


def _without_echoes(found: list[Candidate], facts: Mapping[str, Facts]) -> list[Candidate]:
    """Lists of labels step back behind spans with the same labels, which say more: where each of them stands; single
    votes (`label1`, `label2`) step back behind what was made of them (`label`)."""
    marked = [set(facts[r.target[0]].counts) for r in found if r.task == TOKENS and facts[r.target[0]].kind == "spans"]
    echo = "spans have the same labels, and their places"
    return [
        reading.plus(-40, echo)
        if reading.task == LABELS and any(set(facts[reading.target[0]].counts) <= labels for labels in marked)
        else reading.plus(-40, f"{reading.target[0]!r} is one vote of several")
        if len(reading.target) == 1 and _is_vote(reading.target[0], facts)
        else reading
        for reading in found
    ]


def _is_vote(name: str, facts: Mapping[str, Facts]) -> bool:
    """Whether a column is called as another with a number behind, and holds nothing else."""
    whole = facts.get(re.sub(r"[ _-]?\d+$", "", name), facts[name])
    return whole.name != name and set(facts[name].counts) <= set(whole.counts)


def _flag_readings(facts: Mapping[str, Facts]) -> list[Candidate]:
    """Several 0/1 columns that together are the labels of a row."""
    flags: dict[frozenset[str], list[str]] = {}
    for fact in facts.values():
        if fact.truth and fact.filled_share > 0.5:
            flags.setdefault(frozenset(text.lower() for text in fact.counts), []).append(fact.name)
    found = []
    for kind, names in flags.items():
        why = f"{len(names)} columns hold {'/'.join(sorted(kind))}"
        if len(names) >= 2:
            found.append(Candidate(LABELS, tuple(names), 70 if len(names) > 2 else 45, (why,)))
    return found


def judge(reading: Candidate, facts: Mapping[str, Facts], goal: Goal) -> Candidate:
    """Points for what the goal and the column's name say."""
    fact = facts[reading.target[0]]
    hinted = {TOKENS: goal.token, LABELS: goal.multi, VALUE: goal.value, CLASSES: goal.classes or goal.single}
    if hinted[reading.task]:
        reading = reading.plus(35, f"the goal sounds like {reading.task}")
    elif goal.any_task:
        reading = reading.plus(-15, "")
    shown = ", ".join(map(repr, reading.target))
    denied = goal.any_task and goal.value != (reading.task == VALUE)
    spelled = _is_said(goal.spells, reading.target) and not denied
    if _is_said(goal.mentions, reading.target):
        reading = reading.plus(60, f"the goal names {shown}", asked=2 if spelled else 1)
    elif _is_said(goal.asks_about, reading.target):
        reading = reading.plus(40, f"the goal asks about {shown}", asked=1)
    reading = _judge_name(reading)
    if fact.filled_share < 0.5 and fact.kind != "tokens":
        reading = reading.plus(-20, f"{reading.target[0]!r} is empty in most rows")
    if reading.task == VALUE and goal.value and re.search(_SCALE, goal.text.lower()):
        fits = fact.low >= 0 and fact.high <= 100
        reading = reading.plus(25 if fits else -15, "its range is one of a rating or score" if fits else "")
    if reading.task == LABELS:
        return _judge_meaning(reading, reading.target if len(reading.target) > 1 else fact.counts, goal)
    if reading.task != CLASSES or len(reading.target) > 1:
        return reading
    if fact.codes and fact.kind == "category":
        reading = reading.plus(-25, f"{fact.name!r} looks like codes")
    return _judge_labels(reading, fact, goal)


def _is_said(says: Callable[[str], bool], target: tuple[str, ...]) -> bool:
    """Whether a goal means these columns; many together, if it means more than one, or others have that one's words."""
    said = [name for name in target if says(name)]
    if len(said) != 1 or len(target) == 1:
        return bool(said)
    words = set(re.split(r"[\W_]+", said[0].lower()))
    return any(not words.isdisjoint(re.split(r"[\W_]+", name.lower())) for name in target if name != said[0])


def _judge_name(reading: Candidate) -> Candidate:
    if len(reading.target) > 1:
        return reading
    name = reading.target[0]
    if _is_called(name, _LABEL_NAMES):
        gold = 30 if _is_called(name, _TARGET_NAMES) else 0  # `gold_label` beside `label1`, `label2`
        return reading if reading.task == VALUE else reading.plus(40 + gold, f"it is called {name!r}", named=True)
    if _is_called(name, _TARGET_NAMES):
        return reading.plus(30, f"it is called {name!r}", named=True)
    if _is_called(name, _TOPIC_NAMES):
        return reading.plus(20, f"it is called {name!r}", named=True)
    if _is_called(name, _SIDE_NAMES) and not reading.named:
        return reading.plus(-40, f"{name!r} is rarely a target")
    return reading


def _is_called(name: str, words: frozenset[str]) -> bool:
    """Whether a word of a column name is one of these (a Chinese name only has to contain it)."""
    parts = set(re.split(rf"[^a-z{CJK}]+", re.sub(r"([a-z])([A-Z])", r"\1 \2", name).lower()))
    return not words.isdisjoint(parts | {name.lower()}) or any(not w.isascii() and w in name for w in words)


def _judge_labels(reading: Candidate, fact: Facts, goal: Goal) -> Candidate:
    named = goal.mentioned(fact.counts) if fact.unique <= 300 else []
    if named:
        reading = reading.plus(40 if fact.unique <= 30 else 10, f"the goal names its value {named[0]!r}", named=True)
    judged = _judge_meaning(reading, fact.counts, goal)
    if judged is not reading:
        return judged
    if goal.yes_or_no:
        reading = reading.plus(20 if fact.unique == 2 else -10, "the goal asks yes or no" if fact.unique == 2 else "")
    return reading


def _judge_meaning(reading: Candidate, labels: Iterable[str], goal: Goal) -> Candidate:
    """Points for labels that people write for what the goal is about; the same reading where they are none of those."""
    labels = {label.lower() for label in labels}
    for pattern, meaning in _MEANINGS:
        if len(labels & meaning) >= min(2, len(labels)) and 2 * len(labels & meaning) >= len(labels):
            if goal.text and re.search(pattern, goal.text.lower()):
                return reading.plus(40, "its values fit the goal", asked=1 if goal.value else 2)
            if meaning is _LANGUAGES:
                return reading.plus(-40, f"{reading.target[0]!r} holds languages")
    return reading
