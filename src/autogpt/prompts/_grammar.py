"""Templates around a label's word, by language: what a text could be said to be, to be about, or to want.

`{label}` is the label's word and `{subject}` what the goal, or a column, calls the texts or their matter. The first
templates are the commonest. No template knows whether its label is an adjective, a thing or a wish: those that do not
fit are sorted out by the search.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

CJK = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff"
ENGLISH = (
    "{label}",
    "This is {label}.",
    "This text is about {label}.",
    "The topic is {label}.",
    "It is {label}.",
    "an example of {label}",
    "a kind of {label}",
    "category: {label}",
    "I think it is {label}.",
    "I feel {label} about it.",
    "I have a question about {label}.",
    "I need help with {label}.",
    "I want to say: {label}",
)
ENGLISH_SUBJECT = (
    "{label} {subject}",
    "{subject}: {label}",
    "a {subject} that is {label}",
    "a {subject} about {label}",
    "The {subject} is {label}.",
    "This {subject} is about {label}.",
    "The {subject} mentions {label}.",
    "I think the {subject} is {label}.",
    "{label} of the {subject}",
    "what the {subject} says about {label}",
)
CHINESE = (
    "{label}",
    "这是{label}。",
    "这段文字是关于{label}的。",
    "主题：{label}",
    "类别：{label}",
    "{label}的例子",
    "我觉得{label}。",
    "我想问关于{label}的问题。",
    "我需要{label}。",
)
CHINESE_SUBJECT = (
    "{label}的{subject}",
    "{subject}：{label}",
    "这{subject}是{label}的。",
    "关于{label}的{subject}",
    "这{subject}说的是{label}。",
    "{subject}里提到了{label}。",
    "我觉得这{subject}{label}。",
)
CLOZE = (
    "{text} It was {label}.",
    "{text} All in all, it was {label}.",
    "{text} In summary: {label}.",
    "{text} Just {label}!",
    "{text} This is {label}.",
    "{text} It is about {label}.",
    "{text} The topic is {label}.",
    "Category: {label}. {text}",
    "[{label}] {text}",
    "A {label} text: {text}",
)
CLOZE_SUBJECT = (
    "{text} A {label} {subject}.",
    "{text} The {subject} is {label}.",
    "{text} It is a {subject} about {label}.",
    "A {label} {subject}: {text}",
)
CLOZE_PAIR = (
    "{text} {label}, {text_pair}",
    "{text}? {label}, {text_pair}",
    "{text} / {text_pair} That is {label}.",
)
CLOZE_CHINESE = (
    "{text}。这很{label}。",
    "{text}。总之，{label}。",
    "{text}。这是{label}。",
    "{text}。这是关于{label}的。",
    "{label}：{text}",
    "类别：{label}。{text}",
)
CLOZE_CHINESE_SUBJECT = (
    "{text}。这{subject}是{label}的。",
    "{text}。这条{subject}很{label}。",
    "{label}的{subject}：{text}",
)
CLOZE_CHINESE_PAIR = (
    "{text}？{label}，{text_pair}",
    "{text}。{label}。{text_pair}",
)
QUESTIONS = (
    "Is this {subject} {choice}?",
    "Is this {subject} {first}?",
    "Which of these fits the {subject} best: {choice}?",
    "Read the {subject}. Decide: {choice}?",
    "What is the {subject} about, or what does it say: {choice}?",
)
QUESTIONS_CHINESE = (
    "这条{subject}是{choice}？",
    "这条{subject}是{first}的吗？",
    "请判断这条{subject}属于哪一类：{choice}？",
    "读完这条{subject}，最合适的说法是哪一个：{choice}？",
)
_STOP = frozenset(
    """a an the of to in on by for with from and or is are was be it its this that these those each every all any into
    which what who how why whether if not no one two us we you i me my our your their his her as at do does did has have
    had can could should would will please want wants need needs give given find out tell say says said classify sort
    predict detect identify decide recognise recognize assign label labels tag route filter flag determine distinguish
    between about asks ask asking text texts column data set dataset row rows kind kinds type types class classes
    category categories right correct according they them there here using use used based more less than s""".split()  # noqa: SIM905
)
_STOP_CJK = re.compile(
    "判断|识别|区分|预测|分类|分成|分到|归类|找出|找到|请|把|将|对|给|按照|按|根据|一条|这条|每条|每个|这个|一个|一段|这段|是否|还是"
    "|或者|或|与|和|以及|及|哪一类|哪类|哪个|什么|属于|关于|文本|数据|标签|类别|种类|的|是|为|在|到|里|中|成|我|你|他|它|们|所有|进行"
)
MOST_SUBJECTS = 3


def chinese(text: str) -> bool:
    """Whether at least a third of the letters are Chinese characters."""
    letters = re.findall(r"\w", text)
    return bool(letters) and 3 * len(re.findall(f"[{CJK}]", text)) >= len(letters)


def subjects(goal: str, columns: Sequence[str], labels: Sequence[str]) -> list[str]:
    """What a goal sentence calls the texts and their matter: its runs of words that are neither function words nor
    labels, the last word without a plural s. Columns' names speak where the goal says nothing."""
    known = {word for label in labels for word in re.findall(r"\w+", label.casefold())}
    for said in (goal, *columns):
        found = _chinese_runs(said, labels) if chinese(said) else _runs(said, known)
        if found:
            return found[:MOST_SUBJECTS]
    return []


def _runs(said: str, known: set[str]) -> list[str]:
    runs: list[list[str]] = [[]]
    for word in re.findall(r"[^\W_]+(?:['’][^\W_]+)?|[^\w\s]", said.replace("_", " ").casefold()):
        if word in _STOP or word in known or word.rstrip("s") in known or not word[0].isalnum():
            runs.append([])
        else:
            runs[-1].append(word)
    return list(dict.fromkeys(" ".join([*run[:-1], _one(run[-1])]) for run in runs if run))


def _one(word: str) -> str:
    """A noun without its plural ending, where dropping an s is all of it."""
    plural = len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is", "ies", "'s", "’s"))
    return word[:-1] if plural else word


def _chinese_runs(said: str, labels: Sequence[str]) -> list[str]:
    for label in sorted(labels, key=len, reverse=True):
        said = said.replace(label, " ")
    return list(dict.fromkeys(re.findall(f"[{CJK}]+|[A-Za-z0-9]+", _STOP_CJK.sub(" ", said))))
