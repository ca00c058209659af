"""How turns become messages, and which of them are learned."""

import json
from typing import Any

import pytest

from autogpt import dialogues, registry
from autogpt.core import Schema, Table
from autogpt.data.examples import examples, expanded

TASK = registry.get("tasks", "dialogue")
PLAIN = ("role", "content", "assistant")
SCHEMA = Schema("dialogue", ("messages",), ("messages.content",), turns=PLAIN)
CALL = {"id": "1", "type": "function", "function": {"name": "find", "arguments": '{"city": "奥斯陆"}'}}
WRITTEN = '<tool_call>\n{"name": "find", "arguments": {"city": "奥斯陆"}}\n</tool_call>'


def turn(role: str, content: Any, **more: Any) -> dict[str, Any]:
    return {"role": role, "content": content, **more}


def pairs(turns: Any, schema: Schema = SCHEMA, **more: Any) -> list[tuple[Any, Any]]:
    row = {"messages": turns, **more}
    found, _ = examples(expanded(Table([row], tuple(row), "x"), schema, TASK), schema, TASK)
    return [(one.inputs["messages"], one.target) for one in found]


def test_every_turn_of_the_assistant_that_follows_another_is_an_example() -> None:
    talk = [
        turn("system", "be kind"), turn("assistant", "hello"), turn("user", "hi"), turn("assistant", "how are you?"),
        turn("user", "well"), turn("assistant", " "), turn("assistant", "good"), turn("user", "bye"),
    ]  # fmt: skip
    found = pairs(talk)
    assert [answer for _, answer in found] == ["how are you?", "good"], "no opening, and no empty turn"
    assert found[0][0] == (("system", "be kind"), ("assistant", "hello"), ("user", "hi"))


def test_calls_of_tools_are_written_and_their_results_read() -> None:
    talk = [
        turn("user", "rain?"), turn("assistant", None, tool_calls=[CALL]), turn("tool", '{"rain": true}'),
        turn("assistant", "yes"),
    ]  # fmt: skip
    found = pairs(talk)
    assert found[0] == ((("user", "rain?"),), WRITTEN)
    assert found[1][0] == (("user", "rain?"), ("assistant", WRITTEN), ("tool", '{"rain": true}'))
    old = turn("assistant", "", function_call={"name": "find", "arguments": '{"city": "奥斯陆"}'})
    assert dialogues.message(old, PLAIN) == ("assistant", WRITTEN)


def test_tools_are_kept_as_json() -> None:
    schema = Schema("dialogue", ("messages", "tools"), ("messages.content",), turns=PLAIN)
    tool = {"name": "find", "parameters": {}}
    for given in ([tool], json.dumps([tool])):
        inputs = TASK.inputs({"messages": [turn("user", "hi")], "tools": given}, schema)
        assert [json.loads(one) for one in inputs["tools"]] == [tool]
    assert "tools" not in TASK.inputs({"messages": [turn("user", "hi")], "tools": None}, schema)
    with pytest.raises(ValueError, match="give a list of their descriptions"):
        TASK.inputs({"messages": [turn("user", "hi")], "tools": "find"}, schema)


@pytest.mark.parametrize(
    ("acts", "written"),
    [
        ([["REQUEST", "city", ["Oslo", "Rome"]], ["OFFER", "name", []]], "REQUEST city; OFFER name"),
        ([["REQUEST", "city", []], ["REQUEST", "city", ["Rome"]]], "REQUEST city"),
        ([{"act": "INFORM", "slot": "price", "values": ["3"]}], "INFORM price"),
        ([["General", "greet", "", None], ["Request", "餐馆", "名称", ""]], "General greet; Request 餐馆 名称"),
        (["GREET", "ASK"], "GREET; ASK"),
        ("GREET", "GREET"),
        ([], ""),
        (None, ""),
    ],
)
def test_acts_are_written_by_their_names(acts: Any, written: str) -> None:
    assert dialogues.answer({"role": "assistant", "acts": acts}, "acts", PLAIN) == written


@pytest.mark.parametrize(
    ("cell", "why"),
    [
        (None, "no list of turns"),
        ([], "no list of turns"),
        (["hello"], "no list of turns"),
        ([turn("boss", "hello")], "'boss', who is not known; roles are system, user, assistant, tool"),
        ([{"content": "hello"}], "and no 'role'"),
        ([turn("user", [{"type": "image_url", "image_url": "x"}])], "leave pictures and sound out"),
        ([turn("system", "be kind")], "no turn to answer"),
        ([turn("user", "a"), turn("assistant", None, tool_calls=[{"id": 1}])], "a call needs a 'name'"),
        ([turn("assistant", "", tool_calls=[{"name": "f", "arguments": "{"}])], "arguments that are no JSON"),
    ],
)
def test_a_row_that_cannot_be_read_says_why(cell: Any, why: str) -> None:
    table = Table([{"messages": cell}], ("messages",), "x")
    found, rejected = examples(expanded(table, SCHEMA, TASK), SCHEMA, TASK)
    assert not found
    assert why in rejected[0].reason


def test_parts_of_text_and_plain_texts_are_read() -> None:
    parts = [turn("user", [{"type": "text", "text": "one"}, {"type": "text", "text": "two"}])]
    assert TASK.inputs({"messages": parts}, SCHEMA)["messages"] == (("user", "one\ntwo"),)
    assert TASK.inputs({"messages": "你好"}, SCHEMA)["messages"] == (("user", "你好"),)


def test_a_model_of_other_fields_reads_messages_of_chat_templates_too() -> None:
    schema = Schema("dialogue", ("turns",), ("turns.text",), turns=("speaker", "text", "system"))
    own = {
        "turns": [
            {"speaker": "user", "text": "a"},
            {"speaker": "system", "text": "b"},
            {"speaker": "user", "text": "c"},
        ]
    }
    plain = {"turns": [turn("user", "a"), turn("assistant", "b"), turn("user", "c")]}
    assert TASK.inputs(own, schema) == TASK.inputs(plain, schema)
