"""Queries beside the passages that answer them: a column of short texts, and one of longer texts to be found.

Read so when the goal speaks of finding passages, and without such a goal only when both columns are called by their
names and the table holds nothing else that could be an answer: a query, a document and a label are a pair to classify.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from autogpt.core import Table
from autogpt.data.columns import Facts
from autogpt.data.goal import Goal
from autogpt.data.targets import Candidate
from autogpt.data.words import CJK, vocabulary

TASK = "text-retrieval"
_QUERIES = vocabulary("query queries question questions q search anchor 查询 问题 提问 问句 检索词 搜索词")
_PASSAGES = vocabulary(
    "passage passages document documents doc docs paragraph paragraphs context contexts article articles section page",
    "positive corpus 段落 文档 文章 上下文 篇章 材料 原文 正文",
)
_REPLIES = vocabulary("answer answers reply response solution 答案 回答 答复 解答")
_RELEVANT = vocabulary("relevance relevant relevancy qrel label 相关 相关性 是否相关 标签")
_THING = r"(passages?|documents?|docs?|paragraphs?|articles?|web ?pages?|pages?|sections?|faqs?|entr(y|ies)|answers?)"
_SEARCH = re.compile(
    rf"\bretriev|\b(semantic |text |document |passage |full.text )search|\bsearch engine\b|\brank\b.{{0,30}}\b{_THING}"
    rf"|\b(find|search|look(ing)? up|locate|match|fetch)\b.{{0,40}}\b{_THING}\b"
    rf"|\bwhich {_THING}\b.{{0,20}}\b(answer|contain|hold|say|fit)"
    r"|检索|搜索|(查找|找到|找出|寻找|匹配|查出).{0,16}(段落|文档|文章|篇章|页面|答案|条目|那段|的段)|哪(一)?(段|篇)"
)
_LONGER = 1.5  # times the words of a query, at least, where names do not tell


def readings(table: Table, facts: Mapping[str, Facts], goal: Goal) -> list[Candidate]:
    """The reading of queries and passages, if the table has them."""
    wanted = _SEARCH.search(goal.text.lower()) is not None
    texts = [name for name, fact in facts.items() if _is_text(fact)]
    query = _query(facts, texts)
    passage = _passage(facts, [name for name in texts if name != query], query, wanted=wanted)
    if query is None or passage is None:
        return []
    flags = [name for name, fact in facts.items() if fact.truth and _called(name, _RELEVANT)][:1]
    if wanted:
        why = f"the goal is to find {passage!r} by {query!r}"
        return [Candidate(TASK, (passage, *flags), 150, (why,), text=(query,), named=True)]
    named = _called(query, _QUERIES) and _called(passage, _PASSAGES)
    if named and facts[passage].words > facts[query].words and not _others(facts, {query, passage}):
        why = f"{query!r} and {passage!r} are a query and its passage by their names, and nothing else could be learned"
        return [Candidate(TASK, (passage,), 60, (why,), text=(query,))]
    return []


def _is_text(fact: Facts) -> bool:
    """Prose; a column of passages may repeat each of them so often that it looks like one of categories."""
    return fact.kind in ("text", "short") or (fact.kind == "category" and fact.words >= 4 and fact.unique > 1)


def _query(facts: Mapping[str, Facts], texts: Sequence[str]) -> str | None:
    """The column called so, otherwise the shorter of exactly two texts."""
    named = [name for name in texts if _called(name, _QUERIES)]
    if named:
        return named[0]
    return min(texts, key=lambda name: facts[name].words) if len(texts) == 2 else None


def _passage(facts: Mapping[str, Facts], texts: Sequence[str], query: str | None, *, wanted: bool) -> str | None:
    """The column called so, otherwise (when the goal asks for it) one of answers, or the longest of longer texts."""
    named = [name for name in texts if _called(name, _PASSAGES)]
    if not named and wanted:
        named = [name for name in texts if _called(name, _REPLIES)]
    if named:
        return max(named, key=lambda name: facts[name].words)
    longer = [name for name in texts if query is not None and facts[name].words >= _LONGER * facts[query].words]
    return max(longer, key=lambda name: facts[name].words) if longer and wanted else None


def _others(facts: Mapping[str, Facts], used: set[str]) -> list[str]:
    """Columns that could be something to predict: anything but codes, links, dates and what never changes."""
    dull = ("id", "url", "date", "empty", "constant", "media")
    return [name for name, fact in facts.items() if name not in used and fact.kind not in dull]


def _called(name: str, names: frozenset[str]) -> bool:
    parts = set(re.split(rf"[^a-z{CJK}]+", re.sub(r"([a-z])([A-Z])", r"\1 \2", name).lower()))
    return not names.isdisjoint(parts) or any(not word.isascii() and word in name for word in names)
