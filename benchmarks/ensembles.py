"""Several models or one: whole runs with and without ensembles at the same time limit, from the same ladder.

A run climbs its ladder once. From there it is ended twice within the same seconds: as a run without ensembles (the
winner fitted again on all rows where time allows it), and as one with. Both answer the same rows: by default the test
rows of `sets.py`; with `--judge train` other rows of the training split, by which settings may be chosen. Time is
that of the process, so that others on the machine take nothing from a run:

    OMP_NUM_THREADS=1 python benchmarks/ensembles.py --sets cr,subj --rows 8,64 --seeds 0,1 --out ensembles.json
    python benchmarks/ensembles.py --read ensembles.json

`--part fits` asks what there is to choose from: single fits of pools of training rows, and the means of what they say
and of their weights:

    OMP_NUM_THREADS=1 python benchmarks/ensembles.py --part fits --sets cr,mr --rows 64 --seeds 0 --folds 3
"""

from __future__ import annotations

import argparse
import copy
import itertools
import json
import random
import shutil
import statistics
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

import few_rows
import sets
import trials
from autogpt.autopilot import ensembling, finish
from autogpt.autopilot.budget import Budget
from autogpt.autopilot.session import Session
from autogpt.autopilot.trial import Candidate, load_scorer, run_trial
from autogpt.config import RunConfig
from autogpt.core import Decision
from autogpt.events import Event

SETS = ("cr", "subj", "pros_cons", "dbpedia14")
JUDGES = 1000


class _Clock(Budget):
    """A budget that can be set back to where the ladder ended."""

    def back_to(self, spent: float) -> None:
        self._started = time.monotonic() - spent


def cell(name: str, rows: int, seed: int, *, limit: float, judge: str) -> dict[str, Any]:
    """One run, ended twice; whether each of its answers to the judging rows is right."""
    started = time.monotonic()
    data = sets.load(name, str(rows), seed, test_rows=JUDGES)
    judges = data.test if judge == "test" else others(name, data.train, seed)
    with tempfile.TemporaryDirectory() as folder:
        config = RunConfig(output=folder, seed=seed, time_limit=limit)
        heard: list[Event] = []
        session = Session(config, folder=Path(folder) / "run", listen=heard.append, ask=None, started=started)
        session.place.mkdir()
        clock = session.budget = _Clock(limit, started=started)
        prepared = session.prepare(session.read(data.train, data.test))  # of the test only the number of rows is used
        bench = session.bench(prepared)
        session.climb(bench, prepared)
        best = session.best
        assert best is not None
        ladder = clock.spent()
        inputs = [prepared.task.inputs(row, prepared.profile.schema) for row in judges]
        gold = [prepared.task.target(row, prepared.profile.schema) for row in judges]
        seconds: dict[str, float] = {}

        def right(scores: Any) -> Any:
            answers = bench.output.decode(scores, bench.space, Decision(), inputs)
            return np.array([answer.value == target for answer, target in zip(answers, gold, strict=True)])

        found = {
            "set": name,
            "rows": rows,
            "seed": seed,
            "limit": limit,
            "method": best.name,
            "ladder": round(ladder, 1),
        }
        one, found["again"] = finish._final_scorer(session, bench, prepared, best)
        seconds["single"] = clock.spent()
        single_scores = one.score(inputs)
        shutil.rmtree(session.folders[session.results.index(best)] / "refit", ignore_errors=True)  # or it would go on
        clock.back_to(ladder)
        joined = ensembling.consider(session, bench, prepared, best)
        scorer: Any = finish._joined_scorer(session, bench, prepared, joined) if joined else None
        seconds["joined"] = clock.spent()
        trial = load_scorer(session.folders[session.results.index(best)] / "scorer", best.family)
        single, alone = right(single_scores), right(trial.score(inputs))
        found |= {"trial": float(alone.mean()), "single": float(single.mean()), "joined": float(single.mean())}
        found |= {"ensemble": None, "why": heard[-1].message, "judges": len(judges)}
        found |= {"seconds": {arm: round(spent, 1) for arm, spent in seconds.items()}}
        if joined is None:
            return found
        tables = [np.asarray(member.scorer.score(inputs)) / member.temperature for member in scorer.members]
        several = right(bench.output.average(tables, [member.weight for member in scorer.members]))
        found |= {"ensemble": joined.name, "why": joined.why, "joined": float(several.mean())}
        found |= {"members": [float(right(table).mean()) for table in tables]}
        return {**found, "won": int((several & ~single).sum()), "lost": int((single & ~several).sum())}


def others(name: str, few: Sequence[Any], seed: int) -> list[Any]:
    """Rows of the training split that the run does not have."""
    column = sets.SOURCES[name].text[0]
    taken = {row[column] for row in few}
    rest = [row for row in sets.load(name, "full", seed).train if row[column] not in taken]
    return random.Random(f"{name} judges {seed}").sample(rest, min(JUDGES, len(rest)))


