"""The body of a report as neutral blocks (grids, figures, notes, code), which Markdown and HTML render alike."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from autogpt.evaluation import plots
from autogpt.evaluation.display import clean, duration, harmless, number, size, span
from autogpt.evaluation.energy import Costs
from autogpt.evaluation.report import Report
from autogpt.evaluation.tables import ClassRow, ClassTable
from autogpt.evaluation.words import Words


@dataclass(frozen=True, slots=True)
class Grid:
    """A table. `kinds` per column: t(ext), n(umber), l(abel). The first `shown` rows stand open, the rest is folded."""

    columns: tuple[str, ...]
    kinds: str
    rows: tuple[tuple[str, ...], ...]
    shown: int = 12
    strong: frozenset[int] = frozenset()
    name: str = ""


@dataclass(frozen=True, slots=True)
class Figure:
    """A drawing with its caption."""

    svg: Markup
    caption: str


@dataclass(frozen=True, slots=True)
class Note:
    """A sentence."""

    text: str


@dataclass(frozen=True, slots=True)
class Code:
    """Text to be copied; folded under a summary where it has one."""

    text: str
    summary: str = ""


Block = Grid | Figure | Note | Code


@dataclass(frozen=True, slots=True)
class Section:
    """One heading with what belongs under it."""

    id: str
    title: str
    blocks: tuple[Block, ...]


def sections(report: Report) -> list[Section]:
    """All sections that have something to say, in reading order."""
    words = Words(report.language)
    found = {
        "scores": _scores(report, words),
        "pairs": _pairs(report, words),
        "confusions": _confusions(report, words),
        "worst": _worst(report, words),
        "tables": _tables(report, words),
        "slices": _slices(report, words),
        "calibration": _calibration(report, words),
        "curve": _curve(report, words),
        "suspects": _suspects(report, words),
        "trials": _trials(report, words),
        "data": _data(report, words),
        "choices": _choices(report, words),
        "costs": _costs(report, words),
        "repeat": _repeat(report, words),
    }
    return [Section(name, words(f"section.{name}"), tuple(blocks)) for name, blocks in found.items() if blocks]


def forest(report: Report, words: Words) -> Figure:
    """The main score of the model beside its rivals'."""
    marks = [
        plots.Mark(system.name, score, i == 0)
        for i, system in enumerate(report.systems)
        if (score := system.score(report.metric)) is not None
    ]
    caption = words("plot.forest", metric=report.metric)
    return Figure(plots.forest(marks, caption), caption)


def _scores(report: Report, words: Words) -> list[Block]:
    names = [score.metric for score in report.systems[0].scores]
    rows = []
    for metric in names:
        own = report.systems[0].score(metric)
        if own is None:
            continue
        others = [s.score(metric) for s in report.systems[1:]]
        arrow = "" if own.higher_is_better else " ↓"
        rows.append(
            (
                metric + arrow,
                number(own.value, own.decimals),
                span(own.low, own.high, own.decimals),
                *(number(o.value if o else None, own.decimals) for o in others),
            )
        )
    head = (words("col.metric"), clean(report.systems[0].name, 60), words("col.interval"))
    columns = (*head, *(clean(system.name, 60) for system in report.systems[1:]))
    blocks: list[Block] = [Note(words("lead.scores", n=report.main.n))]
    blocks.append(Grid(columns, "l" + "n" * (len(columns) - 1), tuple(rows), strong=frozenset({0})))
    if report.rivals:
        better = [
            (clean(r.name, 60), number(d.delta, sign=True), span(d.low, d.high, sign=True), number(d.p))
            for r, d in ((rival, rival.difference) for rival in report.rivals)
        ]
        heads = (words("col.system"), f"{words('col.lead')} ({report.metric})", words("col.interval"), "p")
        blocks.append(Grid(heads, "lnnn", tuple(better)))
    noise = report.noise
    if noise is None:
        blocks.append(Note(words("lead.no_noise")))
    else:
        blocks.append(Note(words("lead.noise", runs=len(noise.scores), sd=noise.sd, floor=noise.floor)))
    return blocks + looked(report, words)


def looked(report: Report, words: Words) -> list[Block]:
    """What the score was as validated, and as picked; and who was judged on these test rows before."""
    found: list[Block] = []
    curse = report.curse
    if curse is not None and curse.trials > 1 and math.isfinite(report.main.value):
        found.append(
            Note(
                words(
                    "lead.curse",
                    name=clean(curse.name, 60),
                    metric=curse.metric,
                    validated=number(curse.validated, report.main.decimals),
                    rows=curse.rows,
                    error=number(curse.error, report.main.decimals),
                    trials=curse.trials,
                    flattery=number(curse.flattery, report.main.decimals),
                    expected=number(curse.expected, report.main.decimals),
                    test=number(report.main.value, report.main.decimals),
                )
            )
        )
    if report.looks:
        before = "; ".join(f"{clean(look.name, 60)}: {number(look.score, 4)}" for look in report.looks)
        found.append(Note(words("lead.looks", looks=len(report.looks) + 1, before=before)))
    return found


