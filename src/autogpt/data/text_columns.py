"""Which column (or which two) a model should read."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from itertools import combinations

from autogpt.core import Row, Table
from autogpt.data.columns import Facts, sample_rows
from autogpt.data.goal import Goal
from autogpt.data.words import as_text, is_missing, vocabulary, words
from autogpt.errors import AmbiguityError, SchemaError

_TEXT_NAMES = vocabulary(
    "text sentence review comment message content body tweet utterance query document description post question",
    "文本 内容 评论 正文 句子 消息 描述 微博 问题 留言",
)
_TITLE_NAMES = vocabulary("title subject headline heading summary caption", "标题 主题 题目 摘要")
_ASKS = re.compile(r"[?？]\s*$|^(who|what|when|where|which|why|how|is|are|do|does|did|can)\b|[吗呢谁么]", re.IGNORECASE)

_TWINS = ({"premise", "hypothesis"}, {"query", "document"}, {"query", "passage"}, {"question", "passage"},
          {"question", "context"}, {"claim", "evidence"}, {"前提", "假设"})  # fmt: skip
_WHO = re.compile(
    r"annotat|worker|labell?er|rater|judge|reviewer|user|author|source|batch|split|fold|标注|用户|来源", re.I
)
_LEAST_UNCLEAR, _UNCLEAR, _CLEARED, _TOLD = 20, 0.1, 0.1, 0.5
"""A second text is looked for from so many rows (share) on that have another label than a row with the same text; it
must leave at most this share of them, and by itself tell at most this share of the labels."""
_PLACEHOLDER = re.compile(r"\[[A-Z_ ]{2,}\]|\{\w*\}|<[A-Za-z]+>|_{3,}|\bX{3,}\b")


def text_candidates(facts: Mapping[str, Facts], *, exclude: Collection[str]) -> list[tuple[str, float]]:
    """Columns that can be read as text, with how much each says (words x uniqueness), most first."""
    kinds: tuple[tuple[str, ...], ...] = (("text",), ("short",), ("category", "constant"))
    for kind in kinds:
        found = [
            (name, fact.words * fact.unique_share)
            for name, fact in facts.items()
            if fact.kind in kind and name not in exclude and not fact.truth
        ]
        if found:
            return sorted(found, key=lambda item: (-item[1], item[0]))
    return []


def choose_text(
    table: Table, facts: Mapping[str, Facts], *, goal: Goal, target: Collection[str], reasons: list[str]
) -> tuple[str, ...]:
    """The text columns; reasons are appended. AmbiguityError when several are equally likely."""
    names = [name for name, _ in text_candidates(facts, exclude=target)]
    if not names:
        kinds = ", ".join(f"{name!r} ({fact.kind})" for name, fact in facts.items())
        raise SchemaError(f"{table.origin}: no column holds text; columns: {kinds}; set --text to use one all the same")
    names = _without_derived(table, facts, names, reasons)
    if len(names) == 1:
        reasons.append(f"text is {names[0]!r}: {_about(facts[names[0]])}")
        return (names[0],)
    mentioned = [name for name in names if goal.mentions(name)]
    if len(mentioned) == 1 and not goal.pair:
        reasons.append(f"text is {mentioned[0]!r}: the goal names it")
        return (mentioned[0],)
    if len(mentioned) == 2:
        return _pair(mentioned, table, reasons, "the goal names both")
    if found := _pair_of(table, facts, names, goal, reasons):
        return found
    longest, second = names[0], names[1]
    if not goal.pair:
        named = [name for name in names if _has_text_name(name)]
        if len(named) == 1 and facts[named[0]].words >= 0.5 * facts[longest].words:
            reasons.append(f"text is {named[0]!r}: its name says so, and {_about(facts[named[0]])}")
            return (named[0],)
        weight = dict(text_candidates(facts, exclude=target))
        if weight[longest] >= 3 * weight[second]:
            reasons.append(f"text is {longest!r}: {_about(facts[longest])}, far more than {second!r}; both: --text A,B")
            return (longest,)
    both = ",".join(name for name in table.columns if name in (longest, second))
    raise AmbiguityError(
        f"{table.origin}: several columns hold text ({', '.join(map(repr, names))}); "
        f"set --text to one of them, or to two for pairs ({both})",
        question="text", candidates=(*names, both), flag="--text",
    )  # fmt: skip


def beside(table: Table, facts: Mapping[str, Facts], text: str, target: Collection[str]) -> str | None:
    """A column that is the title of `text` (by its name, and shorter), if there is just one: both are one text."""
    found = [
        name
        for name, fact in facts.items()
        if name != text
        and name not in target
        and set(re.split(r"[^a-z\u4e00-\u9fff]+", name.lower())) & _TITLE_NAMES
        and fact.kind in ("text", "short")
        and fact.unique_share >= 0.5
        and 1.5 <= fact.words < facts[text].words
        and overlap(table, name, text) < 0.8
    ]
    return found[0] if len(found) == 1 else None


def topic(table: Table, facts: Mapping[str, Facts], text: str, target: str) -> str | None:
    """The column that says what a label is about, where one text has several: "good food, slow service" is positive of
    the food and negative of the service.

    It must tell (nearly) all such rows apart, and many of them; who labelled a row does so as well, and is left out.
    What tells the label by itself (a finer one) is no topic.
    """
    rows = [table.rows[place] for place in sample_rows(len(table.rows), 5000)]
    rows = [row for row in rows if not (is_missing(row.get(text)) or is_missing(row.get(target)))]
    unclear = _unclear(rows, (text,), target)
    if unclear < max(_LEAST_UNCLEAR, _UNCLEAR * len(rows)):
        return None
    found = []
    for name, fact in facts.items():
        repeats = fact.kind in ("category", "text", "short") and fact.unique_share <= 0.5 and not fact.codes
        if name in (text, target) or not repeats or fact.filled_share <= 0.9 or _WHO.search(name):
            continue
        if _told(rows, name, target) <= _TOLD:
            found.append((_unclear(rows, (text, name), target), fact.unique, name))
    left, _, name = min(found, default=(unclear, 0, ""))
    return name if left <= _CLEARED * unclear else None


def _told(rows: Sequence[Row], name: str, target: str) -> float:
    """Share of the labels beside the commonest that the column tells by itself."""
    labels: dict[str, Counter[str]] = defaultdict(Counter)
    for row in rows:
        labels[as_text(row.get(name))][as_text(row.get(target))] += 1
    common = sum(labels.values(), Counter()).most_common(1)[0][1]
    told = sum(counts.most_common(1)[0][1] for counts in labels.values())
    return (told - common) / max(1, len(rows) - common)


def _unclear(rows: Sequence[Row], columns: tuple[str, ...], target: str) -> int:
    """How many rows share these columns with a row that has another label."""
    answers: dict[tuple[str, ...], set[str]] = defaultdict(set)
    for row in rows:
        answers[tuple(as_text(row.get(name)) for name in columns)].add(as_text(row.get(target)))
    return sum(len(answers[tuple(as_text(row.get(name)) for name in columns)]) > 1 for row in rows)


def overlap(table: Table, a: str, b: str, *, shift: int = 0, rows: int = 300) -> float:
    """Mean Jaccard similarity of the words of two columns in one row (or in rows `shift` places apart)."""
    places = sample_rows(len(table.rows), rows)
    left = [set(words(as_text(table.rows[place].get(a)).lower())) for place in places]
    right = [set(words(as_text(table.rows[place].get(b)).lower())) for place in places]
    right = right[shift:] + right[:shift]
    scores = [len(x & y) / len(x | y) for x, y in zip(left, right, strict=True) if x and y]
    return sum(scores) / len(scores) if scores else 0.0


def _without_derived(table: Table, facts: Mapping[str, Facts], names: list[str], reasons: list[str]) -> list[str]:
    """Drop columns that only repeat another one (lower-cased, cleaned, templated), and names beside prose."""
    if any(facts[name].prose >= 0.4 for name in names):
        bare = [name for name in names if facts[name].prose < 0.15]
        reasons += [f"{name!r} holds names rather than text and is left out" for name in bare]
        names = [name for name in names if name not in bare]
    kept: list[str] = []
    marked = {name: _is_marked_up(table, name) for name in names}
    places = {name: place for place, name in enumerate(table.columns)}
    for name in sorted(names, key=lambda name: (-round(facts[name].unique_share, 1), marked[name], places[name])):
        twin = next((other for other in kept if _repeats(table, name, other)), None)
        if twin is None:
            kept.append(name)
        else:
            reasons.append(f"{name!r} repeats {twin!r} and is left out")
    return [name for name in names if name in kept]


def _is_marked_up(table: Table, name: str) -> bool:
    """Whether texts are full of tags or brackets: HTML, or a parse, of what another column has as it is."""
    texts = [as_text(table.rows[place].get(name)) for place in sample_rows(len(table.rows), 100)]
    marks = sum(len(re.findall(r"</?[a-z]\w*[^<>]*>|[()]", text)) for text in texts)
    return marks > 0.3 * sum(len(text.split()) for text in texts)


def _repeats(table: Table, name: str, other: str) -> bool:
    """Whether `name` is another form of `other`: nearly the same words, or some words replaced by place-holders."""
    shared = overlap(table, name, other)
    templated = _placeholder_share(table, name) >= 0.5 and _placeholder_share(table, other) <= 0.05
    return shared >= 0.8 or (templated and shared >= 0.15)


def _placeholder_share(table: Table, name: str) -> float:
    texts = [as_text(table.rows[place].get(name)) for place in sample_rows(len(table.rows), 300)]
    return sum(_PLACEHOLDER.search(text) is not None for text in texts) / max(1, len(texts))


def _pair_of(
    table: Table, facts: Mapping[str, Facts], names: list[str], goal: Goal, reasons: list[str]
) -> tuple[str, ...] | None:
    """Two columns that are about each other: they share words within a row, or their names or the goal say so."""
    rows = len(sample_rows(len(table.rows), 300))
    ranked = []
    for a, b in combinations(names, 2):
        shared = overlap(table, a, b) - overlap(table, a, b, shift=max(1, rows // 2))
        ranked.append((shared, a, b))
    ranked.sort(reverse=True)
    shared, a, b = ranked[0]
    if len(ranked) > 1 and shared - ranked[1][0] < 0.1:
        return None
    ratio = max(facts[a].words, facts[b].words) / max(1e-9, min(facts[a].words, facts[b].words))
    fewer, more = sorted((facts[a].unique_share, facts[b].unique_share))
    if goal.pair and (len(names) == 2 or shared >= 0.05):
        return _pair([a, b], table, reasons, "the goal is about two texts")
    if _twin_names(a, b):
        return _pair([a, b], table, reasons, "their names belong together")
    short = a if facts[a].words < facts[b].words else b
    if shared >= 0.03 and ratio > 2 and question_share(table, short) >= 0.6:
        return _pair([a, b], table, reasons, f"{short!r} holds questions to the other")
    if shared >= 0.1 and ratio <= 3 and fewer >= 0.5 * more:
        return _pair([a, b], table, reasons, f"they share {shared:.0%} more words than by chance")
    return None


def _pair(names: list[str], table: Table, reasons: list[str], why: str) -> tuple[str, ...]:
    ordered = tuple(name for name in table.columns if name in names)
    reasons.append(f"text is the pair {' and '.join(map(repr, ordered))}: {why}")
    return ordered


def _twin_names(a: str, b: str) -> bool:
    """`sentence1`/`sentence2`, `text_a`/`text_b`, `premise`/`hypothesis`."""
    if {a.lower(), b.lower()} in _TWINS:
        return True
    stem_a, stem_b = (re.sub(r"[_\s-]?([12AaBb一二])$", "", name) for name in (a, b))
    return a != b and stem_a == stem_b and len(stem_a) >= 3


def question_share(table: Table, name: str) -> float:
    """Share of a column's texts that ask something."""
    texts = [as_text(table.rows[place].get(name)) for place in sample_rows(len(table.rows), 200)]
    return sum(_ASKS.search(text.strip()) is not None for text in texts) / max(1, len(texts))


def _has_text_name(name: str) -> bool:
    parts = set(re.split(r"[^a-z]+", name.lower()))
    return bool(parts & _TEXT_NAMES) or any(word in name for word in _TEXT_NAMES if not word.isascii())


def _about(fact: Facts) -> str:
    return f"{fact.unique_share:.0%} of its values are unique, {fact.words:.0f} words on average"
