"""Task and columns are read off the values, the names and the goal; what is unclear is asked, never guessed."""

from __future__ import annotations

import random
import re
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from autogpt.config import Columns
from autogpt.core import Schema, Table
from autogpt.data.schema import infer
from autogpt.errors import AmbiguityError, ConfigError, SchemaError

CLASSES, LABELS, VALUE, TOKENS = (
    "text-classification", "multi-label-classification", "text-regression", "token-classification",
)  # fmt: skip

SUBJECTS = ("parcel", "invoice", "password", "account", "payment", "router", "screen", "battery", "delivery", "refund")
VERBS = (
    "is broken",
    "never arrived",
    "does not work",
    "was charged twice",
    "looks great",
    "needs an update",
    "got lost",
)
TOPIC_WORDS = {
    "billing": ["invoice", "charged", "twice", "refund", "money", "payment", "card", "fee"],
    "shipping": ["parcel", "delivery", "courier", "late", "arrived", "package", "address", "tracking"],
    "login": ["password", "account", "locked", "reset", "email", "code", "sign", "verify"],
    "hardware": ["screen", "battery", "cable", "router", "broken", "keyboard", "noise", "heat"],
}
FILLER = ["the", "my", "please", "i", "have", "a", "and", "it", "was", "today", "again", "with", "for", "very", "still"]
CHINESE = {
    "物流": ["快递", "包裹", "发货", "送到", "物流", "太慢", "地址", "签收"],
    "质量": ["质量", "破损", "开裂", "做工", "材料", "掉色", "坏了", "粗糙"],
    "价格": ["价格", "便宜", "优惠", "太贵", "打折", "划算", "差价", "退款"],
}


def topic_text(rng: random.Random, topic: str, words: int = 9) -> str:
    chosen = [rng.choice(TOPIC_WORDS[topic] if rng.random() < 0.45 else FILLER) for _ in range(words)]
    return " ".join(chosen) + rng.choice(".!?") + f" {rng.randint(1, 9999)}"


def chinese_text(rng: random.Random, topic: str) -> str:
    return "，".join(rng.choice(CHINESE[topic]) + rng.choice("了的吗啊呢吧") for _ in range(rng.randint(3, 6))) + "。"


def sentence(rng: random.Random) -> str:
    return f"the {rng.choice(SUBJECTS)} from {rng.choice(SUBJECTS)} number {rng.randint(1, 10**6)} {rng.choice(VERBS)}"


def date(rng: random.Random) -> str:
    return f"2024-{rng.randint(1, 12):02}-{rng.randint(1, 28):02}"


def topics(rng: random.Random, rows: int) -> list[str]:
    return [rng.choice(list(TOPIC_WORDS)) for _ in range(rows)]


def tickets(rng: random.Random) -> list[dict[str, Any]]:
    return [
        {
            "id": 5000 + i,
            "opened": date(rng),
            "agent": rng.choice(["Ann", "Bob", "Cy", "Dee"]),
            "message": topic_text(rng, t),
            "queue": t,
        }
        for i, t in enumerate(topics(rng, 300))
    ]


def reviews(rng: random.Random) -> list[dict[str, Any]]:
    return [
        {"product": f"B00{rng.randint(100, 160)}X", "review": sentence(rng), "stars": rng.randint(1, 5)}
        for _ in range(200)
    ]


def chinese(rng: random.Random) -> list[dict[str, Any]]:
    found = [rng.choice(list(CHINESE)) for _ in range(200)]
    return [{"编号": i, "评论": chinese_text(rng, t), "类别": t} for i, t in enumerate(found)]


def logs(rng: random.Random) -> list[dict[str, Any]]:
    levels = [rng.choice(["INFO", "WARN", "ERROR"]) for _ in range(300)]
    said = {"INFO": "request served in", "WARN": "slow query took", "ERROR": "exception raised after"}
    return [
        {"ts": f"2024-05-01T{rng.randint(0, 23):02}:{rng.randint(0, 59):02}:00Z", "host": f"web-{rng.randint(10, 14)}",
         "line": f"{said[level]} {rng.randint(1, 9999)} ms at {rng.choice(SUBJECTS)}", "level": level}
        for level in levels
    ]  # fmt: skip


def flags(rng: random.Random) -> list[dict[str, Any]]:
    return [
        {"url": f"https://t.co/{rng.getrandbits(40):x}", "tweet": sentence(rng), "v": rng.choice([0, 0, 0, 1])}
        for _ in range(150)
    ]


