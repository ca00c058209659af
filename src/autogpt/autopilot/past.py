"""What past runs on this machine came to, where the user asked that it be remembered (`--remember`).

One line per run in the user's state folder: numbers of the data, method names, scores, seconds; no text, no label, no
name of a file, a column or a model (of the encoder a digest). It never leaves the machine, and one command deletes it.

A run on like data begins from it: what a method usually comes to beside the linear head (`belief.PRIOR`) is moved
towards what it came to there ("Initializing Bayesian Hyperparameter Optimization via Meta-Learning", Feurer et al.
2015, begin a search from like data sets; ours moves a weak prior and decides nothing). It is moved by `MOST` at most,
only by runs that are alike, and only where these agree beyond their own spread: what was shuffled says nothing.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from autogpt import files
from autogpt.autopilot import belief
from autogpt.autopilot.ladder import rows_per_label
from autogpt.autopilot.trial import Bench
from autogpt.errors import AutoGPTError

if TYPE_CHECKING:
    from autogpt.autopilot.session import Session
    from autogpt.pipeline import Prepared

HOME = "AUTOGPT_HOME"
"""Variable of the environment that names the folder in place of the user's state folder."""
VERSION, MOST_RUNS = 1, 500
ALIKE = 1.5
"""Doublings (of rows, of rows per label, of characters; on average) by which data may differ and still be alike."""
LEAST_RUNS, PSEUDO_RUNS = 3, 3.0
"""Like runs that must speak of a method; and how many runs the prior itself counts for."""
MOST = 0.02
"""By how much a prior is moved at most, in units of a score between 0 and 1."""
SURE = 2.0
"""Standard errors by which like runs must differ from the prior on average."""


@dataclass(frozen=True, slots=True)
class Features:
    """What is told of the data of a run: numbers, the output kind, the commonest language, a digest of the encoder."""

    output: str
    rows: int
    validation: int
    labels: int
    rows_per_label: float
    characters: int
    language: str
    encoder: str

    def distance(self, other: Features) -> float:
        """Mean number of doublings between two data sets; infinite where they cannot be compared."""
        if (self.output, self.language, self.encoder) != (other.output, other.language, other.encoder):
            return math.inf
        pairs = (
            (self.rows, other.rows),
            (self.rows_per_label, other.rows_per_label),
            (self.characters, other.characters),
        )
        return statistics.fmean(abs(math.log2(max(a, 1) / max(b, 1))) for a, b in pairs)


@dataclass(frozen=True, slots=True)
class Trial:
    """What a method came to on validation rows."""

    method: str
    score: float
    seconds: float


@dataclass(frozen=True, slots=True)
class Remembered:
    """One run."""

    when: str
    features: Features
    metric: str
    winner: str
    trials: tuple[Trial, ...]

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {"version": VERSION, **asdict(self)}

    @classmethod
    def of(cls, kept: Mapping[str, Any]) -> Remembered:
        """From plain values; ValueError, KeyError or TypeError where they are no run."""
        trials = tuple(Trial(str(t["method"]), float(t["score"]), float(t["seconds"])) for t in kept["trials"])
        if kept["version"] != VERSION or not all(math.isfinite(one.score) for one in trials):
            raise ValueError(kept["version"])
        features = Features(**kept["features"])
        numbers = (features.rows, features.validation, features.rows_per_label, features.characters)
        if not all(isinstance(one, (int, float)) and math.isfinite(one) for one in numbers):
            raise ValueError("features")
        return cls(str(kept["when"]), features, str(kept["metric"]), str(kept["winner"]), trials)


def place() -> Path:
    """The file, in AUTOGPT_HOME or in the user's state folder (XDG Base Directory Specification)."""
    if os.environ.get(HOME):
        return Path(os.environ[HOME]) / "runs.jsonl"
    state = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(state) / "autogpt" / "runs.jsonl"


def load() -> list[Remembered]:
    """The latest runs, oldest first; lines that are damaged are left out."""
    path = place()
    found = []
    for line in list(files.json_lines(path))[-MOST_RUNS:] if path.is_file() else ():
        try:
            found.append(Remembered.of(line))
        except (ValueError, KeyError, TypeError):
            continue
    return found


