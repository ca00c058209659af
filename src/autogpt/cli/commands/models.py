"""`autogpt models`: what can be trained, and from what; of a backbone, what can be done with it and what that takes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from autogpt.cli.flags import Only
from autogpt.cli.screen import Screen
from autogpt.config import RunConfig

if TYPE_CHECKING:
    from rich.console import RenderableType


def models(
    screen: Screen,
    config: Annotated[RunConfig, Only("revision", "offline", "memory_limit")],
    *,
    name: Annotated[
        str | None, typer.Argument(metavar="NAME", help="a backbone: folder, Hub name, or all-MiniLM-L6-v2")
    ] = None,
    tasks: Annotated[bool, typer.Option("--tasks", help="list the tasks only")] = False,
) -> None:
    """List tasks, methods and backbones; of the backbone NAME, say what it can do and what memory methods take."""
    if name is not None:
        with screen.working("rehearsing what {name} can do", name=name):
            found = _portrait(config, name)
        screen.result(found, *_shown(screen, found))
        return
    from autogpt import registry

    listed: dict[str, Any] = {"tasks": [_task(registry.get("tasks", name)) for name in registry.names("tasks")]}
    t = screen.t.translate
    task_rows = [(task["name"], t(task["summary"]), ", ".join(task["metrics"][:2])) for task in listed["tasks"]]
    parts: list[Any] = [screen.table(("task", "learns", "metrics"), task_rows)]
    if not tasks:
        listed["methods"] = [_method(registry.get("methods", name)) for name in registry.names("methods")]
        listed["backbones"] = _backbones()
        parts += _listed(screen, listed)
    screen.result(listed, *parts)


def _listed(screen: Screen, listed: Mapping[str, Any]) -> list[Any]:
    from autogpt import memory

    t = screen.t.translate
    method_rows = [(one["name"], t(one["summary"])) for one in listed["methods"]]
    parts: list[Any] = ["", screen.table(("method", "fits"), method_rows)]
    if not listed["backbones"]:
        return [*parts, "", screen.t("no backbone is on this machine; pip install 'autogpt[offline]' brings one")]
    backbone_rows = [
        (one["name"], t(one["from"]), memory.size(one["bytes"]) if one["bytes"] else "") for one in listed["backbones"]
    ]
    told = screen.t("`autogpt models NAME` says what a backbone can do, and what each method takes of memory")
    return [*parts, "", screen.table(("backbone", "from", ">size"), backbone_rows), "", told]


def _portrait(config: RunConfig, name: str) -> dict[str, Any]:
    from autogpt.autopilot.portrait import describe
    from autogpt.config import byte_count
    from autogpt.memory import Guard
    from autogpt.runtime import detect

    return describe(
        name,
        revision=config.search.revision,
        offline=config.source.offline,
        guard=Guard(byte_count(config.search.memory_limit)),
        device=detect().device,
    )


def _shown(screen: Screen, found: Mapping[str, Any]) -> list[RenderableType]:
    """A portrait for people: facts, what it can do, what methods take."""
    from autogpt.memory import size

    t, room = screen.t, found["memory"]
    languages = ", ".join(found["languages"]) if found["languages"] else t("not known")
    able = ", ".join(one["name"] for one in found["outputs"] if one["works"])
    facts = [
        (t("family"), found["family"]),
        (t("shape"), t("{layers} layers of width {width}, {parameters} parameters", layers=found["layers"],
                       width=found["width"], parameters=f"{found['parameters']:,}")),
        (t("tokens of a text"), t("{tokens} are read, {most} at most", tokens=found["tokens"],
                                  most=found["most_tokens"])),
        (t("languages"), languages),
        (t("output kinds"), able or t("none")),
    ]  # fmt: skip
    facts += [(t("not {kind}", kind=one["name"]), one["reason"]) for one in found["outputs"] if not one["works"]]
    words = {
        "whole": t("yes"),
        "in parts": t("yes, in smaller parts"),
        "no": t("no"),
        None: "",
    }
    rows = []
    for one in found["methods"]:
        need = one["memory"]
        told = (size(need["most"]), size(need["needed"])) if need else ("", "")
        why = words[one["fits"]] if one["works"] else screen.t.translate(one["reason"])
        rows.append((one["name"], ", ".join(one["outputs"]), *told, why))
    bound = screen.t.translate(room["bound"])
    return [
        screen.table(("", ""), facts, header=False),
        "",
        screen.table(("method", "output kinds", ">memory", ">at least", "here"), rows),
        "",
        t("{share}% of {free} ({bound}) are planned with; a text of {tokens} tokens, batches as each method has them",
          share=round(100 * room["share"]), free=size(room["bytes"]), bound=bound, tokens=found["tokens"]),
    ]  # fmt: skip


def _task(task: Any) -> dict[str, Any]:
    return {"name": task.name, "summary": task.summary, "output": task.output, "metrics": list(task.metrics)}


def _method(method: Any) -> dict[str, Any]:
    return {"name": method.name, "summary": method.summary, "needs_backbone": method.needs_backbone,
            "outputs": sorted(method.outputs)}  # fmt: skip


def _backbones() -> list[dict[str, Any]]:
    """The embedded encoders and usable models in the Hub cache; local folders are known only when named."""
    from pathlib import Path

    from autogpt import doctor
    from autogpt.backbones import _multilingual

    found: list[dict[str, Any]] = []
    embedded = doctor.embedded_encoder()
    if embedded:
        weights = sum(path.stat().st_size for path in Path(embedded).glob("*.safetensors"))
        found.append({"name": "all-MiniLM-L6-v2", "from": "embedded", "bytes": weights, "folder": embedded})
    if (packed := _multilingual.packed()) is not None:
        size = packed.stat().st_size
        found.append({"name": _multilingual.NAME, "from": "embedded", "bytes": size, "folder": str(packed.parent)})
    for model in doctor.cached_models():
        if model["usable"]:
            found.append({"name": model["name"], "from": "Hub cache", "bytes": model["bytes"], "folder": None})
    return found