def survey(rng: random.Random) -> list[dict[str, Any]]:
    return [
        {
            "respondent": i,
            "age": rng.randint(18, 90),
            "answer": sentence(rng),
            "satisfaction": rng.choice([1, 2, 3, 4, 5, 6, 7]),
        }
        for i in range(200)
    ]


def emails(rng: random.Random) -> list[dict[str, Any]]:
    return [
        {
            "mail": topic_text(rng, t, 30),
            "reply": "dear customer " + topic_text(rng, rng.choice(list(TOPIC_WORDS)), 25),
            "kind": t,
        }
        for t in topics(rng, 200)
    ]


def indexed(rng: random.Random) -> list[dict[str, Any]]:
    return [{"": str(i), "a": topic_text(rng, t), "b": t} for i, t in enumerate(topics(rng, 120))]


def multi_cell(rng: random.Random) -> list[dict[str, Any]]:
    return [
        {"x1": sentence(rng), "x2": "|".join(sorted(rng.sample(list(TOPIC_WORDS), rng.randint(1, 3))))}
        for _ in range(150)
    ]


def multi_comma(rng: random.Random) -> list[dict[str, Any]]:
    return [
        {"x1": sentence(rng), "x2": ", ".join(rng.sample(list(TOPIC_WORDS), rng.randint(1, 3)))} for _ in range(150)
    ]


def multi_list(rng: random.Random) -> list[dict[str, Any]]:
    return [{"t": sentence(rng), "z": rng.sample(list(TOPIC_WORDS), rng.randint(0, 3))} for _ in range(150)]


def multi_flags(rng: random.Random) -> list[dict[str, Any]]:
    return [
        {"comment": sentence(rng), **{name: int(rng.random() < 0.3) for name in ("toxic", "insult", "threat", "spam")}}
        for _ in range(150)
    ]


def multi_chinese(rng: random.Random) -> list[dict[str, Any]]:
    return [
        {
            "c2": "、".join(rng.sample(list(CHINESE), rng.randint(1, 2))),
            "c1": chinese_text(rng, rng.choice(list(CHINESE))),
        }
        for _ in range(150)
    ]


def places(rng: random.Random) -> list[dict[str, Any]]:
    cities = {
        "Paris, France": "seine louvre",
        "Lyon, France": "rhone silk",
        "Rome, Italy": "tiber forum",
        "Oslo, Norway": "fjord ski",
    }
    return [
        {"note": f"{rng.choice(v.split())} {sentence(rng)}", "where": k}
        for k, v in rng.choices(list(cities.items()), k=200)
    ]


def paths(rng: random.Random) -> list[dict[str, Any]]:
    kinds = ["home/garden", "home/kitchen", "home", "toys", "toys/games", "books/novels", "books"]
    return [{"title": sentence(rng), "shelf": rng.choice(kinds)} for _ in range(200)]


def numbers(rng: random.Random) -> list[dict[str, Any]]:
    return [{"k1": sentence(rng), "k2": round(rng.uniform(3, 900), 2)} for _ in range(150)]


def number_strings(rng: random.Random) -> list[dict[str, Any]]:
    return [{"k1": sentence(rng), "k2": f"{rng.uniform(0, 1):.3f}"} for _ in range(150)]


def two_numbers(rng: random.Random) -> list[dict[str, Any]]:
    return [
        {"k1": sentence(rng), "k2": round(rng.gauss(50, 9), 1), "k3": round(rng.expovariate(0.01), 1)}
        for _ in range(150)
    ]


def pairs(rng: random.Random) -> list[dict[str, Any]]:
    found = []
    for _ in range(200):
        first = sentence(rng)
        same = rng.random() < 0.5
        second = first.replace("the ", "this ").replace("number", "no") if same else sentence(rng)
        found.append({"u": first, "w": second, "r": "same" if same else "other"})
    return found


def premises(rng: random.Random) -> list[dict[str, Any]]:
    words = ["entailment", "neutral", "contradiction"]
    return [
        {"premise": sentence(rng) + " and " + sentence(rng), "hypothesis": sentence(rng), "label": rng.choice(words)}
        for _ in range(200)
    ]


def tagged(rng: random.Random) -> list[dict[str, Any]]:
    found = []
    for _ in range(100):
        words = sentence(rng).split()
        found.append({"m": words, "n": ["B-OBJ" if w in SUBJECTS else "O" for w in words]})
    return found


def tagged_strings(rng: random.Random) -> list[dict[str, Any]]:
    return [{"q2": " ".join(row["n"]), "q1": " ".join(row["m"])} for row in tagged(rng)]