def forget() -> int:
    """Delete the file; how many runs it held."""
    count = len(load())
    place().unlink(missing_ok=True)
    return count


def recall(session: Session, bench: Bench, prepared: Prepared) -> None:
    """Begin a run from what like runs came to, if the user asked for it."""
    if not session.config.guide.remember:
        return
    runs = load()
    now = features(session, bench, prepared)
    session.prior, told = warm(now, runs, metric=bench.metric.name, prior=session.prior)
    words = ", ".join(f"{method} {shift:+.4f}" for method, shift in told.items()) or "nothing that they agree on"
    session.say("decision", f"{len(runs)} past runs are remembered; of like ones: {words}", remembered=told)


def keep(session: Session, bench: Bench, prepared: Prepared, winner: str) -> None:
    """Remember a run, if the user asked for it; a folder that cannot be written to is said and no error."""
    if not session.config.guide.remember or not bench.metric.higher_is_better:
        return
    scores = [(one, one.scores[bench.metric.name]) for one in session.results if not one.rows and not one.usage]
    trials = tuple(
        Trial(one.method, round(score, 6), round(one.seconds, 2)) for one, score in scores if math.isfinite(score)
    )
    methods = {one.name: one.method for one in session.results}
    chosen = methods.get(winner, "ensemble")
    when = time.strftime("%Y-%m-%d")
    one = Remembered(when, features(session, bench, prepared), bench.metric.name, chosen, trials)
    path = place()
    try:
        files.append_line(path, json.dumps(one.to_dict(), ensure_ascii=False))
        path.chmod(0o600)
    except (AutoGPTError, OSError) as problem:
        session.say("warning", f"the run cannot be remembered in {path}: {problem}")
        return
    session.say("saved", f"what this run came to is remembered in {path}; forget it with: autogpt memory forget")


def features(session: Session, bench: Bench, prepared: Prepared) -> Features:
    """What is told of a run's data."""
    profile = prepared.profile
    typical = rows_per_label(bench.train, bench.output)
    named = session.config.search.backbone or ""
    return Features(
        output=bench.output.name,
        rows=len(bench.train),
        validation=len(bench.validation),
        labels=len(bench.space.labels),
        rows_per_label=float(typical) if math.isfinite(typical) else float(len(bench.train)),
        characters=int(profile.characters.get("50", 0)),
        language=max(profile.languages, key=lambda name: profile.languages[name], default=""),
        encoder=hashlib.sha256(named.encode()).hexdigest()[:12] if named else "",
    )


def warm(
    now: Features, runs: Sequence[Remembered], *, metric: str, prior: Mapping[str, float] = belief.PRIOR
) -> tuple[Mapping[str, float], dict[str, float]]:
    """The priors of a run, and by how much which of them was moved.

    Each like run speaks of a method by its best score minus that of the head, minus the prior; nearer runs, and those
    with more validation rows, weigh more.
    """
    said: dict[str, list[tuple[float, float]]] = {}
    for run in {one.features: one for one in runs}.values():  # the same data again is no further evidence
        distance = now.distance(run.features)
        best: dict[str, float] = {}
        for one in run.trials:
            best[one.method] = max(one.score, best.get(one.method, -math.inf))
        if run.metric != metric or distance > ALIKE or "head" not in best:
            continue
        weight = math.exp(-distance) * min(1.0, run.features.validation / 200)
        for method, score in best.items():
            if method in prior and method not in ("head", "majority"):
                said.setdefault(method, []).append((score - best["head"] - prior[method], weight))
    moved = {method: shift for method, found in said.items() if (shift := _shift(found))}
    return {**prior, **{method: prior[method] + shift for method, shift in moved.items()}}, moved


def _shift(found: Sequence[tuple[float, float]]) -> float:
    """The weighted mean of what runs said, drawn to nothing; 0 where they are few or do not agree."""
    if len(found) < LEAST_RUNS:
        return 0.0
    total = sum(weight for _, weight in found)
    if total <= 0:
        return 0.0
    mean = sum(value * weight for value, weight in found) / total
    error = statistics.stdev(value for value, _ in found) / math.sqrt(len(found))
    if abs(mean) <= SURE * error:
        return 0.0
    drawn = mean * total / (total + PSEUDO_RUNS)
    return round(max(-MOST, min(MOST, drawn)), 4)
