"""Everything the command line says can be said in Chinese, with the same values in it."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from autogpt import config
from autogpt.cli import app, flags, live
from autogpt.cli.catalogue import LANGUAGES, Catalogue, language
from autogpt.cli.commands import runs
from autogpt.cli.screen import Show
from autogpt.config import Alignment, Distilling, FewLabels, Labelling, MultiTask, RunConfig
from autogpt.errors import ConfigError

CLI = Path(app.__file__).parent
ENTRIES: dict[str, str] = json.loads((CLI / "messages" / "zh.json").read_text("utf-8"))
SPEAKING = {"t", "note", "warn", "heading", "working"}  # methods whose first argument is said


def literals(node: ast.AST) -> Iterator[str]:
    """The strings that an expression can be (a constant, or either branch of a condition)."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    if isinstance(node, ast.IfExp):
        yield from literals(node.body)
        yield from literals(node.orelse)


def said(source: str) -> Iterator[str]:
    """Every message literal in a file: what is said, help texts, table heads, docstrings of commands."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if name in SPEAKING and node.args:
                yield from literals(node.args[0])
            if name == "table" and node.args and isinstance(node.args[0], ast.Tuple):
                yield from (head.lstrip(">") for part in node.args[0].elts for head in literals(part))
            yield from (one for word in node.keywords if word.arg == "help" for one in literals(word.value))


def commands() -> Iterator[Any]:
    yield from (function for _, functions in app._PANELS for function in functions)


def every_message() -> set[str]:
    found = {message for path in CLI.rglob("*.py") for message in said(path.read_text("utf-8"))}
    found |= {
        option.help
        for kind in (RunConfig, MultiTask, Labelling, FewLabels, Alignment, Distilling, Show)
        for option in config.options(kind)
    }
    found |= {(function.__doc__ or "").strip() for function in commands()} | {panel for panel, _ in app._PANELS}
    found |= {
        app._EXIT_CODES,
        app._PROMISE,
        *flags._PANELS.values(),
        *flags._KINDS.values(),
        *live._NAMES.values(),
        *runs.STATES,
        *live.STATES,
    }
    return {message for message in found if re.search("[A-Za-z]{2}", re.sub(r"{\w+}", "", message))}


def placeholders(message: str) -> set[str]:
    return set(re.findall(r"{(\w+)}", message))


def test_every_message_has_a_chinese_entry() -> None:
    assert sorted(every_message() - ENTRIES.keys()) == []


def test_the_collector_finds_what_is_said() -> None:
    source = 'screen.note("a b")\nt("c" if x else "d")\nscreen.table((">e", f), rows)\nOption(help="g")\nother("h")\n'
    assert set(said(source)) == {"a b", "c", "d", "e", "g"}


@pytest.mark.parametrize("english", sorted(ENTRIES))
def test_a_translation_is_chinese_and_keeps_its_values(english: str) -> None:
    chinese = ENTRIES[english]
    assert placeholders(chinese) == placeholders(english)
    assert re.search(r"[\u4e00-\u9fff]", chinese), "untranslated"
    assert set(re.findall(r"--[a-z-]+", english)) == set(re.findall(r"--[a-z-]+", chinese)), "flags are names"


def test_finished_sentences_from_below_are_translated() -> None:
    t = Catalogue("zh")
    t.__dict__["entries"] = {
        "{path} has no {what}": "{path} 中没有{what}",
        "{path} has no {what} at all": "{path} 全无{what}",
    }
    assert t.translate("a.csv has no rows") == "a.csv 中没有rows"
    assert t.translate("a.csv has no rows at all") == "a.csv 全无rows"
    assert t.translate("something else") == "something else"
    assert t.translate("{path} {0} %s") == "{path} {0} %s", "data is never a template"


@pytest.mark.parametrize(
    ("arguments", "environment", "expected"),
    [
        (["runs", "--lang", "zh"], {}, "zh"),
        (["--lang=zh", "--help"], {}, "zh"),
        (["runs"], {"LANG": "zh_CN.UTF-8"}, "zh"),
        (["runs"], {"LANG": "zh_CN.UTF-8", "LC_ALL": "C"}, "en"),
        (["runs", "--lang", "en"], {"LANG": "zh_CN.UTF-8"}, "en"),
        (["predict", "m", "--", "--lang", "zh"], {}, "en"),
        (["runs"], {}, "en"),
    ],
)
def test_the_language_is_the_flags_or_the_locales(
    arguments: list[str], environment: dict[str, str], expected: str
) -> None:
    assert language(arguments, environment) == expected


def test_an_unknown_language_is_refused_with_those_that_exist() -> None:
    with pytest.raises(ConfigError, match=f"there are: {', '.join(LANGUAGES)}"):
        Catalogue("tlh")


@pytest.mark.parametrize("command", ["", *sorted(function.__name__ for function in commands())])
def test_a_help_page_is_chinese_throughout_and_no_line_is_cut(
    autogpt: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    page = autogpt(*command.split(), "--help", "--lang", "zh").out
    assert "…" not in page
    starts = [line for line in page.splitlines() if re.match("  ?(-|[a-z]+  )", line)]
    assert starts
    assert [line for line in starts if not re.search(r"[\u4e00-\u9fff]", line)] == []
