"""The report as one self-contained HTML file: no script, no request to anywhere, a content policy that forbids both.

All text goes through jinja2's autoescape; drawings are inline SVG that escape their own text.
"""

from __future__ import annotations

from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from autogpt.evaluation.display import clean, number, span
from autogpt.evaluation.markdown import status
from autogpt.evaluation.report import Report
from autogpt.evaluation.sections import forest, sections
from autogpt.evaluation.words import Words


@cache
def environment() -> Environment:
    """Templates of this room, with autoescape; jinja2 has all text that comes from data escaped."""
    made = Environment(
        loader=PackageLoader("autogpt.evaluation"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["breakable"] = breakable
    return made


def breakable(text: str) -> Markup:
    """Labels such as `card_not_working` may break after an underscore, a slash or a point."""
    shown = escape(text)
    for sign in "_/.":
        shown = shown.replace(sign, Markup(f"{sign}<wbr>"))  # noqa: S704 - one of our own signs
    return shown


def html(report: Report) -> str:
    """The page, light or dark as the reader's system is, printable."""
    made = environment()
    style, _, _ = made.loader.get_source(made, "report.css")  # type: ignore[union-attr]
    words, main = Words(report.language), report.main
    tone = "hold" if not report.verdict.ship else "care" if report.verdict.warnings else "ship"
    return made.get_template("report.html").render(
        report=report,
        words=words,
        style=Markup(style),  # noqa: S704 - our own file
        status=status(report, words),
        tone=tone,
        goal=clean(report.goal, 200) or report.task,
        headline=clean(report.verdict.headline, 600),
        value=number(main.value, main.decimals),
        span=span(main.low, main.high, main.decimals),
        forest=forest(report, words),
        checks=[("ok" if c.passed else "bad" if c.must else "warn", clean(c.text, 600)) for c in report.verdict.checks],
        advice=[clean(one.text, 600) for one in report.verdict.advice],
        facts=[
            (words(f"fact.{key}"), clean(value, 120))
            for key, value in (
                ("task", report.task),
                ("method", report.method),
                ("backbone", report.backbone),
                ("created", report.created),
            )
            if value
        ],
        sections=sections(report),
    )
