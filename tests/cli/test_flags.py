"""Flags come from the dataclasses, the file stands below them, and each is blamed for its own mistakes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import pytest
import typer
from hypothesis import given, settings
from hypothesis import strategies as st

from autogpt import config
from autogpt.cli.catalogue import Catalogue
from autogpt.cli.flags import Only, command
from autogpt.cli.screen import Screen
from autogpt.config import RunConfig
from autogpt.errors import ConfigError
from autogpt.setting import Option


def parsed(*arguments: str, annotation: Any = RunConfig) -> tuple[RunConfig, Screen]:
    """What a command would get for this command line."""
    got: list[Any] = []

    def example(screen: Screen, config: annotation) -> None:  # type: ignore[valid-type]
        """An example."""
        got.extend([config, screen])

    example.__annotations__ |= {"screen": Screen, "config": annotation, "return": None}
    app = typer.Typer()
    app.command()(command(example, Catalogue()))
    app(list(arguments), standalone_mode=False)
    return got[0], got[1]


def test_without_flags_everything_keeps_its_default() -> None:
    found, screen = parsed()
    assert found == RunConfig()
    assert not screen.json
    assert not screen.quiet


WORDS = st.text(st.sampled_from("az中文 '\"=,-[]{}\\"), min_size=1, max_size=12)
VALUES = {
    "workers": st.integers(1, 64).map(str),
    "adapt": st.sampled_from(["auto", "off", "always"]),
    "adapt_share": st.sampled_from(["0.05", "0.5"]),
    "time_limit": st.integers(1, 10**6).map(config.duration),
    "seed": st.integers(0, 10**9).map(str),
    "memory_limit": st.integers(1, 10**6).map("{}MB".format),
    "task": st.sampled_from(["text-classification", "a-task-of-tomorrow"]),
    "family": st.sampled_from(config.FAMILIES),
    "search": st.sampled_from(config.SAMPLERS),
    "storage": st.sampled_from(["sqlite:///study.db", "postgresql+psycopg://me@host/runs"]),
    "num_layers": st.integers(1, 48).map(str),
    "hidden_size": st.integers(1, 512).map(lambda n: str(8 * n)),
    "num_heads": st.sampled_from(["1", "2", "4", "8", "16"]),
    "vocabulary": st.integers(300, 10**5).map(str),
    "endpoint": st.sampled_from(["http://localhost:8000/v1", "https://a.example/v1"]),
    "planner": st.sampled_from(["rules", "llm"]),
    "planner_endpoint": st.sampled_from(["http://localhost:8000/v1", "https://a.example/v1"]),
    "planner_price_in": st.integers(0, 10**4).map(lambda n: str(n / 100)),
    "planner_price_out": st.integers(0, 10**4).map(lambda n: str(n / 100)),
    "planner_max_cost": st.integers(0, 10**4).map(lambda n: str(n / 100)),
    "endpoint_key": st.sampled_from(["MY_KEY", "_k2"]),
    "price_in": st.integers(0, 10**4).map(lambda n: str(n / 100)),
    "price_out": st.integers(0, 10**4).map(lambda n: str(n / 100)),
    "price_training": st.integers(0, 10**4).map(lambda n: str(n / 100)),
    "max_cost": st.integers(0, 10**4).map(lambda n: str(n / 100)),
    "concurrency": st.integers(1, 64).map(str),
    "data_parallel": st.integers(1, 64).map(str),
    "demonstrations": st.sampled_from(["likeness", "search"]),
    "adapt_words": st.integers(0, 10**5).map(str),
    "adapt_joint": st.integers(0, 100).map(lambda n: str(n / 10)),
    "teacher_rows": st.integers(1, 10**6).map(str),
    "teacher_share": st.sampled_from(["0.1", "0.9"]),
    "max_latency": st.integers(1, 10**4).map(lambda n: str(n / 10)),
    "max_size": st.integers(1, 10**6).map("{}MB".format),
}
OPTIONS = list(config.options(RunConfig))


@settings(deadline=None, max_examples=40)
@given(st.sampled_from([o for o in OPTIONS if o.type is not bool]), st.data())
def test_every_setting_has_a_flag_that_sets_it_and_nothing_else(option: Option, data: st.DataObject) -> None:
    text = data.draw(VALUES.get(option.name, WORDS))
    found, _ = parsed("--", text) if option.argument else parsed(f"{option.flag}={text}")
    value = option.type(text) if option.type in (int, float) and option.name != "time_limit" else text
    assert found == config.override(RunConfig(), option.key, value)


@pytest.mark.parametrize("option", [o for o in OPTIONS if o.flags], ids=lambda o: o.name)
def test_second_names_set_the_same(option: Option) -> None:
    for flag in option.flags:
        assert parsed(flag, "2m")[0] == parsed(option.flag, "2m")[0] != RunConfig()


def test_a_flag_overrules_the_file_and_the_file_the_default(tmp_path: Path) -> None:
    path = tmp_path / "run.yaml"
    path.write_text("data: a.csv\nseed: 3\nsource: {offline: true}\ncolumns: {text: t, target: u}\n")
    found, _ = parsed("--config", str(path), "--seed", "0", "--no-offline", "--target", "v")
    expected = config.build(RunConfig, {"data": "a.csv", "columns": {"text": "t", "target": "v"}})
    assert found == expected


def test_the_file_is_blamed_for_its_mistakes_and_the_flag_for_its_own(tmp_path: Path) -> None:
    path = tmp_path / "run.yaml"
    path.write_text("seed: -3\n")
    with pytest.raises(ConfigError, match=r"run\.yaml: seed -3"):
        parsed("--config", str(path), "--seed", "4")
    path.write_text("seed: 3\n")
    with pytest.raises(ConfigError, match=r"^time limit '3x'"):
        parsed("--config", str(path), "--time-limit", "3x")


def test_a_command_may_take_a_part() -> None:
    part = Annotated[RunConfig, Only("data", "columns")]
    found, _ = parsed("a.csv", "--target", "x", annotation=part)
    assert (found.data, found.columns.target) == ("a.csv", "x")
    with pytest.raises(Exception, match="No such option: --seed"):
        parsed("--seed", "3", annotation=part)


def test_offline_reaches_the_libraries_from_flag_and_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import os

    path = tmp_path / "run.yaml"
    path.write_text("source: {offline: true}\n")
    for arguments in (["--offline"], ["--config", str(path)]):
        monkeypatch.setenv("HF_HUB_OFFLINE", "0")
        parsed(*arguments)
        assert os.environ["HF_HUB_OFFLINE"] == "1"


def test_names_of_plugins_are_completed_also_after_a_comma(shell: Callable[..., Any]) -> None:
    def offered(words: str) -> list[str]:
        environment = {
            "_AUTOGPT_COMPLETE": "complete_bash", "COMP_WORDS": words, "COMP_CWORD": str(len(words.split()) - 1)
        }  # fmt: skip
        return shell(environment=environment).out.split()

    assert offered("autogpt run --method tf") == ["tfidf"]
    assert offered("autogpt run --method majority,tf") == ["majority,tfidf"]
    assert "text-classification" in offered("autogpt run --task text-")
    assert offered("autogpt pred") == ["predict"]
