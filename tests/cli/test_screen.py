"""Where words go: one JSON document on standard output, people's words elsewhere, no cell drives the terminal."""

from __future__ import annotations

import io
import json
import math
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from autogpt import errors
from autogpt.cli import app
from autogpt.cli.catalogue import Catalogue
from autogpt.cli.screen import Screen, Show, as_json, clean
from autogpt.errors import AmbiguityError, AutoGPTError, Interrupted

AMBIGUOUS = AmbiguityError(
    "two columns could be the answer", question="target", candidates=("label", "意图"), flag="--target"
)


def subclasses(kind: type[AutoGPTError]) -> list[type[AutoGPTError]]:
    return [kind, *(deeper for one in kind.__subclasses__() for deeper in subclasses(one))]


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> Callable[[BaseException], None]:
    """Makes `autogpt runs` end with this error."""

    def arrange(error: BaseException) -> None:
        def runs(screen: Screen) -> None:
            """Fails."""
            raise error

        runs.__annotations__ = {"screen": Screen, "return": None}
        monkeypatch.setattr(app, "_PANELS", (("Look", (runs,)),))

    return arrange


# Errors and exit codes


def test_every_error_class_has_the_exit_code_of_the_help(autogpt: Callable[..., Any]) -> None:
    listed = {kind.exit_code for kind in subclasses(AutoGPTError)}
    shown = autogpt("--help").out
    for code in listed:
        assert f"{code} " in shown.split("Exit codes:")[1]


