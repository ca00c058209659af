"""The house's rules, checked on the source itself: who may import whom, sizes, forbidden calls.

Every rule has a counter-example below it (`test_the_check_*`), so that none of them can pass by finding nothing.
"""

from __future__ import annotations

import ast
import importlib
import sys
import textwrap
from collections.abc import Iterator
from dataclasses import MISSING, fields, is_dataclass
from pathlib import Path

import pytest

from autogpt import registry

PACKAGE = Path(__file__).parents[1] / "src" / "autogpt"
FILES = sorted(PACKAGE.rglob("*.py"))
MAX_FILE_LINES, MAX_FUNCTION_LINES, MAX_FIELDS = 450, 80, 8

# A module may import rooms of a lower floor, and its own room. Names are first parts below `autogpt`. Rooms of a floor
# that is open may use each other (Python itself refuses circles); on a closed floor they never know each other.
FLOORS = (
    ("open", {"errors", "core"}),
    (
        "open",
        {
            "registry",
            "config",
            "runtime",
            "cells",
            "spans",
            "doctor",
            "events",
            "files",
            "footprint",
            "memory",
            "probe",
            "prompting",
            "vectors",
            "ballot",
            "blocks",
            "experts",
            "soft_targets",
            "sandbox",
            "units",
            "user_functions",
            "written",
            "controls",
            "exchange",
            "spending",
            "endpoint",
            "yaml_file",
            "setting",
            "dialogues",
            "orders",
        },
    ),
    ("closed", {*registry.KINDS}),
    ("open", {"data"}),
    ("closed", {"training", "evaluation"}),
    ("open", {"model", "multi_model", "pipeline"}),
    ("open", {"autopilot", "regimes", "labelling"}),
    ("open", {"face", "api", "datasets"}),  # face: autogpt/__init__.py
    ("open", {"cli", "__main__"}),
)
FLOOR = {room: number for number, (_, floor) in enumerate(FLOORS) for room in floor}
FREE = {"testing"}  # contract suites and doc generators: may look at everything, nothing may import them

FORBIDDEN_MODULES = {"pickle", "joblib", "dill", "cloudpickle", "shelve", "marshal"}
FORBIDDEN_CALLS = {"eval", "exec", "torch.load", "yaml.load", "np.load", "numpy.load", "os.system"}
FORBIDDEN_KEYWORDS = {"shell", "trust_remote_code", "allow_pickle"}


def room(path: Path) -> str:
    """`src/autogpt/data/split.py` -> `data`; the package's own `__init__` -> `face`."""
    first = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
    return "face" if first == "__init__" else first


def imports(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """(line, module) of every import that can run, TYPE_CHECKING blocks left out."""
    if isinstance(tree, ast.If) and "TYPE_CHECKING" in ast.unparse(tree.test):
        children: list[ast.stmt] = tree.orelse
    else:
        children = list(ast.iter_child_nodes(tree))  # type: ignore[arg-type]
    if isinstance(tree, ast.Import):
        yield from ((tree.lineno, alias.name) for alias in tree.names)
    if isinstance(tree, ast.ImportFrom):
        if tree.level:
            yield tree.lineno, "." * tree.level + (tree.module or "")
        elif tree.module == "autogpt":  # `from autogpt import registry` imports autogpt.registry
            yield from ((tree.lineno, f"autogpt.{alias.name}") for alias in tree.names)
        else:
            yield tree.lineno, tree.module or ""
    for child in children:
        yield from imports(child)


def import_faults(source: str, here: str) -> list[str]:
    """What the imports of a file in room `here` break."""
    if here not in FLOOR and here not in FREE:
        return [f"{here} stands on no floor: draw it in docs/architecture.md and add it to FLOORS"]
    faults = []
    for line, module in imports(ast.parse(source)):
        top, _, rest = module.partition(".")
        if module.startswith("."):
            faults.append(f"{line}: relative import {module}")
        if top in FORBIDDEN_MODULES:
            faults.append(f"{line}: {module} is forbidden")
        if top != "autogpt" or here in FREE:
            continue
        there = rest.split(".")[0]
        there = there if there in FLOOR or there in FREE else "face"
        if there in FREE:
            faults.append(f"{line}: only tests import autogpt.{there}")
        elif there != here and FLOOR[there] > FLOOR[here]:
            faults.append(f"{line}: upward import {here} -> {there}")
        elif there != here and FLOOR[there] == FLOOR[here] and FLOORS[FLOOR[here]][0] == "closed":
            faults.append(f"{line}: sideways import {here} -> {there}")
    return faults


def call_faults(source: str, here: str) -> list[str]:
    """Calls that no file may make (and `print`, which only cli/ may)."""
    faults = []
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call):
            continue
        name = ast.unparse(node.func)
        if name in FORBIDDEN_CALLS:
            faults.append(f"{node.lineno}: {name}()")
        if name == "print" and here not in {"cli", *FREE}:
            faults.append(f"{node.lineno}: print() outside cli/")
        for keyword in node.keywords:
            if keyword.arg in FORBIDDEN_KEYWORDS and getattr(keyword.value, "value", None) is True:
                faults.append(f"{node.lineno}: {keyword.arg}=True")
    return faults


