"""Whole ordinary runs beside SetFit with 1, 4, 8 or more rows of each class, on the same rows, test rows and seconds.

A run gets the rows, the goal sentence of `prompts.py` and a limit, nothing else; SetFit gets the rows and the limit (of
names it knows nothing). Seconds are those of the process on one thread, so that others on the machine take nothing
from either; each cell is a process of its own, and what stands in `--out` is not repeated:

    OMP_NUM_THREADS=1 python benchmarks/few_rows_runs.py --rows 1,8 --seeds 0,1 --limit 60 --out few_rows_runs.json
    python benchmarks/few_rows_runs.py --read few_rows_runs.json

`ours` is the run, `setfit` SetFit 1.2, `shuffled` the run with the labels' names dealt out anew among the labels, and
`nameless` the run with labels that are numbers (what the rows alone come to). With `--judge train` other rows of the
training split judge: by these settings may be chosen. With `--pool` a run also has so many rows without a label.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

import sets
from prompts import GOALS

SYSTEMS = ("ours", "setfit")
TEST_ROWS = 1000


def data_of(name: str, rows: int, seed: int, judge: str) -> sets.Data:
    """The few rows, and who judges: test rows, or other rows of the training split."""
    data = sets.load(name, str(rows), seed, test_rows=TEST_ROWS)
    if judge == "test":
        return data
    taken = {row["text"] for row in data.train}
    rest = [row for row in sets.load(name, "full", seed).train if row["text"] not in taken]
    return replace(data, test=random.Random(f"{name} judges").sample(rest, min(500, len(rest))))


def renamed(rows: Sequence[Any], system: str, seed: int) -> tuple[list[Any], dict[str, str]]:
    """The rows under the names that a system sees, and the true label of each name."""
    labels = sorted({row["label"] for row in rows})
    seen = dict(zip(labels, labels, strict=True))
    if system == "nameless":
        seen = {label: str(place) for place, label in enumerate(labels)}
    if system == "shuffled":
        turn = random.Random(seed).randrange(1, len(labels))
        seen = dict(zip(labels, labels[turn:] + labels[:turn], strict=True))
    return [{**row, "label": seen[row["label"]]} for row in rows], {name: label for label, name in seen.items()}


def cell(name: str, rows: int, seed: int, system: str, *, limit: float, judge: str, pool: int) -> dict[str, Any]:
    """One system on one set; whether each judging row was answered rightly."""
    time.monotonic = time.process_time  # seconds of one core
    time.time = time.perf_counter = time.process_time  # SetFit's steps are planned by the latter
    data = data_of(name, rows, seed, judge)
    gold, began = [row["label"] for row in data.test], time.process_time()
    found: dict[str, Any] = {"set": name, "rows": rows, "seed": seed, "system": system, "limit": limit, "pool": pool}
    if system == "setfit":
        answers, found["status"] = _setfit(data, limit, seed)
    else:
        answers, found["status"] = _ours(data, limit, seed, system, pool)
    right = [a == b for a, b in zip(answers, gold, strict=True)]
    found["seconds"] = round(time.process_time() - began, 1)
    return {**found, "accuracy": statistics.fmean(right), "right": "".join("01"[one] for one in right)}


def _setfit(data: sets.Data, limit: float, seed: int) -> tuple[list[Any], str]:
    from clock import Clock, TimeUpError
    from peers import setfit

    predict, status = None, "finished"
    try:
        for predict in setfit.fit(data, Clock(limit), seed):  # noqa: B007  (the last one counts)
            pass
    except TimeUpError:
        status = "cut"
    assert predict is not None
    return predict(data.questions()), status


def _ours(data: sets.Data, limit: float, seed: int, system: str, pool: int) -> tuple[list[Any], str]:
    from autogpt import AutoGPT

    few, true = renamed(data.train, system, seed)
    if pool:
        taken = {row["text"] for row in (*data.train, *data.test)}
        rest = [row for row in sets.load(data.name, "full", seed).train if row["text"] not in taken]
        drawn = random.Random(f"{data.name} pool {seed}").sample(rest, min(pool, len(rest)))
        few += [{**row, "label": None} for row in drawn]
    names = {label: name for name, label in true.items()}
    test = [{**row, "label": names[row["label"]]} for row in data.test]
    with tempfile.TemporaryDirectory() as folder:
        trainer = AutoGPT(output=folder, seed=seed)
        model = trainer.train(few, test, goal=GOALS[data.name], time_limit=f"{limit:.0f}s")
        answers = [true[str(one.value)] for one in model.predict([row["text"] for row in data.test])]
        return answers, str(model.info["method"])


def summary(found: Sequence[dict[str, Any]]) -> str:
    """Accuracy by rows, set and system, means over seeds; differences from SetFit with intervals over cells (t)."""
    lines: list[str] = []
    for rows in sorted({one["rows"] for one in found}):
        here = [one for one in found if one["rows"] == rows]
        systems = list(dict.fromkeys(one["system"] for one in here))
        names = list(dict.fromkeys(one["set"] for one in here))
        lines += [
            "",
            f"{rows} rows of each",
            f"| system | {' | '.join(names)} | mean |",
            "|---" * (len(names) + 2) + "|",
        ]
        for system in systems:
            cells = [[x["accuracy"] for x in here if (x["set"], x["system"]) == (name, system)] for name in names]
            means = [100 * statistics.fmean(own) if own else float("nan") for own in cells]
            shown = " | ".join(f"{mean:.1f}" for mean in means)
            lines.append(f"| {system} | {shown} | {float(np.nanmean(means)):.1f} |")
        for system in (one for one in systems if one != "setfit"):
            lines.append(_lead(here, system))
    return "\n".join(lines)


def _lead(here: Sequence[dict[str, Any]], system: str) -> str:
    peers = {(one["set"], one["seed"]): one["accuracy"] for one in here if one["system"] == "setfit"}
    own = [one for one in here if one["system"] == system and (one["set"], one["seed"]) in peers]
    gains = [100 * (one["accuracy"] - peers[one["set"], one["seed"]]) for one in own]
    if len(gains) < 2:
        return f"{system} - setfit: {gains}"
    from scipy import stats

    error = statistics.stdev(gains) / len(gains) ** 0.5 * float(stats.t.ppf(0.975, len(gains) - 1))
    least, where = min(zip(gains, own, strict=True), key=lambda pair: pair[0])
    worst = f"worst {least:+.1f} ({where['set']} {where['seed']})"
    return f"{system} - setfit: {statistics.fmean(gains):+.1f} ± {error:.1f} ({len(gains)} cells), {worst}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words, numbers = lambda text: text.split(","), lambda text: [int(part) for part in text.split(",")]
    parser.add_argument("--sets", type=words, default=list(GOALS))
    parser.add_argument("--rows", type=numbers, default=[1, 4, 8], help="of each class")
    parser.add_argument("--seeds", type=numbers, default=[0, 1])
    parser.add_argument("--systems", type=words, default=list(SYSTEMS))
    parser.add_argument("--limit", type=float, default=60.0, help="seconds of the process")
    parser.add_argument("--judge", choices=("test", "train"), default="test")
    parser.add_argument("--pool", type=int, default=0, help="rows without a label")
    parser.add_argument("--out", type=Path, default=Path("few_rows_runs.json"))
    parser.add_argument("--read", type=Path, help="only sum up such a file")
    parser.add_argument("--one", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.read is not None:
        print(summary(json.loads(given.read.read_text("utf-8"))))
        return
    if given.one:
        named = (given.sets[0], given.rows[0], given.seeds[0], given.systems[0])
        given.out.write_text(json.dumps(cell(*named, limit=given.limit, judge=given.judge, pool=given.pool)), "utf-8")
        return
    found = json.loads(given.out.read_text("utf-8")) if given.out.exists() else []
    done = {(one["set"], one["rows"], one["seed"], one["system"]) for one in found}
    cells = [(n, r, s, y) for s in given.seeds for r in given.rows for n in given.sets for y in given.systems]
    for one in (one for one in cells if one not in done):
        with tempfile.TemporaryDirectory() as folder:
            out = Path(folder) / "cell.json"
            parts = dict(zip(("--sets", "--rows", "--seeds", "--systems"), map(str, one), strict=True))
            parts |= {"--limit": str(given.limit), "--judge": given.judge, "--pool": str(given.pool), "--out": str(out)}
            command = [sys.executable, __file__, "--one", *(word for pair in parts.items() for word in pair)]
            if subprocess.run(command, check=False).returncode:
                print(f"failed: {one}", flush=True)
                continue
            found.append(json.loads(out.read_text("utf-8")))
        given.out.write_text(json.dumps(found) + "\n", "utf-8")
        last = found[-1]
        print(f"{one}: {last['accuracy']:.3f} {last['status']} ({last['seconds']:.0f} s)", flush=True)
    print(summary(found))


if __name__ == "__main__":
    main()