def pool(name: str, rows: int, seed: int, *, methods: Sequence[str], folds: int, judges: int) -> dict[str, Any]:
    """Single fits of one pool of training rows, without each of its folds and as often on all rows; accuracy of each,
    of the mean of what the first n say, and of the mean of their weights."""
    few, rest = few_rows.pool(name, rows, seed)
    fold, rest = few_rows.folds(few, seed) % folds, rest[:judges]
    models: dict[tuple[str, str], list[Any]] = {}
    parts = trials.Parts.of(few_rows.SCHEMA, few, [], rest)
    gold = np.asarray(parts.output.encode([row.target for row in parts.test], parts.space))
    began = time.process_time()
    for method, part in itertools.product(methods, range(folds)):
        kept = [row for row, at in zip(parts.train, fold, strict=True) if at != part]
        for kind, train in (("fold", kept), ("all", parts.train)):
            bench = trials.bench(parts, backbone=None, seed=seed * 100 + part, listen=lambda event: None)
            candidate = Candidate(method, few_rows.options(method, len(few)))
            with tempfile.TemporaryDirectory() as folder:
                own = replace(bench, train=train, validation=())
                _, scorer = run_trial(own, candidate, folder=Path(folder), remaining=lambda: trials.SECONDS)
            models.setdefault((method, kind), []).append(scorer)
    right = lambda table: round(float((table.argmax(1) == gold).mean()), 4)  # noqa: E731
    found: dict[str, Any] = {"set": name, "rows": rows, "seed": seed, "judges": len(rest), "folds": folds}
    for (method, kind), fitted in models.items():
        tables = [few_rows.table(parts, one, parts.test) for one in fitted]
        found[f"{method}, {kind}"] = [right(table) for table in tables]
        for count in range(2, folds + 1):
            found[f"{method}, {kind}, mean of {count}"] = right(sum(tables[:count]))
        mean = copy.deepcopy(fitted[0])
        for count in range(2, folds + 1):
            mean.take_mean(fitted[:count])
            found[f"{method}, {kind}, weights of {count}"] = right(few_rows.table(parts, mean, parts.test))
    return {**found, "seconds": round(time.process_time() - began)}


def summary(found: Sequence[dict[str, Any]]) -> str:
    """Mean accuracy by rows per class, and the mean difference of pairs with its interval (t, by cells)."""
    lines = []
    for rows in sorted({one["rows"] for one in found}):
        here = [one for one in found if one["rows"] == rows]
        gains = [one["joined"] - one["single"] for one in here]
        spread = _t(len(gains)) * statistics.stdev(gains) / len(gains) ** 0.5 if len(gains) > 1 else float("nan")
        means = [statistics.fmean(one[key] for one in here) for key in ("trial", "single", "joined")]
        kept = sum(one["ensemble"] is not None for one in here)
        lines.append(
            f"{rows} rows a class, {len(here)} runs, an ensemble in {kept}: winner as validated {means[0]:.4f}, "
            f"without {means[1]:.4f}, with {means[2]:.4f}, difference {statistics.fmean(gains):+.4f} ± {spread:.4f}"
        )
    return "\n".join(lines)


def _t(count: int) -> float:
    """Half the width of a 95 % interval of a mean, in standard errors."""
    from scipy import stats

    return float(stats.t.ppf(0.975, count - 1))


def main() -> None:
    time.monotonic = time.process_time  # seconds of one core: others on the machine take nothing from a run
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    numbers = lambda text: [int(part) for part in text.split(",")]  # noqa: E731
    parser.add_argument("--part", choices=("runs", "fits"), default="runs", help="whole runs, or single fits")
    parser.add_argument("--methods", type=lambda text: text.split(","), default=["full"], help="(--part fits)")
    parser.add_argument("--folds", type=int, default=3, help="5 at most (--part fits)")
    parser.add_argument("--sets", type=lambda text: text.split(","), default=list(SETS))
    parser.add_argument("--rows", type=numbers, default=[8, 64], help="of each class")
    parser.add_argument("--seeds", type=numbers, default=[0, 1])
    parser.add_argument("--limit", type=float, default=120.0, help="seconds")
    parser.add_argument("--judge", choices=("test", "train"), default="test", help="where the judging rows come from")
    parser.add_argument("--out", type=Path, help="file for what was found; cells that stand there are not repeated")
    parser.add_argument("--read", type=Path, help="only sum up such a file")
    given = parser.parse_args()
    if given.read is not None:
        print(summary(json.loads(given.read.read_text("utf-8"))))
        return
    found = json.loads(given.out.read_text("utf-8")) if given.out and given.out.exists() else []
    done = {(one["set"], one["rows"], one["seed"]) for one in found}
    for seed in given.seeds:
        for rows in given.rows:
            for name in given.sets:
                if (name, rows, seed) in done:
                    continue
                if given.part == "fits":
                    found.append(pool(name, rows, seed, methods=given.methods, folds=given.folds, judges=JUDGES))
                else:
                    found.append(cell(name, rows, seed, limit=given.limit, judge=given.judge))
                print(json.dumps(found[-1]), flush=True)
                if given.out is not None:
                    given.out.write_text(json.dumps(found, indent=1) + "\n", "utf-8")
    if given.part == "runs":
        print(summary(found))


if __name__ == "__main__":
    main()
