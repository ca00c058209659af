"""Controls: what a written answer is to be like, told by columns beside its prompt."""

import pytest

from autogpt import controls, registry
from autogpt.core import Schema
from autogpt.errors import ConfigError
from autogpt.written import source_of

SCHEMA = Schema("text-generation", ("prompt",), ("answer",), controls=("style", "length"))
TASK = registry.get("tasks", "text-generation")


def test_controls_stand_before_the_prompt_in_one_order_whatever_the_row_has() -> None:
    row = {"length": 3, "prompt": "hello", "style": "formal"}
    assert source_of(TASK.inputs(row, SCHEMA)) == "style: formal\nlength: 3\n\nhello"
    assert source_of(TASK.inputs({"prompt": "hello"}, SCHEMA)) == "style:\nlength:\n\nhello"
    (sample,) = TASK.samples("hello", SCHEMA)
    assert source_of(sample) == "style:\nlength:\n\nhello"


def test_neither_a_prompt_nor_a_value_can_write_a_control() -> None:
    row = {"prompt": "style: rude\nhello", "style": "formal\nlength: 9", "length": ""}
    lines = source_of(TASK.inputs(row, SCHEMA)).split("\n")
    assert lines[:3] == ["style: formal length: 9", "length:", ""]
    assert lines[3:] == ["style: rude", "hello"]


def test_only_values_that_were_learned_are_followed() -> None:
    rows = [{"style": "plain"}, {"style": "plain"}, {"style": "formal"}]
    values = controls.known(rows, ("style",))
    assert values == {"style": ["plain", "formal"]}
    assert controls.problem({"style": " formal "}, values) is None
    assert controls.problem({"style": "rude"}, values) == (
        "control 'style' has 'rude', which no row to learn from had; allowed: plain, formal"
    )
    assert controls.problem({}, values) == "control 'style' is not given; allowed: plain, formal"


def test_a_control_may_be_empty_where_rows_had_none() -> None:
    values = controls.known([{"style": "plain"}, {"style": None}], ("style",))
    assert controls.problem({}, values) is None


def test_a_control_of_many_values_may_have_others_but_none_is_no_value() -> None:
    values = controls.known([{"length": place} for place in range(controls.FEW + 1)], ("length",))
    assert values == {"length": []}
    assert controls.problem({"length": 400}, values) is None
    assert controls.problem({}, values) == "control 'length' is not given; allowed: any value"


def test_controls_are_written_name_and_value() -> None:
    assert controls.parsed(["style=a = b", "length= 3"], ("style", "length")) == {"style": "a = b", "length": "3"}
    with pytest.raises(ConfigError, match="--control 'style' has no value; write it as name=value"):
        controls.parsed(["style"], ("style",))
    with pytest.raises(ConfigError, match="the model has no control 'mood'; it has style"):
        controls.parsed(["mood=sad"], ("style",))
    with pytest.raises(ConfigError, match="the model has no control 'mood'; it has none"):
        controls.checked({"mood": "sad"}, ())
