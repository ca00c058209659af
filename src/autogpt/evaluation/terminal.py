"""The report in a dozen lines: what `print(model.report)` shows."""

from __future__ import annotations

import math

from autogpt.evaluation.display import cells, clean, duration, number, size, span
from autogpt.evaluation.markdown import status
from autogpt.evaluation.report import Report
from autogpt.evaluation.sections import curve_sentence
from autogpt.evaluation.words import Words


def terminal(report: Report) -> str:
    """Verdict, score, rivals, noise, mix-ups, worst error, more data, cost; no colour, no control characters."""
    words, main = Words(report.language), report.main
    lines = [
        f"{status(report, words).upper()}: {clean(report.goal, 100) or report.task}",
        clean(report.verdict.headline, 600),
        "",
    ]
    deltas = {rival.name: rival.difference for rival in report.rivals}
    rows = []
    for system in report.systems:
        score = system.score(report.metric)
        if score is None:
            continue
        row = [clean(system.name, 40), number(score.value, score.decimals), span(score.low, score.high, score.decimals)]
        if system.name in deltas:
            d = deltas[system.name]
            row.append(f"{words('short.better')} {number(d.delta, sign=True)}")
        rows.append(row)
    lines.append(f"{report.metric} {words('short.test_rows', n=main.n)}")
    width = max(cells(row[0]) for row in rows)
    lines += ["  " + row[0] + " " * (width - cells(row[0]) + 2) + "  ".join(row[1:]) for row in rows]
    lines.append("")
    lines += _facts(report, words)
    return "\n".join(lines)


def _facts(report: Report, words: Words) -> list[str]:
    """Name and value lines, aligned."""
    facts: list[tuple[str, str]] = []
    others = [s for s in report.systems[0].scores if s.metric != report.metric and math.isfinite(s.value)]
    if others:
        facts.append(("", ", ".join(f"{s.metric} {number(s.value, s.decimals)}" for s in others)))
    if report.noise is not None:
        facts.append((words("short.noise"), words("short.noise_value", floor=report.noise.floor)))
    for i, c in enumerate(report.confusions[:3]):
        name = words("short.mixed") if i == 0 else ""
        facts.append((name, f"{clean(c.gold, 40)} → {clean(c.predicted, 40)}: {c.count} / {c.of}"))
    if report.worst:
        w = report.worst[0]
        sure = f" ({number(w.confidence, 2)})" if w.confidence is not None else ""
        pair = f"{words('col.gold')}: {clean(w.gold, 60)}, {words('col.predicted')}: {clean(w.predicted, 60)}{sure}"
        facts.append((words("short.worst"), f"“{clean(w.text, 90)}” {pair}"))
    if report.suspects:
        count = max(report.suspect_count, len(report.suspects))
        facts.append((words("short.suspects"), words("short.suspects_value", count=count)))
    facts.append((words("short.twice"), curve_sentence(report, words)))
    if report.costs is not None:
        costs = report.costs
        parts = [duration(costs.seconds), size(costs.peak_bytes), f"≈ {costs.watt_hours:.2f} Wh"]
        parts += [words("short.money", money=f"{costs.money:.4f}")] if costs.money is not None else []
        facts.append((words("short.cost"), ", ".join(parts)))
    if report.curse is not None and report.curse.flattery >= 0.0005:
        curse = report.curse
        told = words("short.curse_value", validated=number(curse.validated, 3), expected=number(curse.expected, 3))
        facts.append((words("short.curse"), told))
    for one in report.verdict.advice:
        facts.append((words("short.advice"), clean(one.text, 300)))
    for check in report.verdict.warnings:
        facts.append((words("short.care"), clean(check.text, 300)))
    width = max(cells(name) for name, _ in facts)
    return [f"{name}{' ' * (width - cells(name) + 2)}{value}" for name, value in facts]
