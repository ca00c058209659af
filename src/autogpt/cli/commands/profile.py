"""`autogpt profile`: look at the data, train nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

from autogpt.cli.flags import Only
from autogpt.cli.screen import Screen
from autogpt.config import RunConfig
from autogpt.errors import ConfigError

if TYPE_CHECKING:
    from rich.console import RenderableType

    from autogpt.data.profile import Profile

_FIRST, _LAST = 8, 3  # labels listed where there are many; the JSON document has all


def profile(screen: Screen, config: Annotated[RunConfig, Only("data", "goal", "query", "offline", "columns")]) -> None:
    """Say what DATA is: columns, task, languages, lengths, balance, duplicates, leaks, suspicious labels."""
    if not config.data:
        raise ConfigError("there is nothing to look at; give DATA (a file, folder or bundled name) or --config FILE")
    from autogpt.data import profile as profiling
    from autogpt.data.read import read

    ask = screen.ask if screen.interactive else None
    with screen.working("reading {data}", data=config.data):
        table = read(config.data, query=config.source.query, offline=config.source.offline)
    with screen.working("looking at {rows} rows", rows=f"{len(table):,}"):
        found = profiling.profile(table, goal=config.goal, columns=config.columns, ask=ask)
    screen.result({**found.to_dict(), "notes": list(table.notes)}, *_parts(screen, found, table.notes))


def _parts(screen: Screen, found: Profile, notes: Sequence[str]) -> list[RenderableType]:
    t, schema = screen.t, found.schema
    facts = [
        (t("task"), schema.task),
        (t("text"), schema.told),
        (t("target"), ", ".join(schema.target)),
        *((t(name), value) for name, value in (("group", schema.group), ("date", schema.time), ("split", schema.split))
          if value),
        (t("rows"), t("{used} of {rows} used", used=f"{found.used:,}", rows=f"{found.rows:,}")),
        (t("languages"), _shares(found.languages)),
        (t("words"), _range(found.words, "{:,.0f}")),
    ]  # fmt: skip
    if found.value:
        facts.append((t("values"), _range(found.value, "{:g}")))
    parts: list[RenderableType] = [screen.table(("", ""), facts, header=False)]
    if found.balance:
        parts += ["", _labels(screen, found.balance)]
    told = (*notes, *found.reasons)
    parts += ["", screen.heading("Why"), "\n".join(f"  {t.translate(reason)}" for reason in told)]
    warnings = found.warnings()
    if warnings:
        parts += ["", screen.heading("Look at")]
        parts.append("\n".join(f"  ! {t.translate(warning)}" for warning in warnings))
    return parts


def _labels(screen: Screen, balance: Mapping[str, int]) -> RenderableType:
    """Labels with their share as a bar; of many labels the commonest and the rarest."""
    total, most = sum(balance.values()) or 1, max(balance.values()) or 1
    ordered = sorted(balance.items(), key=lambda item: -item[1])
    many = len(ordered) > _FIRST + _LAST + 1
    rows: list[tuple[Any, ...]] = [
        (label, f"{count:,}", f"{count / total:.1%}", "▇" * max(1, round(20 * count / most)))
        for label, count in (ordered[:_FIRST] + ordered[-_LAST:] if many else ordered)
    ]
    if many:
        more = screen.t("and {count} more labels", count=f"{len(ordered) - _FIRST - _LAST:,}")
        rows.insert(_FIRST, (more, "", "", ""))
    return screen.table(("label", ">rows", ">share", ""), rows)


def _shares(languages: Mapping[str, float]) -> str:
    return ", ".join(f"{code} {share:.0%}" for code, share in languages.items())


def _range(quantiles: Mapping[str, float], form: str) -> str:
    """Least, median, 95 % and most, each written in a form."""
    if not quantiles:
        return ""
    low, middle, high, most = (form.format(quantiles[q]) for q in ("0", "50", "95", "100"))
    return f"{low} … {middle} … {high} (95 %) … {most}"
