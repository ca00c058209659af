"""The report as one Markdown page; everything that came from data is escaped, so that it can only be read."""

from __future__ import annotations

from autogpt.evaluation.display import clean
from autogpt.evaluation.report import Report
from autogpt.evaluation.sections import Block, Code, Figure, Grid, Note, sections
from autogpt.evaluation.words import Words

_SPECIAL = str.maketrans({**{c: f"\\{c}" for c in "\\`*_[]#|~"}, "<": "&lt;", ">": "&gt;", "&": "&amp;"})


def plain(text: str) -> str:
    """Text that Markdown shows as it stands."""
    return text.translate(_SPECIAL)


def markdown(report: Report) -> str:
    """The whole report; tables are complete, drawings are left to the HTML page."""
    words = Words(report.language)
    parts = [
        f"# {words('title')}: {plain(clean(report.goal, 200)) or plain(report.task)}",
        f"**{status(report, words)}.** {plain(clean(report.verdict.headline, 600))}",
        f"**{report.metric} {plain(str(report.main))}**",
        checks(report, words),
        "\n".join(
            f"- {words(f'fact.{key}')}: {plain(clean(value, 200))}"
            for key, value in (
                ("task", report.task),
                ("method", report.method),
                ("backbone", report.backbone),
                ("created", report.created),
            )
            if value
        ),
    ]
    for section in sections(report):
        parts.append(f"## {section.title}")
        parts += [text for block in section.blocks if (text := _block(block))]
    return "\n\n".join(parts) + "\n"


def status(report: Report, words: Words) -> str:
    """Ship, ship with care, or do not ship."""
    if not report.verdict.ship:
        return words("verdict.hold")
    return words("verdict.ship_care" if report.verdict.warnings else "verdict.ship")


def checks(report: Report, words: Words) -> str:
    """One line per check of the verdict, and per advice."""
    lines = []
    for check in report.verdict.checks:
        state = "passed" if check.passed else "failed" if check.must else "advice"
        lines.append(f"- [{'x' if check.passed else ' '}] {words(f'fact.{state}')}: {plain(clean(check.text, 600))}")
    lines += [f"- {words('short.advice')}: {plain(clean(one.text, 600))}" for one in report.verdict.advice]
    return "\n".join(lines)


def table(grid: Grid) -> str:
    """A pipe table."""
    head = "| " + " | ".join(plain(c) or " " for c in grid.columns) + " |"
    rule = "|" + "|".join("---:" if kind == "n" else "---" for kind in grid.kinds) + "|"
    rows = []
    for i, row in enumerate(grid.rows):
        cells = [plain(cell) for cell in row]
        if i in grid.strong:
            cells = [f"**{cell}**" if cell else "" for cell in cells]
        rows.append("| " + " | ".join(cells) + " |")
    title = [f"**{plain(grid.name)}**\n"] if grid.name else []
    return "\n".join([*title, head, rule, *rows])


def _block(block: Block) -> str:
    match block:
        case Grid():
            return table(block)
        case Note(text):
            return plain(text)
        case Code(text, summary):
            fence = "`" * max(3, 1 + max((len(run) for run in _ticks(text)), default=0))
            return (f"{summary}:\n\n" if summary else "") + f"{fence}\n{text}\n{fence}"
        case Figure():
            return ""


def _ticks(text: str) -> list[str]:
    """Runs of backticks, which a fence must be longer than."""
    return ["`" * len(run) for run in "".join(c if c == "`" else " " for c in text).split()]
