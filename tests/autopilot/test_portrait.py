"""A backbone is described by its configuration alone: what it can do is tried, what methods take is rehearsed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from autogpt import registry
from autogpt.autopilot.portrait import SAMPLES, describe, languages
from autogpt.errors import ConfigError, OfflineError
from autogpt.memory import Guard
from autogpt.testing import tiny

NEURAL = [name for name in registry.names("methods") if registry.get("methods", name).needs_backbone]


@pytest.fixture(scope="module")
def configuration(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a configuration and a model card, and nothing else."""
    whole = tiny.bert_folder(tmp_path_factory.mktemp("whole") / "bert")
    alone = tmp_path_factory.mktemp("alone")
    (alone / "config.json").write_bytes((whole / "config.json").read_bytes())
    (alone / "README.md").write_text("---\nlanguage:\n- en\n- zh\nlicense: mit\n---\n# A model\n", "utf-8")
    return alone


@pytest.fixture(scope="module")
def found(configuration: Path) -> dict[str, Any]:
    return describe(str(configuration), revision=None, offline=True, guard=Guard(), device="cpu")


def test_facts_come_from_the_configuration(found: dict[str, Any], configuration: Path) -> None:
    config = json.loads((configuration / "config.json").read_text("utf-8"))
    assert (found["family"], found["layers"], found["width"]) == ("bert", 2, 16)
    assert found["vocabulary"] == config["vocab_size"]
    assert found["most_tokens"] == config["max_position_embeddings"]
    assert found["languages"] == ["en", "zh"]
    per_layer = 4 * (16 * 16 + 16) + 2 * 16 * 32 + 32 + 16 + 4 * 16
    embeddings = 16 * (config["vocab_size"] + 64 + 2) + 2 * 16
    assert found["parameters"] == 2 * per_layer + embeddings + 16 * 16 + 16  # the last: the pooler


def test_every_output_kind_and_every_method_is_tried(found: dict[str, Any]) -> None:
    assert set(SAMPLES) == set(registry.names("outputs"))
    assert {one["name"] for one in found["outputs"] if one["works"]} == set(SAMPLES)
    assert [one["name"] for one in found["methods"]] == NEURAL
    for one in found["methods"]:
        assert set(one["outputs"]) == set(registry.get("methods", one["name"]).outputs)
        unknown = ("needs a CUDA GPU", "no token that hides a word")  # the second: there is no tokenizer in this folder
        assert one["works"] or one["reason"].endswith(unknown) or unknown[0] in one["reason"]
        if one["works"]:
            assert one["memory"]["most"] >= one["memory"]["least"] > 0
            assert one["fits"] == "whole"


def test_what_does_not_fit_here_is_said(configuration: Path) -> None:
    found = describe(str(configuration), revision=None, offline=True, guard=Guard(1), device="cpu")
    assert {one["fits"] for one in found["methods"] if one["works"]} == {"no"}
    assert (found["memory"]["bytes"], found["memory"]["bound"]) == (0, "--memory-limit")


def test_a_body_without_layers_that_narrow_has_no_bottlenecks(tmp_path: Path) -> None:
    folder = tiny.bert_folder(tmp_path / "bert")
    config = json.loads((folder / "config.json").read_text("utf-8"))
    (folder / "config.json").write_text(json.dumps({**config, "intermediate_size": 16}), "utf-8")
    found = describe(str(folder), revision=None, offline=True, guard=Guard(), device="cpu")
    adapter = next(one for one in found["methods"] if one["name"] == "adapter")
    assert not adapter["works"]
    assert "has no linear layer that narrows" in adapter["reason"]


@pytest.mark.parametrize(
    ("card", "expected"),
    [("---\nlanguage: en\n---\n", ["en"]), ("# no front matter", None), ("---\nlicense: mit\n---\n", None),
     ("---\n: [broken\n---\n", None), ("", None)],
)  # fmt: skip
def test_languages_are_those_that_the_card_names(card: str, expected: list[str] | None) -> None:
    assert languages(card) == expected


def test_names_that_lead_nowhere_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"has no config.json"):
        describe(str(tmp_path), revision=None, offline=True, guard=Guard(), device="cpu")
    with pytest.raises(OfflineError, match="not on this machine"):
        describe("some-org/some-model", revision=None, offline=True, guard=Guard(), device="cpu")
