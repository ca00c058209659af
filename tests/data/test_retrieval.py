"""When a table is one of queries and passages, how its rows become examples, and which side they are on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from autogpt import pipeline, registry
from autogpt.config import Columns
from autogpt.core import Schema, Table
from autogpt.data.examples import examples, row_count
from autogpt.data.schema import infer
from autogpt.errors import AutoGPTError, InputError

TASK = registry.get("tasks", "text-retrieval")
PLACES = ("harbour", "castle", "market", "library", "station", "garden", "museum", "theatre")
GOALS = (
    "find the passage that answers the question",
    "search our documents",
    "retrieve the right paragraph for each query",
    "which document answers it",
    "检索能回答问题的段落",
    "找到包含答案的文章",
)


def passage(place: str, i: int) -> str:
    return f"The old {place} number {i} was built by the city long ago and is open to all visitors until the evening."


def rows(count: int = 80, query: str = "question", text: str = "passage") -> list[dict[str, Any]]:
    return [
        {query: f"When was {PLACES[i % 8]} {i // 16} built, part {i}?", text: passage(PLACES[i % 8], i // 16)}
        for i in range(count)
    ]


def table(found: list[dict[str, Any]], **more: Any) -> Table:
    return Table(found, tuple(dict.fromkeys(key for row in found for key in row)), "t", **more)


def task_of(found: list[dict[str, Any]], goal: str) -> str:
    try:
        return infer(table(found), goal=goal).schema.task
    except AutoGPTError as problem:
        return type(problem).__name__


@pytest.mark.parametrize("goal", GOALS)
@pytest.mark.parametrize(("query", "text"), [("question", "context"), ("q", "doc"), ("x1", "x2"), ("提问", "原文")])
def test_a_goal_of_finding_passages_reads_two_columns_so(goal: str, query: str, text: str) -> None:
    schema = infer(table(rows(query=query, text=text)), goal=goal).schema
    assert (schema.task, schema.text, schema.target) == ("text-retrieval", (query,), (text,))


def test_names_alone_are_enough_when_nothing_else_could_be_learned() -> None:
    assert task_of(rows(query="query", text="document"), "") == "text-retrieval"


@pytest.mark.parametrize("goal", ["", "is the passage relevant", "classify the pairs", "判断是否相关"])
def test_pairs_with_a_label_are_classified_unless_the_goal_is_to_find(goal: str) -> None:
    labelled = [{**row, "label": str(i % 2)} for i, row in enumerate(rows(query="query", text="document"))]
    assert task_of(labelled, goal) != "text-retrieval"
    schema = infer(table(labelled), goal=GOALS[0]).schema
    assert (schema.task, schema.target) == ("text-retrieval", ("document", "label"))


def test_answers_of_their_own_are_no_retrieval_unless_the_goal_says_so() -> None:
    answered = [{**row, "answers": [f"in {1800 + i}"]} for i, row in enumerate(rows(text="context"))]
    assert task_of(answered, "") != "text-retrieval"
    assert task_of(answered, "answer questions about a passage") != "text-retrieval"
    assert infer(table(answered), goal=GOALS[0]).schema.target == ("context",)


def test_the_reply_is_what_is_found_where_there_is_no_passage() -> None:
    schema = infer(table(rows(text="answer")), goal="find the answer to a customer's question").schema
    assert (schema.task, schema.target) == ("text-retrieval", ("answer",))


def test_real_sets_are_read_as_before_and_as_retrieval_only_when_asked(
    shared_rows: Callable[[str], list[dict[str, Any]]],
) -> None:
    pairs = shared_rows("stsb/en_test")[:400]
    for goal in ("", "how similar are the two sentences"):
        assert task_of(pairs, goal) == "text-regression"
    questions = shared_rows("xquad/en")
    assert task_of(questions, "answer questions about a passage") != "text-retrieval"
    schema = infer(table(questions), goal=GOALS[0]).schema
    assert (schema.task, schema.text, schema.target) == ("text-retrieval", ("question",), ("context",))


SCHEMA = Schema("text-retrieval", ("q",), ("p", "ok"))


def test_rows_of_one_query_become_one_example_and_every_row_is_accounted_for() -> None:
    found = [
        {"q": "where", "p": "one", "ok": 1},
        {"q": "Where ", "p": " two ", "ok": 1},
        {"q": "where", "p": "three", "ok": 0},
        {"q": "who", "p": "one", "ok": 0},
        {"q": "who", "p": "two", "ok": "no"},
        {"q": "", "p": "four", "ok": 1},
        {"q": "what", "p": None, "ok": None},
        {"q": "what", "p": "one", "ok": "perhaps"},
    ]
    kept, rejected = examples(table(found), SCHEMA, TASK)
    assert [(one.id, one.inputs, one.target, one.more) for one in kept] == [
        (0, {"text": "where"}, ("one", "two"), (1, 2))
    ]
    assert row_count(table(found), kept) + len(rejected) == len(found)
    reasons = {one.line: one.reason for one in rejected}
    assert "no row says what answers it" in reasons[4] == reasons[5]
    assert "nothing is learned from it" in reasons[6]
    assert "'perhaps'" in reasons[8]
    assert TASK.corpus(found, SCHEMA) == [(p,) for p in ("one", "two", "three", "one", "two", "four", "one")]


def test_a_query_of_a_given_test_is_not_joined_with_training_rows() -> None:
    found = [{"q": "where", "p": "one"}, {"q": "where", "p": "two"}, {"q": "who", "p": "one"}]
    split = table(found, splits=["train", "test", "test"])
    kept, _ = examples(split, Schema("text-retrieval", ("q",), ("p",)), TASK)
    assert [(one.id, one.target) for one in kept] == [(0, ("one",)), (1, ("two",)), (2, ("one",))]


def prepared(found: list[dict[str, Any]], **columns: str) -> pipeline.Prepared:
    return pipeline.prepare(table(found), goal=GOALS[0], columns=Columns(**columns), seed=0, ask=None)


def test_a_query_is_on_one_side_and_all_passages_can_be_found() -> None:
    found = [*rows(), *({"question": f"When was {p} 0 built, part {i}?", "passage": f"also the {p}"}
             for i, p in enumerate(PLACES)), {"question": "", "passage": "nobody asks for this"}]  # fmt: skip
    ready = prepared(found)
    test = ready.test.open()
    sides = [{one.inputs["text"] for one in part} for part in (ready.train, ready.validation, test)]
    assert sum(map(len, sides)) == 80 == len(set.union(*sides))
    assert set(ready.space.labels) == {row["passage"] for row in found}
    both = next(one for one in (*ready.train, *ready.validation, *test) if one.inputs["text"].endswith("part 0?"))
    assert set(both.target) == {passage("harbour", 0), "also the harbour"}
    assert row_count(ready.table, [*ready.train, *ready.validation, *test]) == 88
    assert ready.profile.used + len(ready.rejected) == len(found)


def test_a_group_column_keeps_passages_of_one_article_on_one_side() -> None:
    found = [{**row, "article_no": f"A-{i // 16}-{i % 8 // 2}"} for i, row in enumerate(rows())]
    ready = prepared(found, group="article_no")
    sides = [{found[one.id]["article_no"] for one in part}
             for part in (ready.train, ready.validation, ready.test.open())]  # fmt: skip
    assert all(sides)
    assert not sides[0] & sides[1] | sides[0] & sides[2] | sides[1] & sides[2]


def test_one_passage_is_nothing_to_find() -> None:
    with pytest.raises(InputError, match="1 answer to find"):
        prepared([{**row, "passage": "The only one there is, with words."} for row in rows()], target="passage",
                 text="question", task="text-retrieval")  # fmt: skip
