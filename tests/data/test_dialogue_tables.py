"""Which tables are read as dialogues: by the shape of their turns, whatever fields and columns are called."""

import json
from typing import Any

import pytest

from autogpt import registry
from autogpt.config import Columns
from autogpt.core import Schema, Table
from autogpt.data.examples import examples, expanded, row_count
from autogpt.data.profile import profile
from autogpt.data.schema import infer
from autogpt.errors import AmbiguityError, AutoGPTError
from autogpt.pipeline import prepare

TASK = registry.get("tasks", "dialogue")
THINGS = ("card", "loan", "door", "garden", "train", "ticket", "hotel", "table")


def talks(count: int = 30, **names: str) -> list[list[dict[str, Any]]]:
    """Dialogues of two to four turns; `names`: what fields and speakers are called."""
    told = {"role": "role", "content": "content", "user": "user", "assistant": "assistant", **names}
    found = []
    for i in range(count):
        thing = THINGS[i % len(THINGS)]
        said = [("user", f"where can I find the {thing} number {i}?"), ("assistant", f"the {thing} is in hall {i}")]
        said += [("user", f"and who has the {thing} now?"), ("assistant", f"number {i} has it, I think")] * (i % 2)
        found.append([{told["role"]: told[who], told["content"]: text} for who, text in said])
    return found


def table(rows: list[dict[str, Any]]) -> Table:
    return Table(rows, tuple(rows[0]), "x")


def read(rows: list[dict[str, Any]], goal: str = "", **columns: str) -> Schema:
    return infer(table(rows), goal=goal, columns=Columns(**columns)).schema


@pytest.mark.parametrize(
    ("names", "turns"),
    [
        ({}, ("role", "content", "assistant")),
        ({"role": "from", "content": "value", "user": "human", "assistant": "gpt"}, ("from", "value", "gpt")),
        ({"role": "v1", "content": "v2", "user": "customer", "assistant": "Agent"}, ("v1", "v2", "Agent")),
        ({"role": "说话人", "content": "话", "user": "用户", "assistant": "客服"}, ("说话人", "话", "客服")),
        ({"role": "who", "content": "text", "assistant": "system"}, ("who", "text", "system")),
    ],
)
@pytest.mark.parametrize("written", [False, True])
def test_lists_of_turns_are_dialogues(names: dict[str, str], turns: tuple[str, ...], written: bool) -> None:
    rows = [{"id": f"d-{i:04}", "列": json.dumps(t) if written else t} for i, t in enumerate(talks(**names))]
    found = read(rows)
    assert (found.task, found.text, found.target) == ("dialogue", ("列",), (f"列.{turns[1]}",))
    assert found.turns == turns


def test_tools_are_read_beside_the_turns() -> None:
    tool = {"type": "function", "function": {"name": "find", "parameters": {"type": "object"}}}
    found = read([{"messages": turns, "tools": [tool]} for turns in talks()])
    assert found.text == ("messages", "tools")


def acted() -> list[dict[str, Any]]:
    rows = [{"turns": turns} for turns in talks(role="who", content="said")]
    for row in rows:
        for place, turn in enumerate(row["turns"]):
            turn["acts"] = [["INFORM" if place % 2 else "REQUEST", "place", ["hall"]]]
            turn["acts"] += [["OFFER", "more", []]] * (place == 3)
    return rows


@pytest.mark.parametrize("goal", ["predict the next action", "预测系统的下一个动作", "learn the acts"])
def test_what_turns_do_is_learned_where_the_goal_asks_for_it(goal: str) -> None:
    assert read(acted(), goal).target == ("turns.acts",)
    assert read(acted()).target == ("turns.said",)


@pytest.mark.parametrize("told", ["acts", "turns.acts"])
def test_a_field_of_the_turns_can_be_told(told: str) -> None:
    assert read(acted(), target=told).target == ("turns.acts",)
    assert read(acted(), "reply", target=told).target == ("turns.acts",)


def flat(**names: str) -> list[dict[str, Any]]:
    return [
        {"talk": f"t{number}", "step": step, "who": turn["role"], "line": turn["content"]}
        for number, turns in enumerate(talks(**names))
        for step, turn in enumerate(turns)
    ]


