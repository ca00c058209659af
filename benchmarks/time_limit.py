"""Is the time limit hard? `autogpt run` in a process of its own, from its start to its end, over several limits.

One command: `python benchmarks/time_limit.py --limits 20,60,180 --runs 20`. An overrun is wall time beyond the limit;
allowed are 5 % of the limit or 5 seconds, whichever is larger. Also recorded: when the first model that is better than
a constant could be loaded.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import sets

SETS = ("banking77", "mr", "wnut17", "stsb")


def one(name: str, limit: float, seed: int, folder: Path) -> dict[str, Any]:
    """One run of the command line, timed from outside."""
    data = folder / f"{name}-{seed}.jsonl"
    rows = sets.load(name, "full", seed).train
    data.write_text("\n".join(json.dumps(row, ensure_ascii=False) for row in rows), "utf-8")
    command = [sys.executable, "-m", "autogpt.cli", "run", str(data), "--time-limit", f"{limit:g}s"]
    command += ["--output", str(folder / "runs"), "--seed", str(seed), "--json", "--offline", *GOALS.get(name, ())]
    before = set((folder / "runs").glob("*"))
    started = time.perf_counter()
    process = subprocess.run(command, capture_output=True, text=True, check=False)
    wall = time.perf_counter() - started
    (run,) = set((folder / "runs").glob("*")) - before or {None}
    found = {"set": name, "rows": len(rows), "limit": limit, "seed": seed, "wall": round(wall, 2)}
    found |= {"overrun": round(max(0.0, wall - limit), 2), "exit": process.returncode}
    if process.returncode:
        print(process.stdout[-500:], process.stderr[-500:], file=sys.stderr)
    if run is not None:
        state = json.loads((run / "run.json").read_text("utf-8"))
        found |= {"best": (state["best"] or {}).get("method"), "first_model": first_model(run / "journal.jsonl")}
    return found


GOALS = {"stsb": ("--goal", "how similar are the two sentences")}


def first_model(journal: Path) -> float | None:
    """Seconds from the run's start to the first saved model beyond the constant answer."""
    for line in journal.read_text("utf-8").splitlines():
        record = json.loads(line)
        if record["kind"] == "saved" and "majority" not in record["message"]:
            return float(record["seconds"])
    return None


def main() -> None:
    """Run, print a line per run, and a summary."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--limits", default="20,60,180")
    parser.add_argument("--runs", type=int, default=20, help="runs per limit, the sets in turn")
    parser.add_argument("--sets", default=",".join(SETS))
    options = parser.parse_args()
    names, found = options.sets.split(","), []
    with tempfile.TemporaryDirectory() as folder:
        for limit in map(float, options.limits.split(",")):
            for run in range(options.runs):
                result = one(names[run % len(names)], limit, run // len(names), Path(folder))
                found.append(result)
                print(json.dumps(result), flush=True)
    late = [r for r in found if r["overrun"] > max(5.0, 0.05 * r["limit"]) or r["exit"]]
    worst = max(found, key=lambda r: r["overrun"])
    told = f"largest overrun {worst['overrun']} s of {worst['limit']}"
    print(f"{len(found) - len(late)} of {len(found)} runs in time; {told}")
    sys.exit(bool(late))


if __name__ == "__main__":
    main()
