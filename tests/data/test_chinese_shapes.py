"""Chinese tables and goals: columns are called in Chinese or in English, and the goal means one of them."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest

from autogpt.data.read import read as table_of
from autogpt.data.schema import infer
from autogpt.errors import AmbiguityError

CLASSES, LABELS, VALUE, TOKENS, WRITTEN = (
    "text-classification", "multi-label-classification", "text-regression", "token-classification", "text-generation",
)  # fmt: skip
WORDS = (
    "我们", "昨天", "收到", "包裹", "屏幕", "坏了", "非常", "满意", "客服", "态度", "不好", "电影", "剧情", "无聊",
    "演员", "价格", "便宜", "快递", "太慢", "酒店", "干净", "早餐", "一般", "推荐", "朋友", "下次", "退款", "到账",
)  # fmt: skip


def said(rng: random.Random, words: int = 12) -> str:
    return "".join(rng.choice(WORDS) for _ in range(words)) + f"{rng.randint(1, 9999)}。"


def day(rng: random.Random) -> str:
    return f"2023-{rng.randint(1, 12):02d}-{rng.randint(1, 28):02d}"


def shop(rng: random.Random, i: int) -> dict[str, Any]:
    return {"cat": rng.choice(("书籍", "平板", "手机")), "label": rng.randint(0, 1), "review": said(rng)}


def ticket(rng: random.Random, i: int) -> dict[str, Any]:
    return {
        "工单号": f"GD{100000 + i}", "客户描述": said(rng), "处理部门": rng.choice(("技术部", "售后部", "财务部")),
        "优先级": rng.choice(("高", "中", "低")), "创建时间": day(rng),
    }  # fmt: skip


def goods(rng: random.Random, i: int) -> dict[str, Any]:
    price = round(rng.uniform(9, 900), 2)
    return {"商品名称": said(rng, 3), "描述": said(rng, 20), "价格": price, "销量": rng.randrange(10000)}


def patient(rng: random.Random, i: int) -> dict[str, Any]:
    return {
        "患者编号": f"P{i}", "年龄": rng.randint(1, 90), "性别": rng.choice("男女"), "症状描述": said(rng),
        "科室": rng.choice(("内科", "外科", "儿科")),
    }  # fmt: skip


def verdict(rng: random.Random, i: int) -> dict[str, Any]:
    return {
        "fact": said(rng, 30), "accusation": rng.sample(["盗窃", "故意伤害", "诈骗"], rng.choice((1, 1, 2))),
        "relevant_articles": rng.sample([264, 234, 266], 1), "term_of_imprisonment": rng.randrange(60),
    }  # fmt: skip


def helpdesk(rng: random.Random, i: int) -> dict[str, Any]:
    return {"问题": said(rng), "答案": said(rng, 20), "类别": rng.choice(("物流", "退款"))}


def rumour(rng: random.Random, i: int) -> dict[str, Any]:
    counts = {"转发数": rng.randrange(1000), "评论数": rng.randrange(300)}
    return {"微博内容": said(rng), **counts, "是否谣言": rng.randint(0, 1)}


def post(rng: random.Random, i: int) -> dict[str, Any]:
    return {"id": i, "text": said(rng), "rumor": rng.randint(0, 1), "verified": rng.randint(0, 1)}


def inference(rng: random.Random, i: int) -> dict[str, Any]:
    vote = lambda: rng.choice(("entailment", "neutral", "contradiction"))  # noqa: E731
    votes = {f"label{place}": vote() for place in range(3)}
    return {"level": "easy", "sentence1": said(rng), "sentence2": said(rng, 6), "label": vote(), **votes, "id": i}


def stretch(rng: random.Random, kinds: tuple[str, ...]) -> tuple[str, int, int, str]:
    """A text, where a stretch of it begins and ends, and its kind."""
    text = said(rng)
    start = rng.randrange(len(text) - 4)
    return text, start, start + rng.randint(1, 3), rng.choice(kinds)


def clinic(rng: random.Random, i: int) -> dict[str, Any]:
    text, start, end, kind = stretch(rng, ("bod", "dis", "sym"))
    return {
        "text": text,
        "entities": [{"start_idx": start, "end_idx": end - 1, "type": kind, "entity": text[start:end]}],
    }


def by_kind(rng: random.Random, i: int) -> dict[str, Any]:
    text, start, end, kind = stretch(rng, ("address", "name", "company"))
    return {"text": text, "label": {kind: {text[start:end]: [[start, end - 1]]}}}


Make = Callable[[random.Random, int], dict[str, Any]]
SHAPES: tuple[tuple[Make, str, str, tuple[str, ...], str], ...] = (
    (shop, "判断评论的情感", CLASSES, ("review",), "label"),
    (shop, "评论属于哪个商品类别", CLASSES, ("review",), "cat"),
    (ticket, "把工单分给处理部门", CLASSES, ("客户描述",), "处理部门"),
    (ticket, "分派到正确的部门", CLASSES, ("客户描述",), "处理部门"),
    (ticket, "route tickets to the right department", CLASSES, ("客户描述",), "处理部门"),
    (ticket, "预测优先级", CLASSES, ("客户描述",), "优先级"),
    (goods, "根据描述预测价格", VALUE, ("描述",), "价格"),
    (patient, "分诊到哪个科室", CLASSES, ("症状描述",), "科室"),
    (verdict, "预测罪名", LABELS, ("fact",), "accusation"),
    (helpdesk, "回答客户的问题", WRITTEN, ("问题",), "答案"),
    (helpdesk, "判断问题的类别", CLASSES, ("问题",), "类别"),
    (rumour, "这条微博是不是谣言", CLASSES, ("微博内容",), "是否谣言"),
    (post, "识别谣言", CLASSES, ("text",), "rumor"),
    (inference, "判断前提是否蕴含假设", CLASSES, ("sentence1", "sentence2"), "label"),
    (clinic, "命名实体识别", TOKENS, ("text",), "entities"),
    (by_kind, "命名实体识别", TOKENS, ("text",), "label"),
)


@pytest.mark.parametrize(
    ("make", "goal", "task", "text", "target"), SHAPES, ids=[f"{shape[0].__name__}:{shape[1]}" for shape in SHAPES]
)
def test_the_column_that_is_meant_is_found(
    make: Make, goal: str, task: str, text: tuple[str, ...], target: str
) -> None:
    rng = random.Random(0)
    schema = infer(table_of([make(rng, place) for place in range(300)]), goal=goal).schema
    assert (schema.task, set(schema.text), schema.target) == (task, set(text), (target,))


@pytest.mark.parametrize(("make", "goal"), [(ticket, ""), (ticket, "分析工单")])
def test_where_more_than_one_may_be_meant_it_is_asked(make: Make, goal: str) -> None:
    rng = random.Random(0)
    with pytest.raises(AmbiguityError, match="candidates"):
        infer(table_of([make(rng, place) for place in range(300)]), goal=goal)
