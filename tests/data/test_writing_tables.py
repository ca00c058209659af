"""Which tables are read as texts that are written, from the goal, from names, and from languages."""

import pytest

from autogpt.config import Columns
from autogpt.core import Schema, Table
from autogpt.data.schema import infer
from autogpt.errors import AmbiguityError, AutoGPTError

LONG = (
    "The town council met on day {i} to talk about the old bridge, the price of its repair and who has to pay for it."
)
TABLES = {
    "languages": [{"left": f"the house number {i} is old", "right": f"第{i}号房子很旧，也很漂亮"} for i in range(80)],
    "named": [{"en": f"the house number {i} is old", "zh": f"第{i}号房子很旧，也很漂亮"} for i in range(80)],
    "summaries": [{"article": LONG.format(i=i), "summary": f"Council argues on day {i}"} for i in range(80)],
    "plain": [{"a": LONG.format(i=i), "b": f"Council argues on day {i}"} for i in range(80)],
    "prompts": [
        {"prompt": f"say hello to number {i}", "completion": f"Hello and welcome, number {i}!"} for i in range(80)
    ],
    "languages of code": [
        {"javascript": f"function f{i}(a) {{ return a + {i} }}", "python": f"def f{i}(a): return a + {i}"}
        for i in range(80)
    ],
    "functions": [
        {"js": f"function f{i}(a) {{ return a + {i} }}", "code": f"def f{i}(a): return a + {i}"} for i in range(80)
    ],
}


def read(name: str, goal: str) -> Schema:
    rows = TABLES[name]
    return infer(Table(rows, tuple(rows[0]), "x"), goal=goal).schema


@pytest.mark.parametrize(
    ("table", "goal", "task", "text", "target"),
    [
        ("languages", "translate English into Chinese", "translation", "left", "right"),
        ("languages", "把中文翻译成英文", "translation", "right", "left"),
        ("named", "translate to Chinese", "translation", "en", "zh"),
        ("summaries", "", "summarization", "article", "summary"),
        ("plain", "summarize the news", "summarization", "a", "b"),
        ("plain", "为文章写标题", "summarization", "a", "b"),
        ("prompts", "", "text-generation", "prompt", "completion"),
        ("prompts", "write the reply to a prompt", "text-generation", "prompt", "completion"),
        (
            "languages of code",
            "turn the JavaScript function into Python code",
            "text-generation",
            "javascript",
            "python",
        ),
        ("languages of code", "convert Python functions to JavaScript code", "text-generation", "python", "javascript"),
        ("functions", "turn the function into code", "text-generation", "js", "code"),
    ],
)
def test_tables_of_written_texts(table: str, goal: str, task: str, text: str, target: str) -> None:
    assert (found := read(table, goal)).task == task
    assert (found.text, found.target) == ((text,), (target,))


@pytest.mark.parametrize(
    ("table", "goal"), [("named", "translate"), ("plain", "write the reply"), ("languages of code", "convert the code")]
)
def test_which_of_two_texts_is_written_is_asked(table: str, goal: str) -> None:
    with pytest.raises(AmbiguityError) as asked:
        read(table, goal)
    assert set(asked.value.candidates) == set(TABLES[table][0])


@pytest.mark.parametrize("table", ["languages", "plain"])
def test_two_columns_of_text_alone_say_nothing(table: str) -> None:
    with pytest.raises(AutoGPTError):
        read(table, "")


@pytest.mark.parametrize(
    ("columns", "goal", "target"),
    [
        (("article", "summary", "rating"), "predict the rating of the summary", "rating"),
        (("source", "translation", "quality"), "how good is the translation", "quality"),
        (("question", "reply", "label"), "is the reply polite", "label"),
        (("prompt", "answer", "label"), "classify whether the generated answer is right", "label"),
        (("document", "headline", "label"), "", "label"),
    ],
)
def test_a_label_beside_two_texts_is_what_is_learned(columns: tuple[str, ...], goal: str, target: str) -> None:
    words = ("the", "council", "met", "to", "talk", "about", "old", "bridges", "and", "new", "roads", "near", "markets")
    rows = [
        dict(
            zip(columns, (LONG.format(i=i), f"{' '.join(words[i % 7 : i % 7 + 5])} on day {i}", i % 2 + 1), strict=True)
        )
        for i in range(120)
    ]
    if target == "label":
        rows = [{**row, "label": ("yes", "no")[row["label"] - 1]} for row in rows]
    assert found(rows, columns, goal, target) in ("text", target)


def found(rows: list[dict[str, object]], columns: tuple[str, ...], goal: str, target: str) -> str:
    """The target; where something is asked, what: whether the target is among the answers, or which text is read."""
    try:
        return infer(Table(rows, columns, "x"), goal=goal).schema.target[0]
    except AmbiguityError as asked:
        return target if target in asked.candidates else asked.question


CONTROLLED = [
    {
        "prompt": f"say hello to number {i}",
        "style": ("plain", "formal")[i % 2],
        "length": i % 3,
        "shop": "ab"[i % 2],
        "completion": f"Hello and welcome, number {i}!",
    }
    for i in range(80)
]


@pytest.mark.parametrize(
    ("told", "goal", "text", "controls"),
    [
        ({}, "", ("prompt",), ("style", "length")),
        ({}, "write the completion for the shop", ("prompt",), ("style", "length", "shop")),
        ({"ignore": "length"}, "", ("prompt",), ("style",)),
        ({"text": "prompt"}, "", ("prompt",), ()),
        ({"text": "prompt+shop"}, "", ("prompt",), ("shop",)),
        ({"text": "prompt+shop", "target": "completion"}, "write the completion", ("prompt",), ("shop",)),
    ],
)
def test_columns_of_few_values_are_controls(
    told: dict[str, str], goal: str, text: tuple[str, ...], controls: tuple[str, ...]
) -> None:
    table = Table(CONTROLLED, tuple(CONTROLLED[0]), "x")
    found = infer(table, goal=goal, columns=Columns(**told))
    assert (found.schema.task, found.schema.text, found.schema.controls) == ("text-generation", text, controls)
    assert any("(controls)" in reason for reason in found.reasons) == bool(controls)


def test_a_label_beside_its_text_has_no_controls() -> None:
    rows = [{"text": f"say hello to number {i}", "style": "ab"[i % 2], "label": "xy"[i % 2]} for i in range(80)]
    found = infer(Table(rows, tuple(rows[0]), "x"), columns=Columns(target="label")).schema
    assert (found.task, found.controls) == ("text-classification", ())