def part_of_speech(rng: random.Random) -> list[dict[str, Any]]:
    kinds = {"the": "DET", "from": "ADP", "number": "NOUN"}
    return [
        {
            "w": row["m"],
            "p": [kinds.get(w, "NOUN" if w in SUBJECTS else "NUM" if w.isdigit() else "VERB") for w in row["m"]],
        }
        for row in tagged(rng)
    ]


def spanned(rng: random.Random) -> list[dict[str, Any]]:
    found = []
    for i in range(100):
        text = sentence(rng)
        word = rng.choice([w for w in text.split() if w in SUBJECTS])
        found.append(
            {
                "id": i,
                "s": text,
                "e": [{"start": text.index(word), "end": text.index(word) + len(word), "label": "THING"}],
            }
        )
    return found


def sessions(rng: random.Random) -> list[dict[str, Any]]:
    users = [f"user_{rng.randint(1000, 1060)}" for _ in range(300)]
    return [
        {"uid": user, "text": topic_text(rng, t), "label": t} for user, t in zip(users, topics(rng, 300), strict=True)
    ]


def with_split(rng: random.Random) -> list[dict[str, Any]]:
    return [
        {"a": topic_text(rng, t), "b": t, "c": rng.choice(["train", "train", "train", "dev", "test"])}
        for t in topics(rng, 200)
    ]


def uuids(rng: random.Random) -> list[dict[str, Any]]:
    return [
        {"key": str(uuid.UUID(int=rng.getrandbits(128))), "body": topic_text(rng, t), "team": t}
        for t in topics(rng, 150)
    ]


def languages(rng: random.Random) -> list[dict[str, Any]]:
    words = {"en": "the dog runs fast over", "de": "der hund rennt schnell ueber", "fr": "le chien court vite sur"}
    return [
        {"lang": lang, "t": f"{words[lang]} {topic_text(rng, topic)}", "y": topic}
        for topic in topics(rng, 240) for lang in [rng.choice(list(words))]
    ]  # fmt: skip


def titled(rng: random.Random) -> list[dict[str, Any]]:
    return [
        {"p": " ".join(topic_text(rng, t, 4).split()[:4]), "q": topic_text(rng, t, 60), "r": t}
        for t in topics(rng, 200)
    ]


def cleaned(rng: random.Random) -> list[dict[str, Any]]:
    raw = [(topic_text(rng, t, 12), t) for t in topics(rng, 200)]
    return [{"raw": text.upper(), "clean": text.lower().rstrip(".!?"), "cls": t} for text, t in raw]


def class_numbers(rng: random.Random) -> list[dict[str, Any]]:
    order = list(TOPIC_WORDS)
    return [{"text": topic_text(rng, t), "label": order.index(t)} for t in topics(rng, 200)]


def few_rows(rng: random.Random) -> list[dict[str, Any]]:
    return [{"b": t, "a": topic_text(rng, t)} for t in list(TOPIC_WORDS) * 3]


def names_only(rng: random.Random) -> list[dict[str, Any]]:
    ends = {"it": "o", "jp": "ko", "de": "er"}
    return [
        {"n": "".join(rng.choices("abdelmnrst", k=5)).title() + end, "origin": o}
        for o, end in rng.choices(list(ends.items()), k=300)
    ]


def priorities(rng: random.Random) -> list[dict[str, Any]]:
    return [{"c1": topic_text(rng, t), "c2": t, "c3": rng.choice(["low", "medium", "high"])} for t in topics(rng, 300)]


def urgencies(rng: random.Random) -> list[dict[str, Any]]:
    said = {"low": "whenever you can", "medium": "this week", "high": "right now at once"}
    levels = [rng.choice(list(said)) for _ in range(300)]
    return [
        {"c1": f"{topic_text(rng, t)} {said[p]}", "c2": t, "c3": p}
        for t, p in zip(topics(rng, 300), levels, strict=True)
    ]


def half_steps(rng: random.Random) -> list[dict[str, Any]]:
    return [{"text": sentence(rng), "score": rng.randint(2, 10) / 2} for _ in range(200)]


@dataclass(frozen=True)
class Shape:
    rows: Callable[[random.Random], list[dict[str, Any]]]
    task: str
    text: tuple[str, ...]
    target: tuple[str, ...]
    goal: str = ""