def _pairs(report: Report, words: Words) -> list[Block]:
    if not report.pairs:
        return []
    caption = words("plot.pairs")
    svg = plots.scatter(report.pairs, caption, x_label=words("col.gold"), y_label=words("col.predicted"))
    return [Note(words("lead.pairs")), Figure(svg, caption)]


def _tables(report: Report, words: Words) -> list[Block]:
    return [_class_grid(table, words) for table in report.tables if table.rows]


def _class_grid(table: ClassTable, words: Words) -> Grid:
    def line(row: ClassRow) -> tuple[str, ...]:
        return (
            clean(row.label, 80), number(row.precision), number(row.recall), number(row.f1), f"{row.support:,}",
            f"{row.predicted:,}",
        )  # fmt: skip

    ranked = sorted(table.rows, key=lambda row: (row.f1, row.label)) if table.name != "tokens" else list(table.rows)
    closing = [line(row) for row in table.averages]
    if table.accuracy is not None:
        total = f"{sum(row.support for row in table.rows):,}"
        closing.insert(0, (words("col.accuracy"), "", "", number(table.accuracy), total, total))
    columns = tuple(words(f"col.{c}") for c in ("label", "precision", "recall", "f1", "support", "predicted"))
    rows = (*closing, *(line(row) for row in ranked))
    shown = len(closing) + 12
    return Grid(columns, "lnnnnn", rows, shown, frozenset(range(len(closing))), words(f"table.{table.name}"))


def _confusions(report: Report, words: Words) -> list[Block]:
    if not report.confusions:
        return []
    columns = tuple(words(f"col.{c}") for c in ("gold", "predicted", "count", "of", "example"))
    rows = tuple(
        (clean(c.gold, 80), clean(c.predicted, 80), f"{c.count:,}", f"{c.of:,}", clean(c.example))
        for c in report.confusions
    )
    blocks: list[Block] = [Note(words("lead.confusions"))]
    if report.kinship:
        blocks.append(Note(words("lead.kinship", **report.kinship)))
    if report.matrix is not None and len(report.matrix.labels) > 1:
        caption = words("plot.matrix")
        if report.matrix.hidden:
            caption += f" ({words('fact.hidden', count=report.matrix.hidden)})"
        blocks.append(Figure(plots.heatmap(report.matrix, caption), caption))
    blocks.append(Grid(columns, "llnnt", rows, shown=6))
    return blocks


def _worst(report: Report, words: Words) -> list[Block]:
    if not report.worst:
        return []
    kind = {"value": "_value", "tokens": "_tokens", "ranking": "_ranking"}.get(report.output, "")
    names = {
        "_tokens": ("row", "text", "missed", "made_up", "confidence"),
        "_ranking": ("row", "query", "wanted", "found", "confidence"),
    }.get(kind, ("row", "text", "gold", "predicted", "error" if kind == "_value" else "confidence"))
    columns = tuple(words(f"col.{n}") for n in names)
    rows = tuple(
        (
            str(w.row), clean(w.text), clean(w.gold, 120), clean(w.predicted, 120),
            number(w.error, sign=True) if w.error is not None else number(w.confidence),
        )
        for w in report.worst
    )  # fmt: skip
    return [
        Note(words(f"lead.worst{kind}")),
        Grid(columns, "ntttn" if kind in {"_tokens", "_ranking"} else "ntlln", rows, shown=6),
    ]


def _slices(report: Report, words: Words) -> list[Block]:
    if not report.slices:
        return []
    columns = (words("col.group"), words("col.rows"), report.metric, words("col.interval"))
    rows = tuple(
        (words(f"group.{s.group}", name=clean(s.name, 60)), f"{s.n:,}", number(s.value), span(s.low, s.high))
        for s in report.slices
    )
    return [Note(words("lead.slices")), Grid(columns, "lnnn", rows)]


