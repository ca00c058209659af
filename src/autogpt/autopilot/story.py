"""Why this model: what a run's journal says, gathered. Data only; `cli.commands.explain` has the words.

The journal is the source (it was written as things happened, and is never changed); the report adds what was measured
at the end: the learning curve, the share of wrong labels, the luck of being picked.
"""

from __future__ import annotations

import json
import re
import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from autogpt.autopilot import looks
from autogpt.autopilot.journal import Journal
from autogpt.autopilot.planner import is_advised
from autogpt.autopilot.run import read_state
from autogpt.evaluation.report import Report

_NEEDED = re.compile(r"about ([\d,]+) s (?:an epoch )?are needed")


@dataclass(frozen=True, slots=True)
class Tried:
    """One trial: how it ended (`done`, `failed`, `started`), its validation score, what it took against what was
    expected (seconds; 0: nobody said), what it was expected to be worth in the end, and who proposed it."""

    name: str
    state: str
    score: float | None = None
    seconds: float | None = None
    estimate: float = 0.0
    expected: float | None = None
    reason: str = ""
    by: str = ""
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Story:
    """A run as its journal has it. `equal`: trials that were no worse within noise and cost more; `left_out`: what was
    not tried, with the reason; `needed`: the least of the seconds that something left out would have taken;
    `estimate_ratio`: the median of seconds taken over seconds expected; `advice`: the verdict's, by name."""

    run: str
    status: str
    goal: str = ""
    metric: str = ""
    higher_is_better: bool = True
    rows: int = 0
    winner: str = ""
    model: str = ""
    why: str = ""
    equal: tuple[str, ...] = ()
    tried: tuple[Tried, ...] = ()
    left_out: tuple[str, ...] = ()
    needed: float | None = None
    estimate_ratio: float | None = None
    seconds: float = 0.0
    time_limit: float | None = None
    tests: tuple[Mapping[str, Any], ...] = ()
    extended: tuple[Mapping[str, Any], ...] = ()
    curse: Mapping[str, Any] | None = None
    advice: tuple[Mapping[str, Any], ...] = ()
    curve: Mapping[str, Any] | None = None
    planner: tuple[str, ...] = ()
    verdict: str = ""
    notes: tuple[str, ...] = field(default=())

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)

    @property
    def ranking(self) -> list[Tried]:
        """Trials that ended, best first, then the others."""
        sign = 1.0 if self.higher_is_better else -1.0
        done = [one for one in self.tried if one.score is not None]
        done.sort(key=lambda one: sign * (one.score or 0.0), reverse=True)
        return done + [one for one in self.tried if one.score is None]


def tell(folder: str | Path) -> Story:
    """The story of a run in a folder. InputError where it is none."""
    place = Path(folder)
    state = read_state(place)
    records = list(Journal(place / "journal.jsonl").records())
    won, weighed = _last(records, "winner"), _last(records, "expected")
    report = _report(place)
    tried = _tried(records, weighed.get("expected") or {})
    left_out = tuple(dict.fromkeys(str(one["data"]["left_out"]) for one in records if one["data"].get("left_out")))
    seconds = [float(found[1].replace(",", "")) for one in left_out if (found := _NEEDED.search(one))]
    ratios = [one.seconds / one.estimate for one in tried if one.seconds and one.estimate > 0]
    told: Mapping[str, Any] = next((one["data"] for one in reversed(records) if one["data"].get("metric")), {})
    return Story(
        run=str(place),
        status=state["status"],
        goal=str(state["config"].get("goal") or ""),
        metric=str(told.get("metric", "")),
        higher_is_better=bool(told.get("higher_is_better", True)),
        rows=int(_last(records, "validation").get("validation", 0)),
        winner=str(won.get("winner", "")),
        model=report.method if report else str((state.get("best") or {}).get("method", "")),
        why=str(won.get("message", "")),
        equal=tuple(weighed.get("equal") or ()) if weighed.get("winner") == won.get("winner") else (),
        tried=tried,
        left_out=left_out,
        needed=min(seconds, default=None),
        estimate_ratio=statistics.median(ratios) if ratios else None,
        seconds=float(state.get("seconds") or 0.0),
        time_limit=state["config"].get("time_limit"),
        tests=tuple(state.get(looks.TESTS) or ()),
        extended=tuple(state.get(looks.EXTENDED) or ()),
        curse={**asdict(report.curse), "expected": report.curse.expected} if report and report.curse else None,
        advice=tuple(asdict(one) for one in report.verdict.advice) if report else (),
        curve=_curve(report),
        planner=tuple(one["message"] for one in records if one["data"].get("planner")),
        verdict=report.verdict.headline if report else "",
        notes=tuple(_notes(records)),
    )


def _tried(records: Sequence[Mapping[str, Any]], expected: Mapping[str, Any]) -> tuple[Tried, ...]:
    """The trials in their order; of one that was begun again, its last end."""
    found: dict[str, Tried] = {}
    for record in records:
        data = record["data"]
        if record["kind"] != "trial" or "state" not in data:
            continue
        name, state = str(data["trial"]), str(data["state"])
        problem = str(record["message"]) if state == "failed" else ""
        estimate = 0.0 if is_advised(name) else float(data.get("estimate") or 0.0)
        found[name] = Tried(
            name, state, data.get("score"), data.get("seconds"), estimate,
            expected.get(name), str(data.get("reason") or ""), str(data.get("by") or ""), problem,
        )  # fmt: skip
    return tuple(found.values())


def _last(records: Sequence[Mapping[str, Any]], name: str) -> Mapping[str, Any]:
    """The data, with the message, of the last record that has this name in it."""
    found = next((one for one in reversed(records) if name in one["data"]), None)
    return {} if found is None else {**found["data"], "message": found["message"]}


def _notes(records: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Decisions that stand for themselves: several models together, a refit, rows that were chosen."""
    for one in records:
        plain = not {"winner", "left_out", "planner"} & set(one["data"])
        if one["kind"] == "decision" and plain:
            yield str(one["message"])


def _report(place: Path) -> Report | None:
    """The report of the tested model; None where there is none yet."""
    path = place / "model" / "report.json"
    return Report.from_dict(json.loads(path.read_text("utf-8"))) if path.is_file() else None


def _curve(report: Report | None) -> dict[str, Any] | None:
    """What the learning curve says, in numbers."""
    if report is None or report.curve is None or not report.curve.known:
        return None
    one = report.curve
    return {
        "rows": one.rows, "gain": one.gain, "gain_low": one.gain_low, "gain_high": one.gain_high,
        "labels": one.labels, "labels_low": one.labels_low, "labels_high": one.labels_high, "worth_it": one.more_labels,
    }  # fmt: skip