CLEAR = [
    Shape(tickets, CLASSES, ("message",), ("queue",), "route tickets to the right queue"),
    Shape(tickets, CLASSES, ("message",), ("queue",)),
    Shape(reviews, VALUE, ("review",), ("stars",), "predict the star rating"),
    Shape(reviews, CLASSES, ("review",), ("stars",), "classify reviews by stars"),
    Shape(reviews, VALUE, ("review",), ("stars",), "预测用户的评分"),
    Shape(chinese, CLASSES, ("评论",), ("类别",)),
    Shape(chinese, CLASSES, ("评论",), ("类别",), "把评论分类"),
    Shape(logs, CLASSES, ("line",), ("level",), "classify log lines by level"),
    Shape(flags, CLASSES, ("tweet",), ("v",)),
    Shape(flags, CLASSES, ("tweet",), ("v",), "is it fraud?"),
    Shape(survey, VALUE, ("answer",), ("satisfaction",), "estimate how satisfied people are: satisfaction"),
    Shape(indexed, CLASSES, ("a",), ("b",)),
    Shape(multi_cell, LABELS, ("x1",), ("x2",)),
    Shape(multi_cell, LABELS, ("x1",), ("x2",), "tag each message with all topics that apply"),
    Shape(multi_comma, LABELS, ("x1",), ("x2",)),
    Shape(multi_list, LABELS, ("t",), ("z",)),
    Shape(multi_flags, LABELS, ("comment",), ("toxic", "insult", "threat", "spam")),
    Shape(multi_chinese, LABELS, ("c1",), ("c2",), "多标签分类"),
    Shape(multi_chinese, LABELS, ("c1",), ("c2",)),
    Shape(places, CLASSES, ("note",), ("where",)),
    Shape(paths, CLASSES, ("title",), ("shelf",)),
    Shape(numbers, VALUE, ("k1",), ("k2",)),
    Shape(numbers, VALUE, ("k1",), ("k2",), "predict the price"),
    Shape(number_strings, VALUE, ("k1",), ("k2",)),
    Shape(pairs, CLASSES, ("u", "w"), ("r",), "do the two sentences mean the same thing"),
    Shape(pairs, CLASSES, ("u", "w"), ("r",), "两个句子是否同义"),
    Shape(premises, CLASSES, ("premise", "hypothesis"), ("label",)),
    Shape(tagged, TOKENS, ("m",), ("n",)),
    Shape(tagged, TOKENS, ("m",), ("n",), "find product names"),
    Shape(tagged_strings, TOKENS, ("q1",), ("q2",)),
    Shape(part_of_speech, TOKENS, ("w",), ("p",), "part of speech tagging"),
    Shape(spanned, TOKENS, ("s",), ("e",), "mark the things people talk about"),
    Shape(spanned, TOKENS, ("s",), ("e",)),
    Shape(sessions, CLASSES, ("text",), ("label",)),
    Shape(with_split, CLASSES, ("a",), ("b",)),
    Shape(uuids, CLASSES, ("body",), ("team",)),
    Shape(languages, CLASSES, ("t",), ("y",), "classify by topic"),
    Shape(languages, CLASSES, ("t",), ("lang",), "which language is the text in"),
    Shape(titled, CLASSES, ("q",), ("r",)),
    Shape(titled, CLASSES, ("p", "q"), ("r",), "classify from p and q"),
    Shape(class_numbers, CLASSES, ("text",), ("label",)),
    Shape(few_rows, CLASSES, ("a",), ("b",)),
    Shape(names_only, CLASSES, ("n",), ("origin",)),
    Shape(priorities, CLASSES, ("c1",), ("c3",), "predict the priority"),
    Shape(priorities, CLASSES, ("c1",), ("c2",), "sort the tickets"),
    Shape(urgencies, CLASSES, ("c1",), ("c3",), "how urgent is it"),
    Shape(half_steps, VALUE, ("text",), ("score",)),
]

UNCLEAR = [
    (reviews, "", "task"),
    (two_numbers, "", "target"),
    (two_numbers, "predict the number", "target"),
    (survey, "", "task"),
    (emails, "", "text"),
    (urgencies, "sort the tickets", "target"),
    (few_rows, "find person names", "target"),
]


def as_table(rows: list[dict[str, Any]], rng: random.Random) -> Table:
    columns = list(rows[0])
    rng.shuffle(columns)
    return Table([{column: row[column] for column in columns} for row in rows], tuple(columns), "made.csv")