@pytest.mark.parametrize("kind", subclasses(AutoGPTError), ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("flags", [(), ("--json",), ("--quiet",)], ids=str)
def test_an_error_is_one_sentence_with_its_exit_code(
    autogpt: Callable[..., Any], failing: Callable[..., None], kind: type[AutoGPTError], flags: tuple[str, ...]
) -> None:
    error = {
        AmbiguityError: AMBIGUOUS,
        Interrupted: Interrupted("stopped after 3 s", resume="autogpt resume runs/a"),
    }.get(kind) or kind("row 3 is odd")
    failing(error)
    found = autogpt("runs", *flags)
    assert found.code == error.exit_code
    assert "Traceback" not in found.out + found.err
    if "--json" in flags:
        assert found.document["error"]["type"] == kind.__name__
        assert found.document["error"]["message"] == str(error)
        assert found.document["error"]["exit_code"] == found.code
        assert found.err == ""
    else:
        assert found.out == ""
        assert found.err.startswith(f"{error}\n" if kind is Interrupted else f"error: {error}\n")


def test_an_open_question_lists_its_candidates_and_the_flag(
    autogpt: Callable[..., Any], failing: Callable[..., None]
) -> None:
    failing(AMBIGUOUS)
    assert autogpt("runs").err.splitlines()[1:] == ["  1. label", "  2. 意图", "  choose with: --target NAME"]
    document = autogpt("runs", "--json").document["error"]
    assert (document["question"], document["candidates"], document["flag"]) == ("target", ["label", "意图"], "--target")


def test_a_stopped_run_says_how_to_go_on(autogpt: Callable[..., Any], failing: Callable[..., None]) -> None:
    failing(Interrupted("stopped after 3 s", resume="autogpt resume runs/a"))
    assert "go on with: autogpt resume runs/a" in autogpt("runs").err
    assert autogpt("runs", "--json").document["error"]["resume"] == "autogpt resume runs/a"


@pytest.mark.parametrize("flags", [(), ("--json",)], ids=str)
def test_the_keyboard_ends_with_130(
    autogpt: Callable[..., Any], failing: Callable[..., None], flags: tuple[str, ...]
) -> None:
    failing(KeyboardInterrupt())
    found = autogpt("runs", *flags)
    assert found.code == 130
    assert "stopped" in found.out + found.err


def test_a_bug_is_one_line_unless_its_traceback_is_asked_for(
    autogpt: Callable[..., Any], failing: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    failing(ZeroDivisionError("1/0\nsecond line"))
    found = autogpt("runs")
    assert (found.code, found.err.count("\n")) == (1, 1)
    assert "this is a bug: ZeroDivisionError: 1/0" in found.err
    monkeypatch.setenv("AUTOGPT_DEBUG", "1")
    assert "Traceback" in autogpt("runs").err


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["rum"], "Did you mean 'run'"),
        (["run", "--seeed", "3"], "--seed"),
        (["run", "--seed", "x"], "'--seed'"),
        (["run", "--seed", "-1"], "seed -1 must be 0 or more"),
        (["run", "a.csv", "b.csv"], "b.csv"),
        (["run"], "there is nothing to learn from"),
        (["run", "a.csv", "--time-limit", "soon"], "is not a duration"),
        (["run", "a.csv", "--config", "absent.yaml"], "there is no configuration file absent.yaml"),
        (["train", "a.csv"], "no method is named; give --method with auto or one of: "),
        (["train", "a.csv", "--method", "majority,tfidf"], "'majority,tfidf' is not one method"),
        (["predict"], "MODEL"),
        (["predict", "m", "a text", "--input", "f"], "texts and --input are both given"),
        (["predict", "m", "--input", "f"], "--input and --output belong together"),
        (["predict", "m", "a", "--abstain-below", "2"], "--abstain-below 2 must be from 0 to 1"),
        (["predict", "m", "a", "--abstain-below", "nan"], "must be from 0 to 1"),
        (["runs", "--lang", "tlh"], "no messages in language 'tlh'"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
@pytest.mark.parametrize("flags", [(), ("--json",)], ids=str)
def test_a_wrong_command_line_is_a_sentence_and_code_2(
    autogpt: Callable[..., Any], arguments: list[str], complaint: str, flags: tuple[str, ...]
) -> None:
    found = autogpt(*arguments, *flags)
    assert found.code == 2
    message = found.document["error"]["message"] if flags else found.err
    assert complaint in message
    assert "Traceback" not in message


# Questions


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def asked(monkeypatch: pytest.MonkeyPatch, answers: str) -> tuple[str | None, str]:
    monkeypatch.setattr("sys.stdin", Terminal(answers))
    monkeypatch.setattr("sys.stderr", Terminal())
    monkeypatch.setenv("TERM", "xterm")
    screen = Screen(Show(), Catalogue())
    assert screen.interactive
    try:
        answer: str | None = screen.ask(AMBIGUOUS)
    except AmbiguityError:
        answer = None
    return answer, screen.err.file.getvalue()  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("answers", "expected"),
    [("2\n", "意图"), ("1\n", "label"), ("\n", "label"), ("意图\n", "意图"), ("7\nno\n0\n2\n", "意图"), ("", None)],
)
def test_a_question_takes_a_number_or_a_name_and_asks_again(
    monkeypatch: pytest.MonkeyPatch, answers: str, expected: str | None
) -> None:
    answer, shown = asked(monkeypatch, answers)
    assert answer == expected
    assert "two columns could be the answer" in shown
    assert "1. label" in shown
    assert "2. 意图" in shown


@pytest.mark.parametrize("show", [Show(), Show(json=True)], ids=str)
def test_nobody_is_asked_in_a_pipe_or_for_json(monkeypatch: pytest.MonkeyPatch, show: Show) -> None:
    monkeypatch.setattr("sys.stdin", Terminal() if show.json else io.StringIO())
    monkeypatch.setattr("sys.stderr", Terminal())
    assert not Screen(show, Catalogue()).interactive


# JSON


def test_with_json_nothing_else_reaches_standard_output(
    autogpt: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def runs(screen: Screen) -> None:
        """Prints what it should not."""
        print("a library talks")
        screen.note("a note")
        screen.warn("a warning")
        screen.result({"x": 1}, "for people")

    runs.__annotations__ = {"screen": Screen, "return": None}
    monkeypatch.setattr(app, "_PANELS", (("Look", (runs,)),))
    found = autogpt("runs", "--json")
    assert found.document == {"x": 1}
    assert found.err == "a library talks\nwarning: a warning\n"
    assert autogpt("runs").out == "a library talks\nfor people\n"
    assert autogpt("runs", "--quiet").err == "warning: a warning\n"


def test_json_is_strict_whatever_is_in_the_document() -> None:
    document = {"nan": math.nan, "numpy": [np.float32(0.5), np.int64(3), np.bool_(True)], "path": Path("a") / "b",
                "tuple": ("中", None), "error": errors.InputError("x"), 3: "key"}  # fmt: skip
    assert json.loads(as_json(document), parse_constant=pytest.fail) == {
        "nan": None, "numpy": [0.5, 3, True], "path": os.path.join("a", "b"), "tuple": ["中", None], "error": "x",  # noqa: PTH118
        "3": "key",
    }  # fmt: skip
    assert as_json("中", ascii_only=True) == '"\\u4e2d"'


# What is shown


def test_control_and_direction_characters_are_written_out() -> None:
    assert clean("a\x1b[31mb\r\x07\u202e\x9bc\n\td") == "a\\x1b[31mb\\x0d\\x07\\x202e\\x9bc\n\td"


def test_a_hostile_message_cannot_drive_the_terminal(autogpt: Callable[..., Any], failing: Callable[..., None]) -> None:
    failing(AmbiguityError("col \x1b[2J [red]x[/red]", question="q", candidates=("\x1b]0;t\x07",), flag="--f"))
    shown = autogpt("runs").err
    assert "\x1b" not in shown
    assert "[red]x[/red]" in shown, "data is never markup"


def test_a_table_in_a_pipe_is_not_cut(capsys: pytest.CaptureFixture[str]) -> None:
    screen = Screen(Show(), Catalogue())
    screen.result(None, screen.table(("name", ">n"), [("x" * 300, 1), ("中文", 22)]))
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["name", "n"]
    assert lines[1].split() == ["x" * 300, "1"]
    assert lines[2].split() == ["中文", "22"]


def test_a_narrow_encoding_never_ends_a_command(shell: Callable[..., Any]) -> None:
    found = shell("runs", "没有", environment={"PYTHONIOENCODING": "latin-1", "PYTHONUTF8": "0"})
    assert found.code == 0
    assert "\\u6ca1" in found.out