def size_faults(source: str) -> list[str]:
    """Files and functions that are longer than one can hold in mind."""
    lines = source.count("\n")
    faults = [f"file has {lines} lines (limit {MAX_FILE_LINES})"] if lines > MAX_FILE_LINES else []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            if length > MAX_FUNCTION_LINES:
                faults.append(f"{node.lineno}: {node.name} has {length} lines (limit {MAX_FUNCTION_LINES})")
    return faults


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_file_keeps_the_rules_of_the_house(path: Path) -> None:
    source, here = path.read_text("utf-8"), room(path)
    assert import_faults(source, here) + call_faults(source, here) + size_faults(source) == []


def test_every_file_has_a_docstring_that_says_what_it_is() -> None:
    silent = [str(p.relative_to(PACKAGE)) for p in FILES if not ast.get_docstring(ast.parse(p.read_text("utf-8")))]
    assert silent == []


def test_the_core_needs_the_standard_library_only() -> None:
    for name in ("core", "errors"):
        modules = {
            module.split(".")[0] for _, module in imports(ast.parse((PACKAGE / f"{name}.py").read_text("utf-8")))
        }
        assert modules - set(sys.stdlib_module_names) - {"autogpt"} == set()


def test_there_is_no_drawer_for_everything() -> None:
    assert [p.name for p in FILES if p.stem in {"utils", "util", "misc", "common", "helpers"}] == []


PLUGINS = [(kind, name) for kind in registry.KINDS for name in registry.names(kind)]


@pytest.mark.parametrize(("kind", "name"), PLUGINS, ids=lambda value: value)
def test_a_plugin_file_offers_a_plugin_of_its_own_name(kind: str, name: str) -> None:
    plugin = registry.get(kind, name)
    assert (plugin.family if kind == "backbones" else plugin.name) == name
    module = importlib.import_module(f"autogpt.{kind}.{name.replace('-', '_')}")
    assert module.plugin is plugin


def option_classes() -> list[type]:
    """All dataclasses that users can set: those of config.py and of the methods."""
    config = importlib.import_module("autogpt.config")
    own = [c for c in vars(config).values() if isinstance(c, type) and is_dataclass(c)]
    return own + [registry.get("methods", name).options for name in registry.names("methods")]


def test_options_are_few_frozen_and_documented() -> None:
    classes = [c for c in option_classes() if c is not None]
    assert classes
    for options in classes:
        assert is_dataclass(options), options
        assert options.__dataclass_params__.frozen, f"{options.__name__} is not frozen"
        settings = [f for f in fields(options) if "help" in f.metadata or f.default is not MISSING]  # no sections
        assert len(settings) <= MAX_FIELDS, f"{options.__name__} has more than {MAX_FIELDS} settings"
        if options.__module__ != "autogpt.config.run":
            undocumented = [f.name for f in fields(options) if not f.metadata.get("help")]
            assert undocumented == [], f"{options.__name__}: fields without metadata['help']"


@pytest.mark.parametrize(
    ("source", "here", "fault"),
    [
        ("from autogpt.autopilot import run", "data", "upward import data -> autopilot"),
        ("def f():\n    import autogpt.cli", "model", "upward import model -> cli"),
        ("from autogpt import model", "core", "upward import core -> model"),
        ("from autogpt import AutoGPT", "training", "upward import training -> face"),
        ("from autogpt.methods.head import plugin", "tasks", "sideways import tasks -> methods"),
        ("from autogpt.evaluation import score", "training", "sideways import training -> evaluation"),
        ("from autogpt.testing import contracts", "cli", "only tests import autogpt.testing"),
        ("from .core import Row", "data", "relative import .core"),
        ("import pickle", "model", "pickle is forbidden"),
        ("x = 1", "attic", "attic stands on no floor"),
    ],
)
def test_the_check_sees_a_forbidden_import(source: str, here: str, fault: str) -> None:
    assert any(fault in found for found in import_faults(source, here))


@pytest.mark.parametrize(
    ("source", "here"),
    [
        ("from autogpt.core import Row\nfrom autogpt import registry", "data"),
        ("from autogpt.methods.head import plugin", "methods"),
        ("from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from autogpt.cli import main", "core"),
        ("from autogpt import AutoGPT", "cli"),
    ],
)
def test_the_check_allows_what_goes_down(source: str, here: str) -> None:
    assert import_faults(source, here) == []


@pytest.mark.parametrize(
    "call",
    [
        "torch.load(path)",
        "yaml.load(text)",
        "eval(text)",
        "exec(text)",
        "subprocess.run(command, shell=True)",
        "AutoModel.from_pretrained(name, trust_remote_code=True)",
        "print(1)",
    ],
)
def test_the_check_sees_a_forbidden_call(call: str) -> None:
    assert call_faults(call, "data")


def test_the_check_sees_what_is_too_long() -> None:
    body = textwrap.indent("x = 1\n" * MAX_FUNCTION_LINES, "    ")
    assert size_faults(f"def long():\n{body}")
    assert size_faults("x = 1\n" * (MAX_FILE_LINES + 1))
    assert size_faults("x = 1\n" * MAX_FILE_LINES) == []
