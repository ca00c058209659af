"""A run on a file that is larger than its memory: resident size and time by size. `python benchmarks/large_file.py`.

JSON Lines of made-up messages are written to disk (`--gigabytes 1 2 4`), and each is learned within the same memory
limit. What is watched is the highest resident size of the run and of all its child processes together.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import psutil

from autogpt.config import byte_count

NOUNS = ("card", "account", "payment", "transfer", "refund", "limit", "statement", "address", "phone", "branch")
KINDS = {
    "lost": "is gone and I cannot find my",
    "price": "how much do I have to pay for a new",
    "thanks": "many thanks for the quick help with the",
    "late": "I am still waiting, since last week, for my",
}


def write(path: Path, size: int, seed: int = 0) -> int:
    """Rows until the file has so many bytes; how many they are."""
    rng, rows, written = random.Random(seed), 0, 0
    with path.open("w", encoding="utf-8") as out:
        while written < size:
            block = []
            for _ in range(10_000):
                kind = rng.choice(list(KINDS))
                text = f"message {rows}: {KINDS[kind]} {rng.choice(NOUNS)}, {rng.choice(NOUNS)} {rng.random():.9f}"
                block.append(
                    json.dumps({"text": text, "kind": kind if rng.random() > 0.1 else rng.choice(list(KINDS))})
                )
                rows += 1
            written += out.write("\n".join(block) + "\n")
    return rows


def watched(command: list[str]) -> tuple[float, int]:
    """Seconds and the highest resident size of a command with its children."""
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
    return time.monotonic() - began, highest


def main() -> None:
    """Write, learn, watch."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gigabytes", type=float, nargs="+", default=[0.5, 1.0, 2.0])
    parser.add_argument("--memory", default="2GB")
    parser.add_argument("--time-limit", default="10m")
    parser.add_argument("--methods", default="majority,tfidf")
    given = parser.parse_args()
    byte_count(given.memory)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for size in given.gigabytes:
            path = folder / "messages.jsonl"
            rows = write(path, int(size * 1e9))
            command = [sys.executable, "-m", "autogpt.cli", "run", str(path), "--memory-limit", given.memory, "--quiet"]
            command += ["--output", str(folder / "runs"), "--time-limit", given.time_limit, "--methods", given.methods]
            seconds, highest = watched(command)
            (report,) = (folder / "runs").glob("*/model/report.json")
            data = json.loads(report.read_text("utf-8"))["data"]
            told = {"gigabytes": size, "rows": rows, "used": data["rows_used"], "rows_in": data["rows_in"]}
            told |= {"seconds": round(seconds, 1), "resident_gigabytes": round(highest / 1e9, 3)}
            print(json.dumps(told), flush=True)
            subprocess.run(["rm", "-r", str(folder / "runs")], check=True)


if __name__ == "__main__":
    main()
