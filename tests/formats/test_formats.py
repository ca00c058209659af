"""What is well-formed, what is mended and how, what shows a format, and what a grammar learns of examples."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autogpt import registry
from autogpt.backbones import _scratch
from autogpt.backbones._constraint import Constraint
from autogpt.core import LabelSpace
from autogpt.errors import ConfigError
from autogpt.formats._learned import few, order
from autogpt.formats.json import schema_of
from autogpt.outputs.text import noticed
from autogpt.testing import tiny

JSON, HTML, PYTHON = (registry.get("formats", name) for name in ("json", "html", "python"))
TEXTS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=8)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(TEXTS, inner, max_size=3).map(lambda found: dict(sorted(found.items())))
    ),
    max_leaves=8,
)


# Well-formed or not


@pytest.mark.parametrize(
    ("form", "text", "why"),
    [
        (JSON, '{"a": 1', "Expecting ',' delimiter"),
        (JSON, '{"a": NaN}', "NaN is no number"),
        (JSON, "5", "neither an object nor an array"),
        (JSON, "[" * 100_000, "recursion"),
        (HTML, "<p>one<b>two</p></b>", "</p> stands where <b> is open"),
        (HTML, "<p>one", "<p> is not closed"),
        (HTML, "<p>one</p></p>", "</p> closes nothing"),
        (HTML, "<br></br>", "</br> closes nothing"),
        (HTML, "<p/>", "only void elements end so"),
        (HTML, '<p a="1" a="2"></p>', "an attribute twice"),
        (HTML, "<p></p><a hre", "ends within a tag"),
        (HTML, "words", "there is no element"),
        (PYTHON, "def f(:", "line 1"),
        (PYTHON, "# nothing", "there is no statement"),
        (PYTHON, "x = '\0'", "null"),
    ],
)
def test_a_fault_is_told(form: Any, text: str, why: str) -> None:
    assert why in str(form.fault(text))


@pytest.mark.parametrize(
    ("form", "text", "mended"),
    [
        (JSON, '{"a": 1, "b', '{"a": 1}'),
        (JSON, '{"a": "hel', '{"a": "hel"}'),
        (JSON, '[{"a": [1, 2', '[{"a": [1, 2]}]'),
        (JSON, '{"a": tru', "{}"),
        (JSON, 'Here it is:\n```json\n{"a": 1}\n``` good', '{"a": 1}'),
        (JSON, "no json", "no json"),
        (HTML, "<p>one<b>two", "<p>one<b>two</b></p>"),
        (HTML, "<p>one</i></p>", "<p>one</p>"),
        (HTML, "<p>one<b>two</p>", "<p>one<b>two</b></p>"),
        (HTML, '<p>one<a href="x', "<p>one</p>"),
        (HTML, "<br><p>北京", "<br><p>北京</p>"),
        (PYTHON, "def f():\n    return 1\n\ndef g(", "def f():\n    return 1"),
        (PYTHON, "```python\nx = 1\n```", "x = 1"),
        (PYTHON, "def f(", "def f("),
    ],
)
def test_what_is_open_is_closed_and_what_is_too_much_is_cut(form: Any, text: str, mended: str) -> None:
    assert form.repair(text) == mended


@given(st.text(max_size=60), st.sampled_from([JSON, HTML, PYTHON]))
def test_no_text_is_too_strange_to_be_read(text: str, form: Any) -> None:
    mended = form.repair(text)
    assert mended == text or form.fault(mended) is None
    assert form.repair(mended) == mended


# Noticed


@pytest.mark.parametrize("name", sorted(tiny.FORMATTED))
def test_a_format_is_noticed_where_nearly_all_texts_have_it(name: str) -> None:
    texts = [*tiny.FORMATTED[name]] * 20
    assert noticed(texts) == name
    assert noticed([*texts, texts[0][:-3] + "("]) == name
    assert noticed([*texts, *["words"] * 10]) is None


@pytest.mark.parametrize(
    "texts",
    [["5"] * 9, ["true", "false"], ["hello"], ["not good", "it is so"], ["x = 5", "y = a + b"], ["sin(x)", "f(x)"],
     ["a good film.<br /><br />Really", "bad"], ["pass", "fail"], ["一句话。"], ["title: hello"], [""], []],
)  # fmt: skip
def test_prose_has_no_format(texts: list[str]) -> None:
    assert noticed(texts) is None


# Learned


def test_few_values_are_all_there_are_only_if_none_is_rare() -> None:
    assert few(["b", "b", "a"] * 10) == ["b", "a"]
    assert few(["b", "a"]) is None
    assert few(["a"] * 30 + ["c"]) is None
    assert few([str(i // 2) for i in range(200)]) is None


def test_names_stand_before_those_that_follow_them() -> None:
    assert order([["a", "c"], ["b", "c"], ["a", "b"]]) == ["a", "b", "c"]
    assert order([["b", "a"], ["b", "a"], ["a", "b"]]) == ["b", "a"]


def test_a_schema_has_what_all_have_and_what_some_have() -> None:
    values = [{"a": 1, "k": "x"}, {"a": 2.5, "k": "y", "b": [None]}] * 20
    assert schema_of(values) == {
        "type": "object",
        "properties": {
            "a": {"type": "number"},
            "k": {"type": "string", "enum": ["x", "y"]},
            "b": {"type": "array", "items": {"type": "null"}},
        },
        "required": ["a", "k"],
        "additionalProperties": False,
    }


def test_keys_that_are_data_make_a_map() -> None:
    assert schema_of([{f"word{i}": i} for i in range(60)]) == {
        "type": "object",
        "additionalProperties": {"type": "integer"},
    }


TOKENIZER = _scratch.tokenizer(["{}"], 300)


def accepts(form: Any, examples: list[str], text: str) -> bool:
    grammar = form.grammar(examples)
    end, size = TOKENIZER.eos_token_id, len(TOKENIZER)
    made = Constraint(grammar, TOKENIZER, vocabulary=size, end=end, closing=form.closing)
    return made.accepts(TOKENIZER(text, add_special_tokens=False, split_special_tokens=True)["input_ids"])


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.dictionaries(TEXTS, VALUES, max_size=3).map(lambda one: dict(sorted(one.items()))), min_size=1, max_size=4
    ),
    st.sampled_from([{}, {"indent": 1}, {"separators": (",", ":")}, {"ensure_ascii": False}]),
)
def test_the_grammar_has_every_record_that_it_was_learned_from(records: list[Any], style: Any) -> None:
    texts = [json.dumps(one, **style) for one in records]
    assert all(accepts(JSON, texts, text) for text in texts)


@pytest.mark.parametrize("told", [{}, {"ensure_ascii": False}, {"indent": 2}, {"separators": (",", ":")}])
def test_chinese_keys_and_values_are_kept_to_as_they_are_written(told: Any) -> None:
    texts = [json.dumps({"姓名": f"王{n}", "类": "甲乙"[n % 2]}, **told) for n in range(40)]
    other = json.dumps({"姓名": "李", "类": "丙"}, **told)
    assert all(accepts(JSON, texts, text) for text in texts)
    assert accepts(JSON, texts, other.replace(json.dumps("丙", **told), json.dumps("甲", **told)))
    assert not accepts(JSON, texts, other)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sets(st.sampled_from("abcde")), min_size=1, max_size=5), st.sets(st.sampled_from("abcde")))
def test_keys_that_all_have_must_be_there_and_others_may_be(seen: list[set[str]], asked: set[str]) -> None:
    texts = [json.dumps(dict.fromkeys(sorted(keys), 1)) for keys in seen]
    needed, known = set.intersection(*seen), set.union(*seen)
    order_ = schema_of([json.loads(text) for text in texts])["properties"]
    text = json.dumps({key: 1 for key in order_ if key in asked} | dict.fromkeys(asked - known, 1))
    assert accepts(JSON, texts, text) == (needed <= asked <= known)


@pytest.mark.parametrize(
    "text", ['{"a": "x", "b": 1}', '{"b": 1}', '{"a": 1}', '{"a": "x"} x', '{"a":"x"}', '{"a": "x"', "{}", ""]
)
def test_the_grammar_of_records_has_no_others(text: str) -> None:
    examples = ['{"a": "x"}', '{"a": "y"}']
    assert accepts(JSON, examples, '{"a": "z"}')
    assert not accepts(JSON, examples, text)


@pytest.mark.parametrize(
    ("text", "has"),
    [
        ("<ul><li>a<ul><li>deep</li></ul></li></ul>", True),
        ("<ul></ul>", True),
        ("<ul><li></ul></li>", False),
        ("<ul><li>a</li>", False),
        ("<li>a</li>", False),
        ("<ul>words</ul>", False),
        ("<ul><li>a & b</li></ul>", False),
        ("<ul><p>a</p></ul>", False),
        ("<ul></ul><ul></ul>", False),
    ],
)
def test_the_grammar_of_pages_has_their_elements_nested_as_they_nest_them(text: str, has: bool) -> None:
    assert accepts(HTML, ["<ul><li>a</li><li><ul><li>s &lt; t</li></ul></li></ul>"], text) == has


# Judged


def test_the_parse_rate_counts_well_formed_answers_and_needs_a_format() -> None:
    rate = registry.get("metrics", "parse-rate")
    assert rate(["{}"] * 4, ["{}", "[1]", "{", "5"], None, LabelSpace(format="json")) == 0.5
    with pytest.raises(ConfigError, match="these targets have none"):
        rate(["a"], ["a"], None, LabelSpace())