def test_a_turn_a_row_is_brought_together_in_order() -> None:
    rows = flat()[::-1]
    schema = read(rows, "write the reply")
    assert (schema.task, schema.text, schema.group) == ("dialogue", ("line",), "talk")
    assert schema.turns == ("who", "line", "assistant", "step")
    whole = expanded(table(rows), schema, TASK)
    found, rejected = examples(whole, schema, TASK)
    assert len(found) == 45
    assert not rejected
    assert row_count(whole, found) == len(rows), "every row is accounted for"
    one = next(row for row in found if row.target == "number 1 has it, I think")
    assert [role for role, _ in one.inputs["messages"]] == ["user", "assistant", "user"]


def test_turns_and_a_label_beside_them_are_asked() -> None:
    rows = [{**row, "mood": ("glad", "sad")[place % 2]} for place, row in enumerate(flat())]
    with pytest.raises(AmbiguityError) as asked:
        read(rows)
    assert {"mood", "line.line"} <= set(asked.value.candidates)
    assert read(rows, "write the reply").task == "dialogue"


def test_two_columns_of_dialogues_are_asked() -> None:
    rows = [{"chosen": one, "rejected": other} for one, other in zip(talks(), talks()[::-1], strict=True)]
    with pytest.raises(AmbiguityError, match=r"chosen\.content"):
        read(rows)


@pytest.mark.parametrize("names", [{"user": "Ann", "assistant": "Bob"}, {"assistant": "user"}])
def test_speakers_who_are_no_known_ones_are_not_guessed(names: dict[str, str]) -> None:
    with pytest.raises(AutoGPTError):
        read([{"messages": turns} for turns in talks(**names)])


@pytest.mark.parametrize("goal", ["", "extract the parts", "classify"])
def test_other_lists_of_dicts_are_no_dialogues(goal: str) -> None:
    rows = [
        {"parts": [{"kind": "a", "size": i}, {"kind": "b", "size": i + 1}], "label": "xy"[i % 2], "text": f"thing {i}"}
        for i in range(40)
    ]
    assert read(rows, goal).task != "dialogue"


# Examples


def test_rows_of_a_dialogue_stay_on_one_side_and_all_are_accounted_for() -> None:
    rows = [{"messages": turns} for turns in talks(60)]
    rows += [{"messages": [{"role": "user", "content": "hello?"}]}, {"messages": [{"role": "boss", "content": "no"}]}]
    ready = prepare(table(rows), goal="reply", columns=Columns(), seed=0, ask=None)
    sides = [{ready.table.made[row.id] for row in side} for side in (ready.train, ready.validation, ready.test.open())]
    assert all(sides)
    assert not sides[0] & sides[1]
    assert not (sides[0] | sides[1]) & sides[2]
    assert (ready.profile.rows, ready.profile.used) == (62, 60)
    assert [(one.line, one.reason.partition(":")[0]) for one in ready.rejected] == [
        (61, "unlabelled"),
        (62, "a turn is of 'boss', who is not known; roles are system, user, assistant, tool"),
    ]
    assert ready.split.how[0] == "60 rows make 90 examples; those of a row stay together"


def test_a_given_split_is_that_of_the_dialogue() -> None:
    rows = [{"messages": turns, "split": "test" if i > 20 else "train"} for i, turns in enumerate(talks())]
    ready = prepare(table(rows), goal="", columns=Columns(), seed=0, ask=None)
    assert {ready.table.rows[row.id]["split"] for row in ready.test.open()} == {"test"}


def test_turns_of_one_dialogue_are_no_near_duplicates() -> None:
    long = [
        [
            {"role": "user" if i % 2 else "assistant", "content": " ".join(f"w{n}x{j}" for j in range(20)) + f" {i}"}
            for i in range(9)
        ]
        for n in range(8)
    ]
    assert profile(table([{"messages": turns} for turns in long])).near_duplicates == ()


@pytest.mark.parametrize(("name", "turns"), [("sgd/dev", 2102), ("crosswoz/dev", 4229)])
def test_real_dialogues(shared_rows: Any, name: str, turns: int) -> None:
    rows = shared_rows(name)
    schema = read(rows)
    assert (schema.task, schema.target, schema.turns) == ("dialogue", ("turns.text",), ("role", "text", "system"))
    whole = expanded(table(rows), schema, TASK)
    found, rejected = examples(whole, schema, TASK)
    assert (len(found), rejected) == (turns, [])
    assert row_count(whole, found) == len(rows)
    assert all(row.inputs["messages"][-1][0] == "user" for row in found)
