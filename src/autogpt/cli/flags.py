"""Flags from dataclasses, written once. A command asks for what it needs by type:

    def run(screen: Screen, config: RunConfig, *, dry_run: Annotated[bool, typer.Option(...)] = False) -> None: ...

and `command` turns `config` into one flag per field (name, type, help and default are the field's), adds `--config`,
and turns `screen` into `--json --quiet --lang`. `Annotated[RunConfig, Only("data", "goal", "columns")]` takes a part.
A flag that is not given stays unset, so that the file's value, and then the field's default, count.
"""

from __future__ import annotations

import copy
import functools
import inspect
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, is_dataclass
from typing import Annotated, Any, get_args, get_origin

import typer

from autogpt import config, registry, runtime
from autogpt.cli.catalogue import Catalogue
from autogpt.cli.screen import Screen, Show
from autogpt.config import Alignment, Distilling, FewLabels, Labelling, MultiTask, Pretraining, RunConfig
from autogpt.errors import Interrupted
from autogpt.setting import Option

_PANELS = {
    "": "Options",
    "source": "Source",
    "columns": "Columns (only to overrule what is found in the data)",
    "search": "Search",
    "experiments": "Search",
    "compute": "Who works on trials",
    "scratch": "Language model from nothing",
    "remote": "Language model behind an endpoint",
    "teaching": "Teacher of rows without a target",
    "adaptive": "Reading before tuning",
    "guide": "Planner and memory of past runs",
    "serving": "What the model may cost to serve",
}
_KINDS: Mapping[Any, str] = {
    RunConfig: "",
    MultiTask: "Several data sets",
    Labelling: "Labelling",
    FewLabels: "Without labels, or with few",
    Pretraining: "Training on texts",
    Alignment: "Preferences and rewards",
    Distilling: "Teacher and student",
    Show: "Output",
}
_TYPES: Mapping[str, Any] = {"time_limit": str}
_SHOWN = frozenset(option.name for option in config.options(Show))


@dataclass(frozen=True, slots=True)
class Only:
    """The settings a command takes; a section's name stands for all of it."""

    names: tuple[str, ...]

    def __init__(self, *names: str) -> None:
        object.__setattr__(self, "names", names)


def command(function: Callable[..., None], t: Catalogue) -> Callable[..., None]:
    """The function as Typer wants it: dataclass parameters spelled out as flags, help in the user's language."""
    parameters: list[inspect.Parameter] = []
    expanded: dict[str, tuple[Any, dict[str, Option]]] = {}
    for parameter in inspect.signature(function, eval_str=True).parameters.values():
        kind, only = _dataclass_of(parameter)
        if kind is None:
            parameters.append(_translated(parameter, t))
            continue
        chosen = {o.name: o for o in config.options(kind) if not only or o.name in only or o.section in only}
        expanded[parameter.name] = (kind, chosen)
        parameters += [_flag(option, t, panel=_KINDS[kind]) for option in chosen.values()]
        if kind is RunConfig:
            parameters.append(_config_file(t))

    @functools.wraps(function)
    def run(**given: Any) -> None:
        path = given.pop("config_file", None)
        arguments: dict[str, Any] = {}
        for name, (kind, chosen) in expanded.items():
            values = {option.key: given.pop(option.name) for option in chosen.values()}
            built = _built(kind, values, path if kind is RunConfig else None)
            if isinstance(built, RunConfig) and built.source.offline:
                runtime.forbid_network()
            arguments[name] = Screen(built, t) if isinstance(built, Show) else built
        screens = [value for value in arguments.values() if isinstance(value, Screen)]
        with screens[0].guarded() if screens else nullcontext():
            try:
                function(**arguments, **given)
            except KeyboardInterrupt as error:  # Typer would end without a word
                raise Interrupted("stopped", resume="") from error

    parameters.sort(key=_place)
    signature = inspect.Signature(parameters)
    run.__signature__ = signature  # type: ignore[attr-defined]
    run.__annotations__ = {p.name: p.annotation for p in parameters}
    run.__doc__ = t(inspect.cleandoc(function.__doc__ or ""))
    return run


