"""What a run says of its own choices: the rows of the report about trials, data and decisions, and why who won."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from autogpt import config as settings
from autogpt.autopilot import belief
from autogpt.autopilot.trial import Bench, Result
from autogpt.data.examples import row_count
from autogpt.evaluation.report import Choice, DataFacts, RejectedRow, TrialRow

if TYPE_CHECKING:
    from autogpt.autopilot.ensembling import Joined
    from autogpt.autopilot.session import Session
    from autogpt.pipeline import Prepared


def say_winner(session: Session, bench: Bench, best: Result, among: Sequence[Result]) -> None:
    """Why this trial is taken: the best score, the best expectation, or the cheapest of equals; with all numbers."""
    metric, knows = bench.metric, session.knows_language(bench)
    rows = len(bench.validation)
    expected = belief.expectations(among, metric=metric, rows=rows, knows_language=knows, prior=session.prior)
    equal = belief.equals(among, expected, metric=metric, rows=rows)
    equal = [one for one in equal if belief.serving(one) > belief.serving(best)]
    sign = 1.0 if metric.higher_is_better else -1.0
    measured = [sign * one.scores[metric.name] for one in among]
    own = measured[list(among).index(best)]
    if not rows:
        message = f"{best.name} is usually best; there are no validation rows"
    elif all(own >= other or other != other for other in measured):
        message = f"{best.name} has the best validation score"
    elif equal:
        names = ", ".join(one.name for one in equal)
        message = f"{best.name} is chosen: within noise it is as good as {names}, and it costs least"
    else:
        message = f"{best.name} is chosen: with {rows:,} validation rows more is expected of it than of the best score"
    table = {one.name: None if value != value else round(value, 6) for one, value in zip(among, expected, strict=True)}
    session.say(
        "decision", message, winner=best.name, expected=table, equal=[one.name for one in equal], rows=rows,
        metric=metric.name, higher_is_better=metric.higher_is_better,
    )  # fmt: skip


def trial_row(bench: Bench, result: Result, best: Result) -> TrialRow:
    score = result.scores[bench.metric.name]
    behind = f"{abs(best.scores[bench.metric.name] - score):.4f} behind" if bench.validation else ""
    reason = "best on validation" if result is best and bench.validation else behind
    return TrialRow(result.name, score, result.seconds, chosen=result is best, reason=reason)


def joined_row(bench: Bench, joined: Joined) -> TrialRow:
    seconds = sum(one.seconds for one in joined.members)
    return TrialRow(joined.name, joined.scores[bench.metric.name], seconds, chosen=True, reason=joined.why)


def data_facts(prepared: Prepared) -> DataFacts:
    profile, split = prepared.profile, prepared.split
    sizes = {"train": len(split.train), "validation": len(split.validation), "test": len(split.test)}
    return DataFacts(
        name=prepared.table.origin,
        rows_in=profile.rows,
        rows_used=row_count(prepared.table, (*split.train, *split.validation, *split.test)),
        rejected_count=len(profile.rejected),
        removed=len(split.removed) + (prepared.table.read or prepared.table).left,
        splits=sizes,
        labels=dict(profile.balance),
        languages={name: round(share * profile.used) for name, share in profile.languages.items()},
        characters_median=int(profile.characters.get("50", 0)),
        characters_p95=int(profile.characters.get("95", 0)),
        duplicates=sum(len(group) - 1 for group in profile.duplicates),
        near_duplicates=len(profile.near_duplicates),
        contradictions=len(profile.contradictions),
        twins=tuple((twin.rare, twin.common) for twin in profile.twins),
        pii=dict(profile.pii),
        rejected=tuple(RejectedRow(r.line or 0, r.reason) for r in profile.rejected[:50]),
        notes=(*prepared.table.notes, *split.how),
    )


def choices(session: Session) -> list[Choice]:
    """Decisions as the journal has them."""
    if session.journal is None:
        return []
    kinds = {"profile": "data", "split": "split", "decision": "search", "evaluation": "test"}
    return [
        Choice(kinds[record["kind"]], record["message"])
        for record in session.journal.records()
        if record["kind"] in kinds
    ]


def command(session: Session) -> str:
    """A command that repeats the run."""
    config = session.config
    goal = f' --goal "{config.goal}"' if config.goal else ""
    limit = f" --time-limit {settings.duration(config.time_limit)}" if config.time_limit else ""
    return f"autogpt run {config.data or 'DATA'}{goal}{limit} --seed {config.seed}"
