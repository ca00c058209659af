"""The page of a run that is still at work: leaderboard, time spent, learning curves, what is next. One file, no script.

It looks like the report and draws with the same few functions; while the run works, the browser loads it anew by a
`meta refresh`, which needs neither script nor network.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from markupsafe import Markup

from autogpt.evaluation import plots
from autogpt.evaluation.display import clean, duration, number
from autogpt.evaluation.html import environment
from autogpt.evaluation.words import Words

REFRESH_SECONDS = 3
SHOWN_CURVES = 6
Points = tuple[tuple[int, float], ...]


@dataclass(frozen=True, slots=True)
class Line:
    """One trial; `state` is started, done, failed or skipped, `estimate` the seconds it was expected to take."""

    name: str
    score: float | None
    seconds: float | None
    state: str
    estimate: float = 0.0


@dataclass(frozen=True, slots=True)
class View:
    """What is known of a run. `lines`: best first. `scores` and `losses`: per trial (all steps, (step, value)...)."""

    goal: str
    status: str
    metric: str
    higher_is_better: bool
    lines: tuple[Line, ...]
    spent: float
    limit: float | None
    scores: Mapping[str, tuple[int, Points]] = field(default_factory=dict)
    losses: Mapping[str, tuple[int, Points]] = field(default_factory=dict)
    upcoming: tuple[str, ...] = ()
    messages: tuple[tuple[str, str], ...] = ()
    report: str = ""
    written: str = ""
    language: str = "en"


def page(view: View) -> str:
    """The page as HTML."""
    made, words = environment(), Words(view.language)
    style, _, _ = made.loader.get_source(made, "report.css")  # type: ignore[union-attr]
    best = next((one for one in view.lines if one.score is not None), None)
    limited = view.limit is not None and math.isfinite(view.limit) and view.limit > 0
    share = min(1.0, view.spent / view.limit) if limited and view.limit else 0.0
    return made.get_template("live.html").render(
        view=view,
        words=words,
        style=Markup(style),  # noqa: S704 - our own file
        refresh=REFRESH_SECONDS if view.status == "running" else 0,
        tone={"running": "care", "done": "ship"}.get(view.status, "hold"),
        status=words(f"live.{view.status}"),
        goal=clean(view.goal, 200) or words("live.title"),
        best=number(best.score, 4) if best else "–",
        name=clean(best.name, 60) if best else "",
        spent=duration(view.spent),
        limit=duration(view.limit) if limited and view.limit else "",
        share=f"{100 * share:.1f}",
        lines=[_line(one, words) for one in view.lines],
        figures=list(_figures(view, words)),
        upcoming=[clean(one, 60) for one in view.upcoming],
        messages=[(kind, clean(text, 400)) for kind, text in view.messages],
    )


def _line(one: Line, words: Words) -> tuple[str, str, str, str, str]:
    state = "" if one.state == "done" else words(f"state.{one.state}")
    took = f"{one.seconds:.1f}" if one.seconds is not None else ""
    return clean(one.name, 60), number(one.score, 4) if one.score is not None else "", took, (
        f"{one.estimate:.0f}" if one.estimate else ""
    ), state  # fmt: skip


def _figures(view: View, words: Words) -> list[tuple[Markup, str]]:
    """Validation scores of all trials that have some, and the loss of the one that trains."""
    found = []
    scores = {name: points for name, (_, points) in view.scores.items() if len(points) > 1}
    scores = dict(list(scores.items())[-SHOWN_CURVES:])
    if scores:
        caption = words("live.scores", metric=view.metric)
        shares = {name: [(step / max(1, view.scores[name][0]), v) for step, v in p] for name, p in scores.items()}
        found.append((plots.progress(shares, caption, x_label=words("live.passed")), caption))
    losses = {name: points for name, (_, points) in view.losses.items() if len(points) > 1}
    if losses:
        name, points = list(losses.items())[-1]
        caption = words("live.loss", name=clean(name, 60))
        total = max(1, view.losses[name][0])
        share = {name: [(step / total, value) for step, value in points]}
        found.append((plots.progress(share, caption, x_label=words("live.passed")), caption))
    return found