def _place(parameter: inspect.Parameter) -> int:
    """Where a parameter stands in the help: arguments, options, overrides, output."""
    info = get_args(parameter.annotation)[1]
    if isinstance(info, typer.models.ArgumentInfo):
        return 0
    return 2 if parameter.name in _SHOWN else 1


def _dataclass_of(parameter: inspect.Parameter) -> tuple[Any, tuple[str, ...]]:
    """The dataclass that a parameter asks for, with the part of it that is wanted."""
    annotation, only = parameter.annotation, ()
    if get_origin(annotation) is Annotated and isinstance(get_args(annotation)[1], Only):
        annotation, part = get_args(annotation)
        only = part.names
    if annotation is Screen:
        return Show, only
    return (annotation, only) if is_dataclass(annotation) else (None, only)


def _built(kind: Any, flags: Mapping[str, Any], path: str | None) -> Any:
    """The dataclass from the file's values with the given flags over them; each is blamed for its own mistakes."""
    values = config.read(path) if path else {}
    if values:
        config.build(kind, values, origin=str(path))
    for key, value in flags.items():
        section, _, name = key.rpartition(".")
        if value is not None:
            inner = values.get(section) or {} if section else values
            values = {**values, section: {**inner, name: value}} if section else {**values, name: value}
    return config.build(kind, values)


def _flag(option: Option, t: Catalogue, *, panel: str) -> inspect.Parameter:
    """One setting as a parameter that Typer understands."""
    wanted = _TYPES.get(option.name, option.type)
    info: Any
    if option.argument:
        info = typer.Argument(help=t(option.help), metavar=option.name.upper(), show_default=False)
    else:
        names = [option.flag, *option.flags]
        if option.type is bool and panel != _KINDS[Show]:
            names[0] += f"/--no-{option.name.replace('_', '-')}"
        info = typer.Option(
            *names,
            help=_with_default(option, t),
            metavar=None if option.type is bool else option.metavar or (option.kind or "text").rstrip("s").upper(),
            rich_help_panel=t(panel or _PANELS[option.section]),
            show_default=False,
            autocompletion=_completion(option.kind) if option.kind else None,
        )
    return _parameter(option.name, Annotated[wanted | None, info], None)


def _config_file(t: Catalogue) -> inspect.Parameter:
    info = typer.Option(
        "--config", "-c", metavar="FILE", help=t("YAML file with the same settings; flags overrule it"),
        rich_help_panel=t("Options"),
    )  # fmt: skip
    return _parameter("config_file", Annotated[str | None, info], None)


def _with_default(option: Option, t: Catalogue) -> str:
    """The help and the default, which Typer cannot see: to it, a flag that is not given is unset."""
    if option.default is None or option.default is False or option.default == "":
        return t(option.help)
    shown = config.duration(option.default) if option.name == "time_limit" else str(option.default)
    return t("{help} (default: {default})", help=t(option.help), default=shown)


def _completion(kind: str) -> Callable[[str], list[str]]:
    """Names of a kind of plug-in for the shell, none of them imported; after a comma a further one."""

    def complete(incomplete: str) -> list[str]:
        before, comma, started = incomplete.rpartition(",")
        return [before + comma + name for name in registry.names(kind) if name.startswith(started)]

    return complete


def _translated(parameter: inspect.Parameter, t: Catalogue) -> inspect.Parameter:
    """A command's own argument or option, with its help in the user's language."""
    wanted, info = get_args(parameter.annotation)
    info = copy.copy(info)
    info.help = t(info.help)
    if isinstance(info, typer.models.OptionInfo):
        info.rich_help_panel = t("Options")
    return _parameter(parameter.name, Annotated[wanted, info], parameter.default)


def _parameter(name: str, annotation: Any, default: Any) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)
