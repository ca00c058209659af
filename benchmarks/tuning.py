"""Tuning methods against each other: the same rows, epochs and encoder; accuracy, trained numbers, memory, seconds.

    python benchmarks/tuning.py [--classes 20] [--rows 16] [--epochs 5] [--seed 0] [--output FOLDER]

Rows are drawn from the training split of banking77 (`--rows` per class, the first classes by name; half as many for
validation). A method's learning rate is chosen on validation rows when several are given (`--rates prefix=1e-3,3e-3`);
test rows are opened once per method, after that. Every method runs in a process of its own, for its peak of memory.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import sets

METHODS = ("head", "full", "bitfit", "lora", "adalora", "ia3", "adapter", "prefix", "prompt", "p-tuning")


def splits(classes: int, rows: int, seed: int) -> tuple[list[Any], list[Any], list[Any]]:
    """Training, validation and test examples of the first `classes` labels."""
    from autogpt.core import Example

    data = sets.load("banking77", "full", 0, test_rows=1 << 30)
    chosen = sorted({row["label"] for row in data.train})[:classes]
    rng = random.Random(f"peft {seed}")
    train, held = [], []
    for label in chosen:
        own = [row for row in data.train if row["label"] == label]
        rng.shuffle(own)
        train += own[:rows]
        held += own[rows : rows + max(1, rows // 2)]
    rng.shuffle(train)
    test = [row for row in data.test if row["label"] in chosen]
    parts = [
        [Example(place, {"text": row["text"]}, row["label"]) for place, row in enumerate(p)]
        for p in (train, held, test)
    ]
    return parts[0], parts[1], parts[2]


def wilson(right: int, n: int, z: float = 1.96) -> tuple[float, float]:
    """95 % interval of a share ("Probable Inference, the Law of Succession", Wilson 1927)."""
    share, spread = right / n, z * z / n
    centre = (share + spread / 2) / (1 + spread)
    half = z * ((share * (1 - share) + spread / 4) / n) ** 0.5 / (1 + spread)
    return centre - half, centre + half


def measure(method: str, given: argparse.Namespace) -> dict[str, Any]:
    """Fit `method` once per learning rate; the best on validation rows answers the test rows."""
    import trials
    from autogpt import registry
    from autogpt.autopilot.trial import Candidate, run_trial
    from autogpt.backbones._training import EncoderTraining
    from autogpt.events import silent

    train, held, test = splits(given.classes, given.rows, given.seed)
    parts = trials.Parts(registry.get("tasks", "text-classification"), train, held, test)
    metrics = [registry.get("metrics", "accuracy")]
    bench = trials.bench(parts, backbone=None, seed=given.seed, metrics=metrics, listen=silent)
    trained: list[int] = []
    groups = EncoderTraining.groups

    def counted(self: EncoderTraining) -> list[dict[str, Any]]:
        trained.append(sum(p.numel() for p in self.net.body.parameters() if p.requires_grad))
        return groups(self)

    EncoderTraining.groups = counted  # type: ignore[method-assign]
    tried = []
    rates = dict(pair.split("=") for pair in given.rates).get(method, "")
    for rate in [float(r) for r in rates.split(",")] if rates else [None]:
        options = {} if method == "head" else {"epochs": given.epochs, **({"learning_rate": rate} if rate else {})}
        with tempfile.TemporaryDirectory() as folder:
            began = time.monotonic()
            result, scorer = run_trial(bench, Candidate(method, options), folder=Path(folder), remaining=lambda: 1e6)
            seconds = time.monotonic() - began
        tried.append((result.scores["accuracy"], rate, seconds, scorer))
    validation, rate, seconds, scorer = max(tried, key=lambda found: found[0])
    answers = scorer.score([row.inputs for row in test]).argmax(axis=1)
    right = sum(bench.space.labels[a] == row.target for a, row in zip(answers, test, strict=True))
    low, high = wilson(right, len(test))
    return {
        "method": method, "learning_rate": rate, "validation": validation, "test": right / len(test), "low": low,
        "high": high, "test_rows": len(test), "trained": trained[-1] if trained else 0, "seconds": seconds,
        "peak_mb": _peak(),
        "tried": [[score, r] for score, r, _, _ in tried],
    }  # fmt: skip


def _peak() -> float:
    """Most megabytes that were taken at once: on the GPU where there is one, else of this process."""
    import torch

    if torch.cuda.is_available():
        return torch.cuda.max_memory_allocated() / 2**20
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def markdown(rows: list[dict[str, Any]]) -> str:
    head = "| method | validation | test accuracy [95%] | trained | peak MB | seconds |\n|---|---|---|---|---|---|\n"
    return head + "".join(
        f"| {r['method']} | {r['validation']:.3f} | {r['test']:.3f} [{r['low']:.3f}, {r['high']:.3f}] "
        f"| {r['trained']:,} | {r['peak_mb']:.0f} | {r['seconds']:.0f} |\n"
        for r in rows
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--classes", type=int, default=20)
    parser.add_argument("--rows", type=int, default=16)
    parser.add_argument("--epochs", type=float, default=5.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--methods", default=",".join(METHODS))
    parser.add_argument("--rates", nargs="*", default=[], metavar="METHOD=RATE,RATE")
    parser.add_argument("--output", type=Path, default=Path(__file__).parent / "results" / "tuning")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        sys.stdout.write("\n" + json.dumps(measure(given.one, given)) + "\n")
        return
    rows = []
    given.output.parent.mkdir(parents=True, exist_ok=True)
    for method in given.methods.split(","):
        done = subprocess.run(
            [sys.executable, *sys.argv, "--one", method], stdout=subprocess.PIPE, text=True, check=False
        )
        if done.returncode:
            sys.stderr.write(f"{method} failed\n")
            continue
        rows.append(json.loads(done.stdout.strip().splitlines()[-1]))
        sys.stdout.write(markdown(rows[-1:]).splitlines()[-1] + "\n")
        sys.stdout.flush()
        setting = {name: getattr(given, name) for name in ("classes", "rows", "epochs", "seed", "rates")}
        given.output.with_suffix(".json").write_text(json.dumps({"setting": setting, "rows": rows}, indent=1), "utf-8")
        given.output.with_suffix(".md").write_text(markdown(rows), "utf-8")


if __name__ == "__main__":
    main()
