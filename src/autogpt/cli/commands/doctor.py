"""`autogpt doctor`: will it work here, and if not, why not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from autogpt.cli.screen import Screen, clean

if TYPE_CHECKING:
    from rich.console import RenderableType


def doctor(
    screen: Screen,
    *,
    quick: Annotated[bool, typer.Option("--quick", help="do not load torch: devices are not examined")] = False,
) -> None:
    """Show versions, devices, memory, disk and cached models, and what will not work here and why."""
    from autogpt import doctor as examination
    from autogpt.memory import size

    found = examination.examine(quick=quick)
    machine, devices, t = found["machine"], found["devices"], screen.t
    facts = [
        ("autogpt", f"{found['autogpt']}, Python {found['python']}, {found['platform']}"),
        (t("machine"), t("{cores} cores, {free} of {total} memory free", cores=machine["cores"],
                         free=size(machine["memory_free_bytes"]), total=size(machine["memory_bytes"]))),
        (t("disk"), t("{free} free in {folder}", free=size(machine["disk_free_bytes"]), folder=machine["folder"])),
        (t("device"), _device(screen, devices)),
        (t("network"), t("forbidden (HF_HUB_OFFLINE)") if found["offline"] else t("used only for what you name")),
        (t("Hub cache"), _cache(screen, found["hub_cache"], size)),
    ]  # fmt: skip
    versions = [(name, version or t("not installed")) for name, version in found["versions"].items()]
    screen.result(
        found,
        screen.table(("", ""), facts, header=False),
        "",
        screen.table(("package", "version"), versions),
        "",
        _checks(screen, found["checks"]),
    )


def _device(screen: Screen, devices: Mapping[str, Any] | None) -> str:
    if devices is None:
        return screen.t("not examined (--quick)")
    return "; ".join([devices["device"], *map(screen.t.translate, devices["reasons"])])


def _cache(screen: Screen, cache: Mapping[str, Any], size: Any) -> str:
    names = [f"{model['name']} ({size(model['bytes'])})" for model in cache["models"]]
    return ", ".join(names) if names else screen.t("no models in {folder}", folder=cache["folder"])


def _checks(screen: Screen, checks: list[Mapping[str, Any]]) -> RenderableType:
    from rich.text import Text

    rows: list[tuple[Any, ...]] = []
    for check in checks:
        mark = Text("✓", style="green") if check["works"] else Text("✗", style="yellow")
        reason = Text(clean(screen.t.translate(check["reason"])))
        if check["fix"]:
            reason.append("\n→ " + clean(screen.t.translate(check["fix"])), style="cyan")
        rows.append((mark, screen.t.translate(check["name"]), reason))
    return screen.table(("", "what", "why"), rows)
