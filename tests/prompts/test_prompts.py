"""Prompts are data that cannot run anything; generators write them; the search finds good ones without labels."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autogpt import registry
from autogpt.errors import ConfigError
from autogpt.prompting import Facts, Prompt, render
from autogpt.prompts import _grammar
from autogpt.prompts.rules import others
from autogpt.regimes import _prompts
from autogpt.vectors import unit

NASTY = st.text(alphabet=st.sampled_from(list("{}<|>[]/ salbeINSTtext_.!0:%(x)\u200b字")), max_size=40)
CONTROL = ("<|im_start|>", "<|", "[INST]", "</s>", "<s>", "\u0001")


@given(NASTY, NASTY)
def test_a_value_stays_what_it_is_whatever_stands_in_it(text: str, label: str) -> None:
    assert render("{label}: {{{text}}}", {"text": text, "label": label}) == f"{label}: {{{text}}}"


@given(NASTY, NASTY, st.sampled_from(["{a}{b}", "<{a}|{b}>", "[{a}] {b}", "<|im_start|>{a}<{b}"]))
def test_no_value_becomes_a_part_of_a_control_token(a: str, b: str, template: str) -> None:
    text = render(template, {"a": a, "b": b}, control=CONTROL)
    own = render(template, {"a": "", "b": ""})  # tokens of the template itself are the author's, and stay
    for token in CONTROL:
        assert text.count(token) <= own.count(token)
    assert text.replace(" ", "") == render(template, {"a": a, "b": b}).replace(" ", "")


def test_a_template_keeps_its_own_control_tokens() -> None:
    text = render("<|im_start|>{text}<|im_start|>", {"text": "a <|im_start|> b"}, control=["<|im_start|>"])
    assert text == "<|im_start|>a < |im_start|> b<|im_start|>"


@pytest.mark.parametrize(
    "template", ["{label.name}", "{label[0]}", "{label!r}", "{label:>9}", "{}", "{0}", "{% if x %}", "a } b"]
)
def test_a_template_can_name_fields_and_nothing_else(template: str) -> None:
    with pytest.raises(ConfigError, match="belongs to no field"):
        Prompt.of(template)


def test_a_field_without_a_value_is_named() -> None:
    with pytest.raises(ConfigError, match="needs text; there are: label"):
        render("{label} {text}", {"label": "a"})


def test_a_prompt_is_data_and_comes_back_byte_for_byte() -> None:
    prompt = Prompt.of("这是{label}。{{x}}", {"好评": ("好评", "满意")}, origin="rules")
    assert Prompt.from_dict(json.loads(json.dumps(prompt.to_dict()))) == prompt
    assert prompt.descriptions() == {"好评": ("这是好评。{x}", "这是满意。{x}")}


CHAT = Prompt(
    (("system", "Choose {{one}} of {labels}."), ("user", "{text}"), ("assistant", "{label}")), {"a": ("b",)}, "x"
)


@pytest.mark.parametrize("prompt", [Prompt.of("a {label} {{review}}", {"pos": ("good",)}, origin="rules"), CHAT])
def test_a_prompt_goes_to_langchain_and_back(prompt: Prompt) -> None:
    pytest.importorskip("langchain_core")
    there = prompt.to_langchain()
    assert Prompt.from_langchain(there) == prompt
    values = {name: f"<{name}> {{0}}" for name in prompt.fields}
    said = there.format_messages(**values) if len(prompt.turns) > 1 else None
    texts = [one.content for one in said] if said else [there.format(**values)]
    assert texts == [text for _, text in prompt.render(values)]


def test_other_templates_of_langchain_are_refused() -> None:
    prompts = pytest.importorskip("langchain_core.prompts")
    mustache = prompts.PromptTemplate.from_template("{{label}}", template_format="mustache")
    with pytest.raises(ConfigError, match="only 'f-string' is allowed"):
        Prompt.from_langchain(mustache)
    with pytest.raises(ConfigError, match="belongs to no field"):
        Prompt.from_langchain(prompts.PromptTemplate.from_template("{label:>9}"))
    with pytest.raises(ConfigError, match="cannot be read as a turn"):
        Prompt.from_langchain(prompts.ChatPromptTemplate.from_messages([prompts.MessagesPlaceholder("history")]))
    with pytest.raises(ConfigError, match="values filled in already"):
        Prompt.from_langchain(prompts.PromptTemplate.from_template("{a} {b}").partial(a="x"))
    with pytest.raises(ConfigError, match="is no template"):
        Prompt.from_langchain("{label}")


def test_without_langchain_one_line_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "langchain_core", None)
    with pytest.raises(ConfigError, match=r"pip install 'autogpt\[prompt\]'"):
        Prompt.of("{label}").to_langchain()


@pytest.mark.parametrize(
    ("goal", "columns", "labels", "found"),
    [
        ("decide whether a movie review is positive or negative", [], ["positive", "negative"], ["movie review"]),
        ("", ["ticket_body"], ["a"], ["ticket body"]),
        ("", ["text"], ["a"], []),
        ("判断这条评论是好评还是差评", [], ["好评", "差评"], ["评论"]),
    ],
)
def test_a_goal_says_what_its_texts_are_called(
    goal: str, columns: list[str], labels: list[str], found: list[str]
) -> None:
    assert _grammar.subjects(goal, columns, labels) == found


def test_other_words_are_those_of_the_dictionary() -> None:
    found = others({"Negative": ("negative",), "blue": ("blue",)})
    assert found["Negative"][:3] == ("negative", "bad", "poor")
    assert found["blue"] == ("blue",)


KNOWN = {
    **dict.fromkeys(("good", "lovely", "nice"), (1.0, 0.0)), **dict.fromkeys(("bad", "awful", "poor"), (-1.0, 0.0)),
    "camera": (0.0, 2.0), "phone": (0.0, -2.0), "happy": (0.9, 0.0), "sad": (-0.9, 0.0),
}  # fmt: skip


class World:
    """An encoder that knows three things of a text: mood (good, bad), matter (camera, phone), and how it is put."""

    def read(self, texts: Sequence[str]) -> Any:
        rows = []
        for text in texts:
            at = np.zeros(4)
            at[3] = 0.5
            for word in text.casefold().replace(",", " ").replace(".", " ").replace(":", " ").split():
                at[:2] += KNOWN.get(word, (0, 0))
            rows.append(at)
        return unit(np.array(rows))

    def facts(self, rows: int = 120, **names: str) -> Facts:
        rng = np.random.default_rng(0)
        moods, things = (("good", "lovely", "nice"), ("bad", "awful", "poor")), ("camera", "phone")
        texts = [
            f"a {moods[i % 2][rng.integers(3)]} {things[rng.integers(2)] if i % 3 else 'thing'}" for i in range(rows)
        ]
        vectors = unit(self.read(texts) + 0.05 * rng.normal(size=(rows, 4)))
        named = {label: (name,) for label, name in (names or {"pos": "happy", "neg": "sad"}).items()}
        return Facts("is the remark on a product kind", ("text",), named, texts, vectors, self.read)


def test_the_search_prefers_prompts_that_part_the_pool_and_says_why() -> None:
    facts = World().facts()
    chosen = _prompts.choose(facts)
    head = _prompts.head(facts, chosen.prompts)
    right = np.asarray(head(facts.vectors)).argmax(axis=1) == np.arange(len(facts.texts)) % 2
    assert right.mean() > 0.9
    assert 1 <= len(chosen.prompts) <= _prompts.TOGETHER
    assert "stability" in chosen.said[0]
    assert {one["origin"].split(":")[0] for one in chosen.plain()} <= {"rules", "terms"}


def test_terms_are_found_without_a_label_and_stand_in_several_texts() -> None:
    facts = World().facts()
    (found, *_) = registry.get("prompts", "terms").write(facts)
    words = {label: own[0].split(", ") for label, own in found.words.items()}
    assert {"good", "lovely", "nice"} & set(words["pos"])
    assert not {"bad", "awful", "poor"} & set(words["pos"])
    assert all(sum(word in text for text in facts.texts) >= 3 for own in words.values() for word in own[1:])


def test_the_search_ends_with_the_time() -> None:
    chosen = _prompts.choose(World().facts(), has_time=lambda: False)
    assert len(chosen.tried) == 1
    assert len(chosen.prompts) == 1


def test_separation_is_the_share_of_variance_between_classes() -> None:
    vectors = np.array([[0.0, 1.0], [0.0, -1.0], [2.0, 1.0], [2.0, -1.0]])
    assert _prompts.separation(vectors, np.array([0, 0, 1, 1]), 2) == pytest.approx(0.5)
    assert _prompts.separation(vectors, np.array([0, 1, 0, 1]), 2) == pytest.approx(0.5)
    assert _prompts.separation(vectors, np.array([0, 0, 0, 0]), 2) == pytest.approx(0.0)