def read(shape: Shape, seed: int) -> Schema:
    rng = random.Random(seed)
    return infer(as_table(shape.rows(rng), rng), goal=shape.goal).schema


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("shape", CLEAR, ids=lambda shape: f"{shape.rows.__name__}:{shape.goal}")
def test_clear_tables_are_read_right(shape: Shape, seed: int) -> None:
    schema = read(shape, seed)
    assert (schema.task, set(schema.text), set(schema.target)) == (shape.task, set(shape.text), set(shape.target))


@pytest.mark.parametrize(("rows", "goal", "question"), UNCLEAR, ids=lambda part: getattr(part, "__name__", part))
def test_unclear_tables_are_asked_about(rows: Callable[..., Any], goal: str, question: str) -> None:
    rng = random.Random(0)
    with pytest.raises(AmbiguityError) as raised:
        infer(as_table(rows(rng), rng), goal=goal)
    assert raised.value.question == question
    assert raised.value.flag == f"--{question}"
    assert raised.value.candidates
    assert "\n" not in str(raised.value)


def test_an_answer_settles_the_question() -> None:
    rng = random.Random(0)
    asked: list[str] = []

    def ask(error: AmbiguityError) -> str:
        asked.append(error.question)
        return "text-regression" if error.question == "task" else error.candidates[0]

    inference = infer(as_table(reviews(rng), rng), ask=ask)
    assert inference.schema.task == VALUE
    assert asked == ["task"]


def test_cleaned_copies_of_the_text_are_not_a_pair() -> None:
    rng = random.Random(0)
    schema = infer(as_table(cleaned(rng), rng)).schema
    assert len(schema.text) == 1
    assert schema.target == ("cls",)


def test_a_code_that_repeats_groups_rows() -> None:
    rng = random.Random(0)
    assert infer(as_table(sessions(rng), rng)).schema.group == "uid"


def test_a_split_column_is_found_and_can_be_ignored() -> None:
    rng = random.Random(0)
    table = as_table(with_split(rng), rng)
    assert infer(table).schema.split == "c"
    assert infer(table, columns=Columns(split="none", target="b")).schema.split is None


def test_a_column_that_only_says_train_or_bus_is_no_split() -> None:
    rows = [
        {"text": f"we took it to work at {i} in the morning", "how": "train" if i % 2 else "bus"} for i in range(60)
    ]
    schema = infer(Table(rows, ("text", "how"), "x")).schema
    assert (schema.split, schema.target) == (None, ("how",))


def test_time_is_used_only_when_the_goal_is_about_the_future() -> None:
    rng = random.Random(0)
    table = as_table(tickets(rng), rng)
    assert infer(table, goal="route tickets to the right queue").schema.time is None
    assert infer(table, goal="forecast the queue of next month's tickets").schema.time == "opened"
    assert infer(table, goal="预测下个月工单的 queue").schema.time == "opened"


@pytest.mark.parametrize(
    "overrides",
    [
        Columns(target="agent"),
        Columns(target="agent", text="message"),
        Columns(text="message", target="agent", task="text-classification"),
    ],
)
def test_every_choice_can_be_set(overrides: Columns) -> None:
    rng = random.Random(0)
    schema = infer(as_table(tickets(rng), rng), columns=overrides).schema
    assert (schema.task, schema.text, schema.target) == (CLASSES, ("message",), ("agent",))


def test_a_target_that_no_task_would_take_by_itself_can_be_forced() -> None:
    rng = random.Random(0)
    table = as_table(tickets(rng), rng)
    assert infer(table, columns=Columns(target="id")).schema.task == VALUE
    assert infer(table, columns=Columns(target="id", task=CLASSES)).schema.task == CLASSES
    ignoring = infer(table, columns=Columns(ignore="agent,opened")).schema
    assert "agent" not in ignoring.metadata


@pytest.mark.parametrize("flag", ["text", "target", "group", "time", "split", "ignore"])
def test_a_column_that_is_not_there_names_the_nearest(flag: str) -> None:
    rng = random.Random(0)
    with pytest.raises(
        SchemaError, match=r"made\.csv: --\w+ names 'mesage', which is no column; did you mean 'message'"
    ):
        infer(as_table(tickets(rng), rng), columns=Columns(**{flag: "mesage"}))


def test_text_and_target_must_differ() -> None:
    rng = random.Random(0)
    with pytest.raises(SchemaError, match="cannot be text and target at once"):
        infer(as_table(tickets(rng), rng), columns=Columns(text="queue", target="queue"))


