"""A run on a file that is larger than its memory: resident size and time by size. `python benchmarks/large_file.py`.

JSON Lines of made-up messages are written to disk (`--gigabytes 1 2 4`), and each is learned within the same memory
limit and time. What is watched is the highest resident size of the run and of all its child processes together, the
seconds until there is a first model, those beyond the limit, and CPU time, which says more on a busy machine (its load
stands beside it). At the end the slope: what each gigabyte more costs.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from statistics import linear_regression

import psutil

from autogpt.units import byte_count, seconds

NOUNS = ("card", "account", "payment", "transfer", "refund", "limit", "statement", "address", "phone", "branch")
KINDS = {
    "lost": "is gone and I cannot find my",
    "price": "how much do I have to pay for a new",
    "thanks": "many thanks for the quick help with the",
    "late": "I am still waiting, since last week, for my",
}


BASE = 500_000  # rows that are made one by one; those after them have other digits


def write(path: Path, size: int, seed: int = 0) -> int:
    """Rows until the file has so many bytes; how many they are."""
    rng, digits, base, written = random.Random(seed), list(b"0123456789"), [], 0
    for row in range(min(BASE, size // 100)):
        kind = rng.choice(list(KINDS))
        text = f"message {row}: {KINDS[kind]} {rng.choice(NOUNS)}, {rng.choice(NOUNS)} {rng.random():.9f}"
        base.append(json.dumps({"text": text, "kind": kind if rng.random() > 0.1 else rng.choice(list(KINDS))}))
    block, rows = ("\n".join(base) + "\n").encode(), 0
    with path.open("wb") as out:
        while written < size:
            written += out.write(block.translate(bytes.maketrans(b"0123456789", bytes(digits))))
            rows += len(base)
            rng.shuffle(digits)
    return rows


def cpu() -> float:
    """CPU seconds of all processes that this one waited for."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def first_model(run: Path) -> float:
    """Seconds from the run's begin until a first model was on disk."""
    lines = (run / "journal.jsonl").read_text("utf-8").splitlines()
    return min(float(event["seconds"]) for event in map(json.loads, lines) if event["kind"] == "saved")


def watched(command: list[str]) -> tuple[float, int, float]:
    """Seconds, the highest resident size, and CPU seconds of a command with its children."""
    used = cpu()
    highest, process, began = 0, subprocess.Popen(command, stdout=subprocess.DEVNULL), time.monotonic()
    over = threading.Event()

    def watch() -> None:
        nonlocal highest
        while not over.wait(0.2):
            try:
                family = [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]
                highest = max(highest, sum(one.memory_info().rss for one in family))
            except psutil.Error:
                continue

    threading.Thread(target=watch, daemon=True).start()
    code = process.wait()
    over.set()
    if code:
        sys.exit(f"{' '.join(command)} ended with {code}")
    return time.monotonic() - began, highest, cpu() - used


def main() -> None:
    """Write, learn, watch."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gigabytes", type=float, nargs="+", default=[0.5, 1.0, 2.0])
    parser.add_argument("--memory", default="2GB")
    parser.add_argument("--time-limit", default="10m")
    parser.add_argument("--methods", default="majority,tfidf")
    given = parser.parse_args()
    byte_count(given.memory)
    limit = seconds(given.time_limit) or float("inf")
    all_told: list[dict[str, float]] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for size in given.gigabytes:
            path = folder / "messages.jsonl"
            rows = write(path, int(size * 1e9))
            command = [sys.executable, "-m", "autogpt.cli", "run", str(path), "--memory-limit", given.memory, "--quiet"]
            command += ["--output", str(folder / "runs"), "--time-limit", given.time_limit, "--methods", given.methods]
            took, highest, used = watched(command)
            (report,) = (folder / "runs").glob("*/model/report.json")
            first = first_model(report.parents[1])
            data = json.loads(report.read_text("utf-8"))["data"]
            told = {"gigabytes": size, "rows": rows, "used": data["rows_used"], "rows_in": data["rows_in"]}
            told |= {"seconds": round(took, 1), "beyond": round(took - limit, 1)}
            told |= {
                "first_model": round(first, 1),
                "cpu_seconds": round(used, 1),
                "load": round(os.getloadavg()[0], 1),
            }
            told |= {"resident_gigabytes": round(highest / 1e9, 3)}
            all_told.append(told)
            print(json.dumps(told), flush=True)
            subprocess.run(["rm", "-r", str(folder / "runs")], check=True)
    if len(all_told) > 1:
        sizes = [one["gigabytes"] for one in all_told]
        slope = {
            f"{name}_per_gigabyte": round(linear_regression(sizes, [one[name] for one in all_told]).slope, 3)
            for name in ("cpu_seconds", "first_model", "resident_gigabytes")
        }
        print(json.dumps(slope))


if __name__ == "__main__":
    main()
