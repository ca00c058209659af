"""`autogpt align`: a model that writes, tuned by preferences or by a check of what it writes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

from autogpt.cli.flags import Only
from autogpt.cli.live import Live
from autogpt.cli.screen import Screen
from autogpt.config import Alignment, RunConfig

if TYPE_CHECKING:
    from autogpt.regimes.alignment import Aligned


def align(
    screen: Screen,
    config: Annotated[
        RunConfig,
        Only(
            "data",
            "time_limit",
            "output",
            "seed",
            "text",
            "target",
            "query",
            "test",
            "offline",
            "backbone",
            "revision",
            "memory_limit",
            "scratch",
        ),
    ],
    alignment: Alignment,
) -> None:
    """Tune a model that writes on DATA: pairs of answers (DPO), marked answers (KTO), or prompts and a check (GRPO)."""
    from autogpt.regimes import alignment as regime

    with Live(screen, limit=config.time_limit) as listen:
        found = regime.align(config, alignment, listen=listen)
    show_aligned(screen, found)


def show_aligned(screen: Screen, found: Aligned) -> None:
    """What a tuning by preferences or a check came to."""
    facts, t = found.facts, screen.t
    rows: list[tuple[str, str]] = []
    if "accuracy" in facts:
        rows.append((t("preferences told"), _share(facts["accuracy"])))
    if "before" in facts:
        name = t("held-out reward") if facts["kind"] == "reward" else t("chosen is likelier")
        rows.append((name, f"{facts['before']['value']:.3f} → {_share(facts['after'])}"))
        gain = facts["gain"]
        rows.append((t("gain"), f"{gain['value']:+.3f} ({gain['low']:+.3f} – {gain['high']:+.3f})"))
    elif "after" in facts:
        rows.append((t("held-out reward"), _share(facts["after"])))
    if "check" in facts:
        rows.append((t("second check"), f"{facts['check']['before']:.3f} → {facts['check']['after']:.3f}"))
    if "chosen_moved" in facts:
        rows.append((t("chosen answers, nats likelier"), f"{facts['chosen_moved']['value']:+.2f}"))
    if "moved" in facts:
        rows.append((t("nats away from the beginning"), f"{facts['moved']:.2f}"))
    rows.append((t("ended"), t.translate(facts["ended"])))
    if facts["sign"]:
        rows.append((t("sign of trouble"), facts["sign"]))
    rows.append((t("kept"), t("the tuned model") if facts["kept"] else t("the model as it was before")))
    screen.result({"run": found.folder, "model": found.model, **facts}, screen.table(("", ""), rows, header=False))
    screen.note("use it with:  autogpt run DATA --backbone {folder}", folder=found.model)


def _share(interval: Mapping[str, Any]) -> str:
    return f"{interval['value']:.3f} ({interval['low']:.3f} – {interval['high']:.3f})"