def test_a_table_that_no_task_fits_says_what_is_supported() -> None:
    rows = [{"a": f"the house number {i} is old and green", "b": f"trees of street {i} bloom late"} for i in range(100)]
    with pytest.raises(SchemaError, match="supported are: a text"):
        infer(Table(rows, ("a", "b"), "x"), goal="find out more")
    pictures = [
        {"image": f"{i}.png", "question": f"what colour is shape {i} here?", "answer": "red" if i % 2 else "blue"}
        for i in range(60)
    ]
    with pytest.raises(AmbiguityError, match="image, sound or document"):
        infer(Table(pictures, ("image", "question", "answer"), "x"))


def test_an_empty_table_is_refused() -> None:
    with pytest.raises(SchemaError, match="no rows"):
        infer(Table([], ("text", "label"), "x"))


def test_every_inference_has_a_reason() -> None:
    rng = random.Random(0)
    reasons = infer(as_table(tickets(rng), rng), goal="route tickets to the right queue").reasons
    assert any("'queue'" in reason for reason in reasons)
    assert any("'message'" in reason for reason in reasons)
    assert all(reason and reason == reason.strip() for reason in reasons)


def _tickets(rows: int = 80) -> list[dict[str, Any]]:
    rng = random.Random(3)
    found = []
    for place in range(rows):
        queue = list(TOPIC_WORDS)[place % 4]
        words = [*rng.sample(TOPIC_WORDS[queue], 4), *rng.sample(FILLER, 8)]
        rng.shuffle(words)
        title = " ".join(rng.sample(TOPIC_WORDS[queue], 3)) + f" {place}"
        found.append({"subject": title, "body": " ".join(words), "queue": queue})
    return found


def test_a_title_and_what_follows_are_read_as_one_text() -> None:
    found = infer(as_table(_tickets(), random.Random(0)), goal="send each ticket to its queue")
    assert (found.schema.text, found.schema.joined, found.schema.texts) == (("subject", "body"), True, 1)
    assert any("read as one text" in reason for reason in found.reasons)


@pytest.mark.parametrize(
    ("told", "joined"), [("subject,body", False), ("subject+body", True), ("body", False), ("subject", False)]
)
def test_the_user_says_whether_two_columns_are_a_pair_or_one_text(told: str, joined: bool) -> None:
    schema = infer(as_table(_tickets(), random.Random(0)), columns=Columns(text=told, target="queue")).schema
    assert (schema.text, schema.joined) == (tuple(re.split("[,+]", told)), joined)


def test_more_than_two_columns_are_one_text() -> None:
    rows = [{**row, "notes": f"seen by agent number {place}"} for place, row in enumerate(_tickets())]
    schema = infer(as_table(rows, random.Random(0)), columns=Columns(text="subject,body,notes", target="queue")).schema
    assert schema.joined
    assert schema.told == "subject + body + notes"


@pytest.mark.parametrize("goal", ["translate the reviews into French", "把评论翻译成英文", "summarize each review"])
def test_a_goal_to_write_is_refused_where_nothing_written_is_there(goal: str) -> None:
    rows = [{"review": f"the {i}th visit was a long and quiet one", "mood": "ab"[i % 2]} for i in range(60)]
    table = Table(rows=rows, columns=("review", "mood"), origin="t")
    with pytest.raises(AmbiguityError, match="no column holds what is to be written"):
        infer(table, goal=goal)
    assert infer(table, goal="predict the mood, we translate later").schema.target == ("mood",)
    assert infer(table, goal=goal, columns=Columns(target="mood")).schema.target == ("mood",)


def test_a_named_target_of_codes_is_no_number() -> None:
    rows = [{"text": f"the {i}th visit was a long and quiet one", "label": f"x{i}"} for i in range(60)]
    table = Table(rows=rows, columns=("text", "label"), origin="t")
    assert infer(table, columns=Columns(target="label")).schema.task == "text-classification"


def test_a_task_that_is_none_names_those_that_there_are() -> None:
    table = Table(rows=[{"text": "a text", "label": "a"}], columns=("text", "label"), origin="t")
    with pytest.raises(ConfigError, match=r"no task is called 'classification'; there are: .*text-classification"):
        infer(table, columns=Columns(task="classification"))


def test_texts_alone_are_told_what_can_be_done_with_them() -> None:
    rows = [{"text": f"the {i}th visit was a long and quiet one"} for i in range(60)]
    with pytest.raises(SchemaError, match=r"\(columns: 'text' \(text\)\); name its labels with --labels, or label"):
        infer(Table(rows=rows, columns=("text",), origin="t"))
