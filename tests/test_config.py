"""The configuration: what a file may say, what it may not, and that flags, YAML and dataclass are one thing."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autogpt import config
from autogpt.config import Columns, RunConfig, Search, Source
from autogpt.errors import ConfigError


def yaml(folder: Path, text: str | bytes) -> Path:
    path = folder / "run.yaml"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


# Durations


@pytest.mark.parametrize(
    ("text", "value"),
    [("90", 90.0), ("90s", 90.0), ("3m", 180.0), ("1h30m", 5400.0), ("1.5h", 5400.0), (" 2M ", 120.0), ("1d", 86400.0),
     (45, 45), (None, None), ("none", None)],
)  # fmt: skip
def test_a_duration_is_read(text: str | float | None, value: float | None) -> None:
    assert config.seconds(text) == value


@pytest.mark.parametrize("text", ["", "3x", "m", "3m!", "-3m", "0", "0s", -1, 0, float("nan"), float("inf"), "9" * 400])
def test_what_is_no_duration_is_refused(text: str | float) -> None:
    with pytest.raises(ConfigError):
        config.seconds(text)


@given(st.one_of(st.integers(1, 10**7).map(float), st.floats(0.001, 1e6).map(lambda x: round(x, 6))))
def test_a_duration_survives_being_written(value: float) -> None:
    assert config.seconds(config.duration(value)) == pytest.approx(value, abs=1e-6)


def test_durations_are_written_short() -> None:
    assert [config.duration(x) for x in (45, 180.0, 5400, 3661, 0.5, None)] == [
        "45s", "3m", "1h30m", "1h1m1s", "0.5s", "none",
    ]  # fmt: skip


# YAML


def test_a_file_has_the_same_fields(tmp_path: Path) -> None:
    path = yaml(
        tmp_path,
        "data: 客户.csv\ngoal: 按意图分类\ntime_limit: 3m\nseed: 7\nsource: {offline: true}\n"
        "columns:\n  text: [标题, 正文]\n  target: 意图\nsearch:\n  methods: tfidf,head\n",
    )
    assert config.load(path) == RunConfig(
        data="客户.csv",
        goal="按意图分类",
        time_limit=180.0,
        seed=7,
        source=Source(offline=True),
        columns=Columns(text="标题,正文", target="意图"),
        search=Search(methods="tfidf,head"),
    )


@pytest.mark.parametrize("text", ["", "\n", "# nothing\n", "columns:\n", "\ufeffseed: 0\n"])
def test_what_is_not_said_keeps_its_default(tmp_path: Path, text: str) -> None:
    assert config.load(yaml(tmp_path, text)) == RunConfig()


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("goall: x", "no setting is called 'goall'; did you mean 'goal'?"),
        ("columns: {tagret: a}", "no setting is called 'tagret' below 'columns:'; did you mean 'target'?"),
        ("target: a", "'target' belongs below 'columns:'"),
        ("columns: {seed: 1}", "'seed' belongs at the top of the file"),
        ("zzzz: a", "no setting is called 'zzzz'; there are: data, goal, time_limit"),
        ("columns: label", "columns is a section"),
        ("seed: one", "seed is 'one', but must be a whole number"),
        ("seed: 1.5", "seed is 1.5, but must be a whole number"),
        ("seed: -1", "seed -1 must be 0 or more"),
        ("source: {offline: maybe}", "source.offline is 'maybe', but must be true or false"),
        ("columns: {target: no}", "columns.target is False, but must be text; put it in quotes"),
        ("columns: {target: 3}", "columns.target is 3, but must be text; put it in quotes"),
        ("columns: {target: 2020-01-01}", "columns.target is a date, but must be text; put it in quotes"),
        ("data: [a, 3]", "data is a list, but must be text"),
        ("columns: {task: Text Classification}", "is not a task name"),
        ("time_limit: 3x", "is not a duration"),
        ("time_limit: true", "time_limit is True, but must be a number"),
        ("- seed", "is not a list of settings"),
        ("just words", "is not a list of settings"),
        ("seed: 1\nseed: 2", "line 2: 'seed' is given twice"),
        ("columns:\n  text: a\n  text: b", "line 3: 'text' is given twice"),
        ("data: [1", "line 1, column 9: not valid YAML"),
        ("goal: a: b", "line 1, column 8: not valid YAML"),
        ("? [1]\n: 2", "not valid YAML"),
        ("data: !!python/object/apply:os.system ['true']", "not valid YAML"),
        ("a: &a [*a]", "no setting is called 'a'"),
        ("columns: &c\n  text: *c", "columns.text is a dict, but must be text"),
        (b"goal: \xff\xfe", "is not UTF-8 text (byte 6)"),
        (b"goal: a\x00b", "not valid YAML"),
        (b"# " + b"x" * 1_000_001, "a configuration has at most 1,000,000"),
    ],
)
def test_a_mistake_in_a_file_is_named_in_one_line(tmp_path: Path, text: str | bytes, complaint: str) -> None:
    path = yaml(tmp_path, text)
    with pytest.raises(ConfigError) as caught:
        config.load(path)
    assert complaint in str(caught.value)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_bomb_of_aliases_is_refused_at_once(tmp_path: Path) -> None:
    lines = ["a0: &a0 [x, x]"] + [f"a{i}: &a{i} [*a{i - 1}, *a{i - 1}]" for i in range(1, 60)]
    with pytest.raises(ConfigError, match="no setting is called 'a0'"):
        config.load(yaml(tmp_path, "\n".join(lines)))


@pytest.mark.parametrize("name", ["absent.yaml", "."])
def test_a_missing_file_is_named(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigError, match="there is no configuration file"):
        config.load(tmp_path / name)


printable = st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=20)
names = st.one_of(st.none(), printable.filter(lambda text: text != ""))


@settings(max_examples=40)
@given(
    st.builds(
        RunConfig,
        data=printable,
        goal=printable,
        time_limit=st.one_of(st.none(), st.integers(1, 10**6).map(float)),
        seed=st.integers(0, 2**32),
        source=st.builds(Source, test=names, query=names, offline=st.booleans()),
        columns=st.builds(Columns, task=st.none(), text=names, target=names, separator=names),
        search=st.builds(Search, methods=names, backbone=names),
    )
)
def test_what_is_saved_is_loaded_again(tmp_path_factory: pytest.TempPathFactory, made: RunConfig) -> None:
    path = tmp_path_factory.getbasetemp() / "again.yaml"
    config.save(made, path)
    assert config.load(path) == made
    assert config.from_dict(config.plain(made)) == made


# Derivation


def test_every_field_is_a_setting_with_help_and_a_name_of_its_own() -> None:
    found = list(config.options(RunConfig))
    assert [o.key for o in found][:3] == ["data", "goal", "time_limit"]
    assert {"columns.target", "search.methods"} <= {o.key for o in found}
    assert all(len(o.help) > 10 for o in found)
    assert len({o.name for o in found}) == len(found), "flags have no section: names must differ"
    flags = [flag for o in found for flag in (o.flag, *o.flags)]
    assert len(set(flags)) == len(flags)


def test_one_setting_is_overridden() -> None:
    before = RunConfig(columns=Columns(text="a"))
    after = config.override(config.override(before, "columns.target", "b"), "seed", 3)
    assert after == RunConfig(seed=3, columns=Columns(text="a", target="b"))
    assert before.columns.target is None
