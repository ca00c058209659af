"""kill -9 at random moments of whole runs, then `autogpt resume`, until each ends. `python benchmarks/kill_runs.py`.

`autogpt run` reads a file, climbs the ladder with a tiny BERT (majority, TF-IDF, head, full fine-tuning), tests, and
saves. Its process is killed after a random part of what a whole run takes, and resumed, and killed again, until it
ends unattended. With `--executor ray` half of the kills strike a worker instead, whose trial has to be begun again.
The model it leaves must have, bit for bit, the weights of a run that nobody killed. Killed before it had a folder, a
run is begun anew. Runs are repeated until enough kills have struck.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import psutil

from autogpt.testing import tiny

COMMAND = [sys.executable, "-m", "autogpt.cli"]
LIMIT = "1h"  # far more than is needed: nothing may depend on how fast the machine is


def data(folder: Path) -> Path:
    """Notes of three kinds, one a line."""
    rows = [
        {"note": row.inputs["text"] + f" {place}", "kind": row.target}
        for place, row in enumerate(tiny.examples("classes", 240))
    ]
    path = folder / "notes.jsonl"
    path.write_text("\n".join(json.dumps(row) for row in rows), "utf-8")
    return path


def weights(run: Path) -> dict[str, str]:
    """sha256 of every file of weights in a run's model."""
    files = sorted((run / "model").rglob("*.safetensors"))
    return {str(path.relative_to(run)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def stage(run: Path | None) -> str:
    """What the run was doing when it was killed, as its journal has it."""
    if run is None or not (run / "journal.jsonl").is_file():
        return "before the journal"
    for line in reversed((run / "journal.jsonl").read_text("utf-8").splitlines()):
        try:
            return str(json.loads(line)["kind"])
        except ValueError:
            continue  # a line that was cut by the kill
    return "before the journal"


def life(command: list[str], seconds: float | None, *, workers: bool = False) -> int | None:
    """Exit code of a process, or None when it was killed after `seconds`. `workers`: one of those that work for it is
    killed instead, and it goes on."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    try:
        _, errors = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        if not workers:
            process.send_signal(signal.SIGKILL)
            process.communicate()
            return None
        for child in psutil.Process(process.pid).children(recursive=True):
            if child.name().startswith("ray::_worked"):
                child.kill()
        _, errors = process.communicate()
    if process.returncode:
        sys.exit(f"{' '.join(command)} ended with {process.returncode}: {errors.decode()[-2000:]}")
    return process.returncode


def main() -> None:
    """Kill, resume, compare, count."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--executor", help="local or ray (default: the run itself works on its trials)")
    given = parser.parse_args()
    rng, kills, runs, equal, where = random.Random(given.seed), 0, 0, 0, Counter[str]()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        begin = [*COMMAND, "run", str(data(folder)), "--time-limit", LIMIT, "--json", "--offline", "--target", "kind"]
        begin += ["--backbone", str(tiny.bert_folder(folder / "bert")), "--methods", "majority,tfidf,head,full"]
        begin += ["--executor", given.executor] if given.executor else []
        started = time.monotonic()
        life([*begin, "--output", str(folder / "whole")], None)
        seconds = time.monotonic() - started
        (whole,) = (folder / "whole").iterdir()
        while kills < given.kills:
            output, run = folder / f"killed{runs}", None
            while True:
                command = [*begin, "--output", str(output)] if run is None else [*COMMAND, "resume", str(run), "--json"]
                after = rng.uniform(0.0, seconds) if kills < given.kills else None
                workers = given.executor == "ray" and rng.random() < 0.5
                ended = life(command, after, workers=workers)
                kills += ended is None or (workers and after is not None)
                if ended is not None:
                    break
                run = next(iter(output.glob("*/run.json")), None)
                run = run.parent if run is not None else None
                where[stage(run)] += 1
            (run,) = output.glob("*/model/autogpt.json")
            runs += 1
            equal += weights(run.parents[1]) == weights(whole)
            print(f"{kills} kills, {runs} runs ended, {equal} with equal weights", flush=True)
    print(json.dumps({"kills": kills, "runs": runs, "equal": equal, "seconds": round(seconds, 1), "killed_in": where}))
    sys.exit(equal != runs)


if __name__ == "__main__":
    main()