def _calibration(report: Report, words: Words) -> list[Block]:
    found = report.calibration
    if found is None:
        return []
    lead = words(
        "lead.calibration",
        before=found.ece_before,
        after=found.ece_after,
        temperature=found.temperature,
        unit=words(f"unit.{found.unit}"),
    )
    caption = words("plot.reliability", bins=len(found.bins))
    drawn = plots.reliability(
        found.bins, found.bins_before, caption, x_label=words("col.confidence"), y_label=words("col.accuracy")
    )
    blocks: list[Block] = [Note(lead), Figure(drawn, caption)]
    if report.abstention is not None:
        a = report.abstention
        text = words("lead.abstain", threshold=a.threshold, coverage=a.coverage, accuracy=a.accuracy)
        blocks.append(Note(text))
    if len(found.curve) > 2:
        caption = words("plot.risk")
        blocks.append(Figure(plots.risk(found.curve, caption, x_label=words("plot.risk_x")), caption))
        rows = tuple((f"{p.coverage:.0%}", number(p.threshold), number(p.accuracy)) for p in found.curve)
        columns = tuple(words(f"col.{c}") for c in ("coverage", "confidence", "accuracy"))
        blocks.append(Grid(columns, "nnn", rows, shown=0))
    return blocks


def curve_sentence(report: Report, words: Words) -> str:
    """The answer to "what would twice the data bring?", also when it is that nobody knows."""
    found = report.curve
    if found is None:
        return words("lead.curve_none")
    if found.why_not:
        return words(f"lead.curve_{found.why_not}")
    key = "lead.curve" if found.worth_it else "lead.curve_flat"
    return words(
        key,
        rows=found.rows,
        metric=found.metric,
        score=found.score,
        gain=found.gain,
        low=found.gain_low,
        high=found.gain_high,
    )


def _curve(report: Report, words: Words) -> list[Block]:
    blocks: list[Block] = [Note(curve_sentence(report, words))]
    found = report.curve
    if found is not None and len(found.points) > 1 and all(math.isfinite(p.score) for p in found.points):
        caption = words("plot.curve", metric=found.metric)
        blocks.append(Figure(plots.curve(found, caption, x_label=words("plot.curve_x")), caption))
    return blocks


def _suspects(report: Report, words: Words) -> list[Block]:
    if not report.suspects:
        return []
    columns = tuple(words(f"col.{c}") for c in ("row", "text", "given", "suggested", "confidence"))
    rows = tuple(
        (str(s.row), clean(s.text), clean(s.given, 80), clean(s.suggested, 80), number(s.confidence))
        for s in report.suspects
    )
    count = max(report.suspect_count, len(rows))
    return [Note(words("lead.suspects", count=count)), Grid(columns, "ntlln", rows, shown=6)]


def _trials(report: Report, words: Words) -> list[Block]:
    if not report.trials:
        return []
    rows = tuple(
        (str(i), clean(t.name, 80), number(t.score, 4), f"{t.seconds:.1f}", clean(t.reason))
        for i, t in enumerate(report.trials, start=1)
    )
    columns = ("", *(words(f"col.{c}") for c in ("trial", "validation", "seconds", "why")))
    chosen = frozenset(i for i, t in enumerate(report.trials) if t.chosen)
    blocks: list[Block] = [Note(words("lead.trials"))]
    if len([t for t in report.trials if t.score is not None]) > 1:
        caption = words("plot.trials", metric=report.metric)
        drawn = plots.ladder(
            report.trials, caption, x_label=words("plot.trials_x"), higher_is_better=report.main.higher_is_better
        )
        blocks.append(Figure(drawn, caption))
    blocks.append(Grid(columns, "nlnnt", rows, shown=20, strong=chosen))
    return blocks + _advised(report, words)


def _advised(report: Report, words: Words) -> list[Block]:
    """What the ladder and a planner proposed, side by side."""
    if not report.advised:
        return []
    rows = tuple(
        (
            words(f"planner.{one.planner}"),
            clean(", ".join(one.proposed), 300) or words("fact.none"),
            number(one.best, 4),
            f"{one.seconds:.1f}",
            clean("; ".join((*((one.note,) if one.note else ()), *one.refused)), 400),
        )
        for one in report.advised
    )
    columns = tuple(words(f"col.{c}") for c in ("planner", "proposed", "validation", "seconds", "refused"))
    return [Grid(columns, "ltnnt", rows, name=words("table.advised"))]


def _counts(counts: Sequence[tuple[str, int]]) -> str:
    return ", ".join(f"{clean(name, 60)} {count:,}" for name, count in counts)


