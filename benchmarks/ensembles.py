"""Several models or one: whole runs with and without ensembles at the same time limit, from the same ladder.

A run climbs its ladder once. From there it is ended twice within the same seconds: as a run without ensembles (the
winner fitted again on all rows where time allows it), and as one with. Both answer the same rows: by default the test
rows of `sets.py`; with `--judge train` other rows of the training split, by which settings may be chosen.

    taskset -c 0 python benchmarks/ensembles.py --sets cr,subj --rows 8,64 --seeds 0,1 --out ensembles.json
    python benchmarks/ensembles.py --read ensembles.json
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

import sets
from autogpt.autopilot import ensembling, finish
from autogpt.autopilot.budget import Budget
from autogpt.autopilot.session import Session
from autogpt.autopilot.trial import load_scorer
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

        def right(scorer: Any) -> Any:
            answers = bench.output.decode(scorer.score(inputs), bench.space, Decision(), inputs)
            return np.array([answer.value == target for answer, target in zip(answers, gold, strict=True)])

        one, again = finish._final_scorer(session, bench, prepared, best)
        single, single_seconds = right(one), clock.spent()
        clock.back_to(ladder)
        joined = ensembling.consider(session, bench, prepared, best, decide=finish.decide)
        found = {"set": name, "rows": rows, "seed": seed, "limit": limit, "method": best.name, "again": again}
        found |= {
            "ladder": round(ladder, 1),
            "single": float(single.mean()),
            "single_seconds": round(single_seconds, 1),
        }
        trial = load_scorer(session.folders[session.results.index(best)] / "scorer", best.family)
        found["trial"] = float(right(trial).mean())
        if joined is None:
            return {**found, "ensemble": None, "joined": float(single.mean()), "why": heard[-1].message}
        scorer: Any = finish._joined_scorer(session, bench, prepared, joined)
        found["joined_seconds"] = round(clock.spent(), 1)
        several = right(scorer)
        parts = [ensembling.Ensemble(scorer.members[:count], output=bench.output.name) for count in range(1, 6)]
        return {
            **found,
            "ensemble": joined.name,
            "why": joined.why,
            "joined": float(several.mean()),
            "first": [float(right(part).mean()) for part in parts[1 : len(scorer.members) - 1]],
            "won": int((several & ~single).sum()),
            "lost": int((single & ~several).sum()),
            "judges": len(judges),
        }


def others(name: str, few: Sequence[Any], seed: int) -> list[Any]:
    """Rows of the training split that the run does not have."""
    column = sets.SOURCES[name].text[0]
    taken = {row[column] for row in few}
    rest = [row for row in sets.load(name, "full", seed).train if row[column] not in taken]
    return random.Random(f"{name} judges {seed}").sample(rest, min(JUDGES, len(rest)))


def summary(found: Sequence[dict[str, Any]]) -> str:
    """Mean accuracy by rows per class, and the mean difference of pairs with its interval (t, by cells)."""
    lines = []
    for rows in sorted({one["rows"] for one in found}):
        here = [one for one in found if one["rows"] == rows]
        gains = [one["joined"] - one["single"] for one in here]
        spread = 2.2 * statistics.stdev(gains) / len(gains) ** 0.5 if len(gains) > 1 else float("nan")
        means = [statistics.fmean(one[key] for one in here) for key in ("trial", "single", "joined")]
        kept = sum(one["ensemble"] is not None for one in here)
        lines.append(
            f"{rows} rows a class, {len(here)} runs, an ensemble in {kept}: winner as validated {means[0]:.4f}, "
            f"without {means[1]:.4f}, with {means[2]:.4f}, difference {statistics.fmean(gains):+.4f} ± {spread:.4f}"
        )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    numbers = lambda text: [int(part) for part in text.split(",")]  # noqa: E731
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
    done = {(one["set"], one["rows"], one["seed"], one["limit"]) for one in found}
    for seed in given.seeds:
        for rows in given.rows:
            for name in given.sets:
                if (name, rows, seed, given.limit) in done:
                    continue
                found.append(cell(name, rows, seed, limit=given.limit, judge=given.judge))
                print(json.dumps(found[-1]), flush=True)
                if given.out is not None:
                    given.out.write_text(json.dumps(found, indent=1) + "\n", "utf-8")
    print(summary(found))


if __name__ == "__main__":
    main()
