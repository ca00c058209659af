"""`autogpt explain`: why this model, in plain words."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from autogpt.cli.screen import Screen
from autogpt.config import duration

if TYPE_CHECKING:
    from autogpt.autopilot.story import Story, Tried

CLOSE = 1.5  # times as long, or as short, as was expected: not worth a word


def explain(
    screen: Screen,
    run: Annotated[str, typer.Argument(help="folder of the run", metavar="RUN", show_default=False)],
) -> None:
    """Why this model: what was tried, what it scored and cost, what was left out and why, and what would help."""
    from autogpt.autopilot.story import tell

    story = tell(run)
    t = screen.t
    rows = [
        (
            "★" if one.name == story.winner else "",
            one.name,
            "" if one.score is None else f"{one.score:.4f}",
            "" if one.expected is None else f"{one.expected:.4f}",
            t(one.state) if one.seconds is None else f"{one.seconds:.1f}",
            f"{one.estimate:.0f}" if one.estimate else "",
            t.translate(one.problem or one.reason),
        )
        for one in story.ranking
    ]
    head = ("", "trial", ">validation score", ">expected", ">seconds", ">estimate", "why")
    left_out = [f"- {t.translate(one)}" for one in story.left_out]
    screen.result(
        story.to_dict(),
        screen.heading("Why this model"),
        *why(screen, story),
        "",
        screen.heading("What was tried"),
        screen.table(head, rows),
        *times(screen, story),
        "",
        *((screen.heading("What was left out"), *left_out, "") if left_out else ()),
        screen.heading("What would help"),
        *helps(screen, story),
    )


def why(screen: Screen, story: Story) -> Iterator[str]:
    """Why the winner won."""
    t = screen.t
    if not story.winner:
        yield t("The run has chosen no model yet: it is {status}.", status=t(story.status))
        return
    yield t.translate(story.why)
    if story.model and story.model != story.winner:
        yield t("In the end {model} answers.", model=story.model)
    best = next((one for one in story.tried if one.name == story.winner), None)
    if best is not None and best.score is not None:
        yield _worth(screen, story, best)
    if story.equal:
        names = ", ".join(story.equal)
        yield t("No worse within noise, and dearer to serve: {names}.", names=names)
    if story.curse is not None and story.curse["trials"] > 1:
        yield t(
            "Picking it among {trials} flatters its score by about {flattery}: {expected} was to be expected.",
            trials=story.curse["trials"], flattery=f"{story.curse['flattery']:.4f}",
            expected=f"{story.curse['expected']:.4f}",
        )  # fmt: skip
    for place, look in enumerate(story.tests, start=1):
        score = "-" if look["score"] is None else f"{look['score']:.4f}"
        yield t("Test {place}: {model} scored {score} {metric} on {rows} rows.", place=place, model=look["model"],
                score=score, metric=look["metric"], rows=f"{look['rows']:,}")  # fmt: skip
    if len(story.tests) > 1:
        yield t("The test was judged {count} times: read the last score with that in mind.", count=len(story.tests))
    for message in story.planner:
        yield t.translate(message)
    if story.verdict:
        yield t("Verdict: {verdict}", verdict=story.verdict)


def _worth(screen: Screen, story: Story, best: Tried) -> str:
    """What the winner measured, and what is expected of it."""
    score = f"{best.score:.4f}"
    if best.expected is None or not story.higher_is_better:
        return screen.t("It scored {score} {metric} on validation rows.", score=score, metric=story.metric)
    return screen.t(
        "It scored {score} {metric} on validation rows; weighed with what its method usually comes to, {expected} is "
        "expected of it.",
        score=score, metric=story.metric, expected=f"{best.expected:.4f}",
    )  # fmt: skip


def times(screen: Screen, story: Story) -> Iterator[str]:
    """How good the estimates of time were."""
    ratio = story.estimate_ratio
    if ratio is None:
        return
    if 1 / CLOSE <= ratio <= CLOSE:
        yield screen.t("Trials took {ratio} times what was estimated: the estimates were right.", ratio=f"{ratio:.1f}")
    else:
        yield screen.t("Trials took {ratio} times what was estimated.", ratio=f"{ratio:.1f}")


def helps(screen: Screen, story: Story) -> Iterator[str]:
    """More labels, cleaner labels, more time; or nothing that was measured."""
    t, found = screen.t, False
    for one in story.advice:
        found = True
        if one["name"] == "labels":
            yield t("More labels: about {count} more would take away a tenth of the errors ({low} or more).",
                    count=f"{one['value']:,.0f}", low=f"{one['low']:,.0f}")  # fmt: skip
        else:
            yield t("Cleaner labels: as they are, no model can agree with more than about {cap} of them.",
                    cap=f"{one['value']:.0%}")  # fmt: skip
    if story.curve is not None and not story.curve["worth_it"]:
        yield t(
            "More labels: twice as many would bring {gain}, which cannot be told from noise or is little.",
            gain=f"{story.curve['gain']:+.4f}",
        )
        found = True
    if story.needed is not None:
        yield t("More time: about {needed} would let something be tried that was left out; `autogpt extend {run}` "
                "gives it.", needed=duration(round(story.needed)), run=story.run)  # fmt: skip
        found = True
    if not found:
        yield t("Nothing was measured that would say so; a longer run measures more.")
