"""`autogpt pretrain`: a language model trained on texts alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from autogpt.cli.flags import Only
from autogpt.cli.live import Live
from autogpt.cli.screen import Screen
from autogpt.config import Pretraining, RunConfig

if TYPE_CHECKING:
    from autogpt.regimes.pretraining import Pretrained


def pretrain(
    screen: Screen,
    config: Annotated[
        RunConfig,
        Only(
            "data",
            "time_limit",
            "output",
            "seed",
            "text",
            "offline",
            "backbone",
            "revision",
            "scratch",
        ),
    ],
    pretraining: Pretraining,
) -> None:
    """Train a language model on the texts of DATA: from nothing, or on from --backbone; measured on held-out texts."""
    from autogpt.regimes import pretraining as regime

    with Live(screen, limit=config.time_limit) as listen:
        found = regime.pretrain(config, pretraining, listen=listen)
    show_pretrained(screen, found)


def show_pretrained(screen: Screen, found: Pretrained) -> None:
    """What a training on texts came to."""
    facts = found.facts
    document = {"run": found.folder, "model": found.model, **facts}
    before = "" if facts["before"] is None else f"{facts['before']:.3f} → "
    rows = [
        (screen.t(facts["measure"]), f"{before}{facts['after']:.3f}"),
        (screen.t("held-out bytes"), f"{facts['held_out_bytes']:,}"),
        (screen.t("tokens to learn from"), f"{facts['learned_tokens']:,}"),
        (screen.t("parameters"), f"{facts['parameters']:,}"),
    ]
    screen.result(document, screen.table(("", ""), rows, header=False))
    screen.note("use it with:  autogpt run DATA --backbone {folder}", folder=found.model)