def _data(report: Report, words: Words) -> list[Block]:
    d = report.data
    if not d.rows_in:
        return []
    ranked = sorted(d.labels.items(), key=lambda item: (item[1], item[0]))
    none = words("fact.none")
    facts = [
        ("splits", _counts(list(d.splits.items()))),
        ("languages", _counts(sorted(d.languages.items(), key=lambda item: -item[1]))),
        ("length", words("fact.length_value", median=d.characters_median, p95=d.characters_p95)),
        ("labels", f"{len(ranked):,}" if ranked else ""),
        ("balance", _counts([ranked[0], ranked[-1]]) if len(ranked) > 1 else ""),
        ("duplicates", f"{d.duplicates:,}" if d.duplicates else none),
        ("near_duplicates", f"{d.near_duplicates:,}" if d.near_duplicates else none),
        ("contradictions", f"{d.contradictions:,}" if d.contradictions else none),
        ("leaks", f"{d.leaks:,}" if d.leaks else none),
        ("twins", "; ".join(" ≈ ".join(clean(t, 60) for t in group) for group in d.twins) or none),
        ("pii", _counts(sorted(d.pii.items())) or none),
        ("licence", clean(d.licence)),
    ]
    rows = tuple((words(f"fact.{key}"), value) for key, value in facts if value)
    head = words("lead.data", rows_in=d.rows_in, rows_used=d.rows_used, rejected=d.rejected_count, removed=d.removed)
    blocks: list[Block] = [Note(head), Grid(("", ""), "lt", rows, shown=20)]
    if len(ranked) > 1:
        caption = words("plot.balance")
        blocks.append(Figure(plots.bars(ranked, caption), caption))
    blocks += [Note(clean(note, 600)) for note in d.notes]
    if d.rejected:
        lines = tuple(
            (clean(r.origin, 80), "–" if r.line is None else f"{r.line:,}", clean(r.reason)) for r in d.rejected
        )
        columns = ("", words("col.line"), words("col.why"))
        blocks.append(Grid(columns, "lnt", lines, shown=5, name=words("fact.rejected")))
    return blocks


def _choices(report: Report, words: Words) -> list[Block]:
    if not report.choices:
        return []
    columns = tuple(words(f"col.{c}") for c in ("question", "answer", "why"))
    rows = tuple((clean(c.question), clean(c.answer), clean(c.reason, 600)) for c in report.choices)
    return [Grid(columns, "llt", rows, shown=20)]


def _costs(report: Report, words: Words) -> list[Block]:
    c = report.costs
    if c is None:
        return []
    rows = (
        (words("fact.time"), duration(c.seconds)),
        (words("fact.cpu"), duration(c.cpu_seconds)),
        (words("fact.memory"), size(c.peak_bytes)),
        (words("fact.energy"), f"{c.watt_hours:.2f} Wh"),
        (words("fact.device"), clean(c.device, 80)),
    )
    blocks: list[Block] = [Grid(("", ""), "ln", rows)]
    if c.stages:
        stages = tuple((clean(name, 60), duration(seconds)) for name, seconds in c.stages.items())
        blocks.append(Grid((words("col.stage"), words("fact.time")), "ln", stages, shown=20))
    return [*blocks, *_predictions(c, words), Note(words("lead.energy", watts=c.watts_per_core))]


def _predictions(costs: Costs, words: Words) -> list[Block]:
    """What 1,000 predictions take, side by side; what an endpoint took in all."""
    blocks: list[Block] = []
    if costs.predictions:
        columns = [words("col.thousand"), words("fact.time")]
        rows = [[clean(one.name, 60), duration(one.seconds)] for one in costs.predictions]
        if any(one.read for one in costs.predictions):
            columns += [words("col.tokens"), words("col.money")]
            for row, one in zip(rows, costs.predictions, strict=True):
                row += [f"{one.read:,.0f} + {one.written:,.0f}", _money(one.money) if one.read else "0"]
        blocks.append(Grid(tuple(columns), "l" + "n" * (len(columns) - 1), tuple(map(tuple, rows)), shown=20))
    if costs.asked:
        told = {"asked": costs.asked, "read": costs.read, "written": costs.written, "money": _money(costs.money)}
        blocks.append(Note(words("lead.endpoint", **told)))
    return blocks


def _money(amount: float | None) -> str:
    return "–" if amount is None else f"{amount:.4f}"


def _repeat(report: Report, words: Words) -> list[Block]:
    blocks: list[Block] = []
    if report.command:
        blocks += [Note(words("lead.repeat")), Code(clean(report.command, 2000))]
    if report.config:
        text = json.dumps(report.config, ensure_ascii=False, indent=2, default=str)
        blocks.append(Code("\n".join(map(harmless, text.split("\n"))), words("fact.config")))
    if report.versions:
        lines = [clean(f"{name} {version}") for name, version in sorted(report.versions.items())]
        blocks.append(Code("\n".join(lines), words("fact.versions")))
    return blocks
