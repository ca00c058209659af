"""A run whose answers are written, from rows to the saved model, without any backbone."""

import json
from pathlib import Path
from typing import Any

import pytest

from autogpt import AutoGPT
from autogpt.cli.app import execute
from autogpt.cli.judged import judge
from autogpt.config import Columns, Search
from autogpt.core import Table
from autogpt.errors import ConfigError, InputError

NOUNS, COLOURS = ("card", "dog", "cat", "house"), {"red": "红", "green": "绿", "blue": "蓝"}
ROWS = [
    {"english": f"the {colour} {noun} number {place}", "chinese": f"{sign}色的东西, {place}"}
    for place, (noun, (colour, sign)) in enumerate((n, c) for _ in range(12) for n in NOUNS for c in COLOURS.items())
]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> tuple[object, Path]:
    folder = tmp_path_factory.mktemp("writing")
    made = AutoGPT(output=str(folder / "runs"), num_layers=1, hidden_size=16, num_heads=2)
    return made.train(ROWS, goal="translate English into Chinese", time_limit="20s"), folder


def test_a_run_writes(model: tuple[object, Path]) -> None:
    found, folder = model
    report = found.report  # type: ignore[attr-defined]
    assert (report.task, report.metric) == ("translation", "chrf")
    assert {trial.name for trial in report.trials} >= {"majority", "tfidf", "full"}
    assert report.systems[0].scores[0].value > 0.3
    answer = found.predict(["the blue dog number 7"])[0]  # type: ignore[attr-defined]
    assert isinstance(answer.value, str)
    assert answer.value
    found.save(folder / "model")  # type: ignore[attr-defined]
    assert AutoGPT.load(folder / "model").predict(["the blue dog number 7"])[0].value == answer.value


def test_rows_to_which_the_same_is_written_stay_on_one_side() -> None:
    from autogpt.pipeline import prepare

    rows = [{"en": f"text number {i} of the day", "zh": f"第{i - (i % 6 == 5)}个文本，今天"} for i in range(120)]
    found = prepare(Table(rows, ("en", "zh"), "x"), goal="translate to Chinese", columns=Columns(), seed=0, ask=None)
    sides = [{row.target for row in side} for side in (found.train, found.validation, found.test.open())]
    assert sum(map(len, sides)) == len(set.union(*sides)) == 100


@pytest.mark.parametrize(("told", "form"), [(None, "json"), ("html", "html"), ("none", None)])
def test_the_format_of_answers_is_noticed_or_named_and_then_judged(told: str | None, form: str | None) -> None:
    from autogpt.pipeline import main_metrics, prepare

    rows = [{"prompt": f"text number {i} of the day", "json": f'{{"number": {i}}}'} for i in range(60)]
    table = Table(rows, ("prompt", "json"), "x")
    columns = Columns(task="text-generation", text="prompt", target="json")
    found = prepare(table, goal="", columns=columns, seed=0, ask=None, form=told)
    assert found.space.format == form
    assert any("are JSON" in reason for reason in found.profile.reasons) == (told is None)
    names = [metric.name for metric in main_metrics(found.task, None, found.space)]
    assert ("parse-rate" in names) == (form is not None)


def test_a_format_that_is_not_known_or_not_written_is_refused() -> None:
    from autogpt.errors import ConfigError
    from autogpt.pipeline import prepare

    rows = [{"prompt": f"text number {i} of the day", "json": f'{{"number": {i}}}'} for i in range(60)]
    table = Table(rows, ("prompt", "json"), "x")
    columns = Columns(task="text-generation", text="prompt", target="json")
    with pytest.raises(ConfigError, match="no format is called 'yaml'; there are: html, json, python"):
        prepare(table, goal="", columns=columns, seed=0, ask=None, form="yaml")
    rows = [{"text": f"text number {i} of the day", "label": "ab"[i % 2]} for i in range(60)]
    with pytest.raises(ConfigError, match="is for answers that are written"):
        prepare(Table(rows, ("text", "label"), "x"), goal="", columns=Columns(), seed=0, ask=None, form="json")


CODE = [
    {
        "prompt": f"a function that adds {number}",
        "style": style,
        "code": f"def f(a):\n    return a + {number}"
        if style == "short"
        else f"def f(a):\n    b = a + {number}\n    return b",
        "tests": f"assert f(1) == {number + 1}",
    }
    for number in range(30)
    for style in ("short", "long")
]


@pytest.fixture(scope="module")
def coder(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A translation memory: it answers with the code of the most similar prompt, in the style that is asked for."""
    columns = Columns(task="text-generation", text="prompt+style", target="code")
    made = AutoGPT(columns=columns, search=Search(methods="tfidf"), output=str(tmp_path_factory.mktemp("coder")))
    return made.train(CODE, goal="write the code", time_limit="60s")


def test_columns_beside_the_prompt_are_controls_and_one_prompt_stays_on_one_side(coder: Any) -> None:
    assert (coder.schema.text, coder.schema.controls) == (("prompt",), ("style",))
    assert sorted(coder.info["controls"]["style"]) == ["long", "short"]
    prompt = "a function that adds 7"
    short, long = (coder.predict([prompt], controls={"style": style})[0].value for style in ("short", "long"))
    assert (short.count("\n"), long.count("\n")) == (1, 2)
    assert coder.predict([{"prompt": prompt, "style": "long"}], controls={"style": "short"})[0].value == long
    with pytest.raises(InputError, match="item 0: control 'style' has 'rude', which no row to learn from had"):
        coder.predict([prompt], controls={"style": "rude"})
    with pytest.raises(InputError, match="item 0: control 'style' is not given; allowed: "):
        coder.predict([prompt])
    with pytest.raises(ConfigError, match="the model has no control 'length'; it has style"):
        coder.predict([prompt], controls={"length": 3})
    again = AutoGPT.load(coder.folder)
    assert again.predict([prompt], controls={"style": "long"})[0].value == long


def test_code_that_has_tests_is_judged_by_them(coder: Any) -> None:
    score = coder.report.systems[0].score("pass-rate")
    assert 0 <= score.value < 1  # numbers that no prompt to learn from had
    assert score.n == coder.report.main.n >= 8
    known = CODE[:8]
    found = judge(coder, Table(known, tuple(CODE[0]), "x"))
    assert found.scores["pass-rate"].n == len(known)
    assert found.scores["parse-rate"].value == 1


def test_controls_are_told_on_the_command_line(coder: Any, capsys: pytest.CaptureFixture[str]) -> None:
    def predict(*given: str) -> tuple[int, str, str]:
        code = execute(["predict", str(coder.folder), "a function that adds 7", "--json", *given])
        return (code, *capsys.readouterr())

    code, out, _ = predict("--control", "style=long")
    assert (code, json.loads(out)["predictions"][0]["label"].count("\n")) == (0, 2)
    code, out, err = predict("--control", "style")
    assert code == 2
    assert "write it as name=value" in out + err
    assert predict("--control", "mood=sad")[0] == 2
    assert predict()[0] != 0
