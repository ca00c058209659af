"""Writes docs/reference/*.md from the code: `python docs/reference.py`. A test fails when a page is out of date."""

from __future__ import annotations

import importlib
import inspect
import re
from collections.abc import Iterable, Iterator
from dataclasses import MISSING, fields, is_dataclass
from pathlib import Path
from typing import Any

import typer

import autogpt
from autogpt import config, errors, registry
from autogpt.cli.app import build
from autogpt.cli.catalogue import Catalogue
from autogpt.evaluation.report import Report
from autogpt.model import Model
from autogpt.setting import Option

FOLDER = Path(__file__).parent / "reference"
NOTE = "<!-- Written by docs/reference.py from the code; do not edit. -->\n\n"


def table(head: Iterable[str], rows: Iterable[Iterable[Any]]) -> str:
    """A Markdown table."""
    columns = list(head)
    lines = [columns, ["---"] * len(columns), *([_cell(value) for value in row] for row in rows)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


def _cell(value: Any) -> str:
    return " ".join(str("" if value is None else value).replace("|", "\\|").split())


def code(values: Iterable[str]) -> str:
    return ", ".join(f"`{value}`" for value in values)


def doc(thing: Any) -> str:
    return inspect.cleandoc(thing.__doc__ or "").replace("\n\n", "\0").replace("\n", " ").replace("\0", "\n\n")


def cli() -> str:
    """Every command with its arguments and flags."""
    group: Any = typer.main.get_command(build(Catalogue("en")))
    parts = ["# Commands\n"]
    for name, command in group.commands.items():
        arguments = [p for p in command.params if p.param_type_name == "argument"]
        usage = " ".join(p.metavar for p in arguments)
        parts.append(f"## `autogpt {name}`\n\n{command.help}\n\n    autogpt {name} [OPTIONS] {usage}\n")
        parts.append(
            table(("argument", "meaning"), ((f"`{p.metavar}`", p.help) for p in arguments)) if arguments else ""
        )
        options = (p for p in command.params if p.param_type_name == "option" and "--help" not in p.opts)
        flags = ((code([*p.opts, *p.secondary_opts]), "" if p.is_flag else p.metavar, p.help) for p in options)
        parts.append(table(("flag", "value", "meaning"), flags))
    return "\n".join(part for part in parts if part)


def settings() -> str:
    """The YAML file, from the configuration's own fields."""
    rows = ((f"`{o.key}`", _type(o.type), _default(o), o.help) for o in config.options(config.RunConfig))
    return (
        "# Settings\n\nA YAML file (`autogpt run --config FILE`) has the same settings as the flags; flags overrule "
        "it.\nSettings with a dot stand in a section: `columns.target` is `target:` below `columns:`.\n\n"
        + table(("key", "type", "default", "meaning"), rows)
    )


def _type(kind: type) -> str:
    return {"str": "text", "int": "whole number", "float": "number", "bool": "true or false"}[kind.__name__]


def _default(option: Option) -> str:
    if option.name == "time_limit":
        return config.duration(option.default)
    return "" if option.default in (None, "") else str(option.default)


def tasks() -> str:
    """Tasks and their metrics; output kinds."""
    every = [registry.get("tasks", name) for name in registry.names("tasks")]
    rows = ((f"`{t.name}`", t.summary, f"`{t.output}`", code(t.metrics)) for t in every)
    metrics = ((f"`{name}`", _first_line("metrics", name), _direction(name)) for name in registry.names("metrics"))
    return (
        "# Tasks and metrics\n\nThe first metric of a task picks the winner; `--metric` names another.\n\n"
        + table(("task", "what is learned", "output kind", "metrics"), rows)
        + "\n## Metrics\n\n"
        + table(("metric", "what it is", "better is"), metrics)
    )


def _first_line(kind: str, name: str) -> str:
    module = importlib.import_module(f"autogpt.{kind}.{name.replace('-', '_')}")
    return re.split(r"(?<!al)\. ", doc(module).split("\n")[0])[0].rstrip(".")


def _direction(name: str) -> str:
    return "higher" if registry.get("metrics", name).higher_is_better else "lower"


def methods() -> str:
    """Methods with their options and search ranges."""
    parts = ["# Methods\n"]
    for name in registry.names("methods"):
        method = registry.get("methods", name)
        parts.append(f"## `{name}`\n\n{method.summary[0].upper()}{method.summary[1:]}.\n")
        parts.append(f"Output kinds: {code(sorted(method.outputs))}. {_needs(method)}\n")
        source = importlib.import_module(f"autogpt.methods.{name.replace('-', '_')}")
        parts.append(doc(source) + "\n")
        if method.options is not None and fields(method.options):
            rows = (
                (f"`{f.name}`", _value(f), _range(f.metadata.get("search")), f.metadata["help"])
                for f in fields(method.options)
            )
            parts.append(table(("option", "default", "range of the search", "meaning"), rows))
    return "\n".join(parts)


def _needs(method: Any) -> str:
    return "Needs an encoder." if method.needs_backbone else "Needs no encoder."


def _value(field: Any) -> str:
    return "" if field.default is MISSING or field.default is None else str(field.default)


def _range(search: Any) -> str:
    if isinstance(search, list):
        return " or ".join("default" if value is None else str(value) for value in search)
    return f"{search[0]:g} to {search[1]:g}" if search else ""


def sources() -> str:
    """What can be read."""
    rows = ((f"`{name}`", registry.get("sources", name).summary) for name in registry.names("sources"))
    return "# Sources\n\nWhat `DATA` may be, on the command line and in `AutoGPT.train`.\n\n" + table(
        ("source", "what it reads"), rows
    )


def exits() -> str:
    """The tree of errors with their exit codes."""
    return "# Errors and exit codes\n\n" + inspect.cleandoc(errors.__doc__ or "") + "\n"


def api() -> str:
    """The public names with signatures and docstrings."""
    parts = ["# Python API\n"]
    for name in (n for n in autogpt.__all__ if not n.startswith("_")):
        parts += _entry(f"autogpt.{name}", getattr(autogpt, name))
    for kind in (Model, Report):
        parts += _entry(f"{kind.__module__}.{kind.__name__}", kind)
    return "\n".join(parts)


def _entry(title: str, thing: Any) -> Iterator[str]:
    call = f"    {title.split('.')[-1]}{signature(thing)}\n\n" if inspect.isroutine(thing) else ""
    yield f"## `{title}`\n\n{call}{doc(thing)}\n"
    if inspect.isclass(thing) or inspect.ismodule(thing):
        home = thing.__name__ if inspect.ismodule(thing) else thing.__module__
        for name, member in vars(thing).items():
            member = member.__func__ if isinstance(member, classmethod | staticmethod) else member
            if isinstance(member, property) and not name.startswith("_"):
                yield f"- `{name}`: {doc(member)}"
            elif inspect.isfunction(member) and member.__module__ == home and (member.__doc__ or name == "__init__"):
                told = doc(member).replace("\n\n", " ")
                if name == "__init__" and not is_dataclass(thing):
                    yield f"- `{thing.__name__}{signature(member)}`"
                elif not name.startswith("_"):
                    yield f"- `{name}{signature(member)}`: {told}"
        yield ""


def signature(routine: Any) -> str:
    """Parameters without `self`, annotations without quotes."""
    shown = re.sub(r"(: |-> )'([^']*)'", r"\1\2", str(inspect.signature(routine)))
    return re.sub(r"\((self|cls)(, )?", "(", shown).removesuffix(" -> None")


PAGES = {
    "cli.md": cli,
    "settings.md": settings,
    "tasks.md": tasks,
    "methods.md": methods,
    "sources.md": sources,
    "errors.md": exits,
    "api.md": api,
}


def render() -> dict[str, str]:
    """File name -> text."""
    return {name: NOTE + page().rstrip() + "\n" for name, page in PAGES.items()}


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    for name, text in render().items():
        (FOLDER / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
