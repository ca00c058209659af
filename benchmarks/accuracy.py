"""Accuracy under a time limit: autogpt against its peers. One command: `python benchmarks/accuracy.py`.

Every cell (set, size, limit, system, seed) runs in a process of its own with the same encoder, split, test rows and
machine. Results are appended to `results/raw/accuracy.jsonl`, so a run can be stopped and goes on where it was; the
summary (JSON, Markdown, plot) is rebuilt from that file. Parts are chosen by flags:

    python benchmarks/accuracy.py --sets cr,stsb --sizes 8 --limits 30 --seeds 0 --systems ours,tfidf
    python benchmarks/accuracy.py --report-only

A peer that finished its recipe before the limit would do the same under a longer one: that result is reused.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import sets
import summary
from autogpt import runtime
from peers import majority

HERE = Path(__file__).parent
RESULTS = HERE / "results"
SYSTEMS = ("ours", "majority", "tfidf", "frozen", "cosine", "setfit", "trainer")
SIZES = ("8", "64", "full")
LIMITS = (30.0, 120.0, 600.0)
PREDICTION_SECONDS = 300.0


@dataclass(frozen=True)
class Cell:
    """What one process does."""

    set: str
    size: str
    limit: float
    system: str
    seed: int
    test_rows: int


def plan(given: argparse.Namespace) -> Iterator[Cell]:
    """The chosen cells, short limits first (a longer limit may then reuse a finished peer's result)."""
    kinds = {system: importlib.import_module(f"peers.{system}").KINDS for system in given.systems}
    for limit in sorted(given.limits):
        for seed in given.seeds:
            for name in given.sets:
                for size in given.sizes:
                    for system in given.systems:
                        if sets.SOURCES[name].kind in kinds[system]:
                            yield Cell(name, size, limit, system, seed, given.test_rows)


def run(cell: Cell) -> dict[str, Any]:
    """One cell in a process of its own; killed when it neither stops nor answers."""
    with tempfile.TemporaryDirectory() as scratch:
        out = Path(scratch) / "cell.json"
        command = [sys.executable, str(HERE / "cell.py"), "--out", str(out), "--started", repr(time.time())]
        for name, value in asdict(cell).items():
            command += [f"--{name.replace('_', '-')}", str(value)]
        runtime.prepare_environment()  # for all systems alike
        environment = {**os.environ, "HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1", "TMPDIR": scratch}
        log = Path(scratch) / "log"
        try:
            with log.open("wb") as stream:
                subprocess.run(
                    command,
                    env=environment,
                    stdout=stream,
                    stderr=subprocess.STDOUT,
                    timeout=cell.limit * 1.05 + 5 + PREDICTION_SECONDS,
                    check=False,
                )
            died = "" if out.exists() else "died: " + log.read_text("utf-8", "replace")[-300:]
        except subprocess.TimeoutExpired:
            died = "killed: neither stopped at the limit nor answered"
        if not died:
            return dict(json.loads(out.read_text("utf-8")))
    data = sets.load(cell.set, cell.size, cell.seed, test_rows=cell.test_rows)
    answers = majority.predictor(data)(data.questions())
    return {"status": "failed", "note": died, "seconds": cell.limit, "predictions": answers}


def machine() -> dict[str, Any]:
    """What the numbers were measured on."""
    from importlib.metadata import version

    cpu = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        cpu = next((li.split(":", 1)[1].strip() for li in info.read_text().splitlines() if "model name" in li), cpu)
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, cwd=HERE)
    packages = ("autogpt", "torch", "transformers", "sentence-transformers", "setfit", "scikit-learn")
    return {
        "cpu": cpu,
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "python": platform.python_version(),
        "commit": commit.stdout.strip(),
        "versions": {name: version(name) for name in packages},
    }


def read(raw: Path) -> dict[Cell, dict[str, Any]]:
    """Results so far; a later line of the same cell replaces an earlier one."""
    if not raw.exists():
        return {}
    lines = (json.loads(line) for line in raw.read_text("utf-8").splitlines())
    return {Cell(**line.pop("cell")): line for line in lines}


def reusable(cell: Cell, done: dict[Cell, dict[str, Any]]) -> dict[str, Any] | None:
    """The result of a peer that finished under a shorter limit."""
    if cell.system == "ours":
        return None
    for other, result in done.items():
        shorter = other.limit < cell.limit and replace(other, limit=cell.limit) == cell
        if shorter and result["status"] == "finished":
            return {**result, "note": f"as under {other.limit:g} s"}
    return None


def numbers(text: str) -> list[float]:
    return [float(part) for part in text.split(",")]


def arguments(argv: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words = lambda text: text.split(",")  # noqa: E731
    parser.add_argument("--sets", type=words, default=list(sets.SOURCES), help="comma-separated (default: all nine)")
    parser.add_argument("--sizes", type=words, default=list(SIZES), help="rows per class, or full (default: 8,64,full)")
    parser.add_argument("--limits", type=numbers, default=list(LIMITS), help="seconds (default: 30,120,600)")
    parser.add_argument(
        "--seeds", type=lambda t: [int(s) for s in t.split(",")], default=[0, 1, 2], help="default: 0,1,2"
    )
    parser.add_argument("--systems", type=words, default=list(SYSTEMS), help=f"default: {','.join(SYSTEMS)}")
    parser.add_argument(
        "--test-rows", type=int, default=1000, help="test rows per set, the same for all (default: 1000)"
    )
    parser.add_argument("--out", type=Path, default=RESULTS, help="folder of the results")
    parser.add_argument("--redo", type=words, default=[], help="systems to measure again, comma-separated")
    parser.add_argument("--report-only", action="store_true", help="rebuild the summary from what was measured")
    return parser.parse_args(argv)


def main() -> None:
    given = arguments()
    raw = given.out / "raw" / "accuracy.jsonl"
    raw.parent.mkdir(parents=True, exist_ok=True)
    done = read(raw)
    if not given.report_only:
        cells = [cell for cell in plan(given) if cell not in done or cell.system in given.redo]
        hours = sum(cell.limit for cell in cells) / 3600
        print(f"{len(cells)} cells to do, {len(done)} done; at most {hours:.1f} hours plus prediction", flush=True)
        facts = machine()
        for number, cell in enumerate(cells, 1):
            result = reusable(cell, done) or {**run(cell), "machine": facts, "load": os.getloadavg()[0]}
            done[cell] = result
            with raw.open("a", encoding="utf-8") as stream:
                stream.write(json.dumps({"cell": asdict(cell), **result}, ensure_ascii=False) + "\n")
            told = f"{result['status']} {result['seconds']:.0f} s {result['note']}"
            print(f"{number}/{len(cells)} {cell.set} {cell.size} {cell.limit:g}s {cell.system} {cell.seed}: {told}")
            sys.stdout.flush()
    if done:
        summary.write(given.out, {tuple(asdict(cell).values()): result for cell, result in done.items()})
        print(f"summary: {given.out / 'accuracy.md'}")


if __name__ == "__main__":
    main()
