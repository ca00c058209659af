"""What one training over several processes costs and comes to. `python benchmarks/data_parallel.py`.

The same training (the embedded encoder on rows of mr, dropout off) is done by one process and by `--processes`, one
thread each, by turns; pairs of the same round count. Where there are fewer cores than processes no speed-up can be
seen. CPU seconds can, whatever else runs: those of all processes beside those of one are the overhead, and those of
rank 0 alone, which waits for the rest, are what more cores cannot go below.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil

import sets

COLUMNS = ("rank 0", "replicas", "wall")


def work(method: str, rows: list[Mapping[str, Any]], processes: int, options: Mapping[str, Any]) -> dict[str, Any]:
    """Seconds per step of each kind, the losses, and the weights in the end."""
    import torch

    from autogpt import registry
    from autogpt.autopilot.trial import Bench, Candidate, make_job
    from autogpt.core import Example
    from autogpt.runtime import Runtime
    from autogpt.training.features import FeatureCache
    from autogpt.training.loop import LoopOptions, train
    from autogpt.training.replicas import Replicas

    torch.set_num_threads(1)
    output, runtime = registry.get("outputs", "classes"), Runtime(threads=processes)
    examples = [Example(i, {"text": row["text"]}, row["label"]) for i, row in enumerate(rows)]
    space = output.space([example.target for example in examples])
    shape: dict[str, Any] = {"output": "classes", "size": output.size(space), "runtime": runtime, "offline": True}

    def opened() -> Any:
        torch.manual_seed(0)
        return registry.get("backbones", "encoder").open(None, like=examples[0].inputs, **shape)

    metric = registry.get("metrics", "accuracy")
    bench = Bench(examples, (), output, space, (metric,), opened, FeatureCache(opened, guard=runtime.memory),
                  lambda: runtime, 0, lambda event: None, lambda: False)  # fmt: skip
    replicas = Replicas(processes) if processes > 1 else None
    found: dict[str, Any] = {"seconds": [], "losses": []}

    def loop(model: Any, settings: Mapping[str, Any], validate: Any) -> Iterator[Any]:
        for part in model.module.modules():
            if isinstance(part, torch.nn.Dropout):
                part.p = 0.0
        chosen, rest = LoopOptions.among({**settings, "prune": 0.0})
        begun = time.monotonic()
        told = {"folder": Path(folder) / "loop", "seed": 0, "remaining": lambda: 1e9, "validate": None}
        before = ()
        for step in train(model, options=chosen, metric=metric, runtime=runtime, replicas=replicas, **told, **rest):
            own = time.process_time()
            others = sum(sum(one.cpu_times()[:2]) for one in psutil.Process().children())
            if not before:
                found["start"] = time.monotonic() - begun
            else:
                found["seconds"].append((own - before[0], others - before[1], step.seconds))
            before = (own, others)
            found["losses"].append(step.loss)
            yield step
        found["weights"] = [p.detach().clone() for p in model.module.parameters()]
        found["moved"] = sum(p.nbytes for p in model.module.parameters() if p.requires_grad)

    with tempfile.TemporaryDirectory() as folder:
        job = make_job(bench, Candidate(method, options), folder=Path(folder), remaining=lambda: 1e9)
        for _ in registry.get("methods", method).fit(replace(job, loop=loop)):
            pass
    if replicas is not None:
        replicas.close()
    return found


def interval(values: list[float]) -> list[float]:
    """Mean, and half the width of its 95 % interval (Student's t)."""
    from scipy.stats import t

    spread = statistics.stdev(values) / len(values) ** 0.5 if len(values) > 1 else 0.0
    return [round(statistics.mean(values), 3), round(float(t.ppf(0.975, max(1, len(values) - 1))) * spread, 3)]


def main() -> None:
    """Rounds, and what their pairs come to."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--methods", default="full,lora")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--rows", type=int, default=256)
    parser.add_argument("--batch-rows", type=int, default=32)
    told = parser.parse_args()
    for method in told.methods.split(","):
        pairs = []
        for seed in range(told.rounds):
            rows = sets.load("mr", str(told.rows // 2), seed, test_rows=1).train
            options = {"epochs": 1.0, "batch_rows": told.batch_rows}
            order = [1, told.processes] if seed % 2 else [told.processes, 1]
            done = {size: work(method, rows, size, options) for size in order}
            one, many = done[1], done[told.processes]
            cost = {
                size: dict(zip(COLUMNS, map(statistics.median, zip(*found["seconds"], strict=True)), strict=True))
                for size, found in done.items()
            }
            lone, both = cost[1], cost[told.processes]
            pairs.append(
                {
                    "start": many["start"] - one["start"],
                    "cpu": (both["rank 0"] + both["replicas"]) / lone["rank 0"],
                    "rank 0": both["rank 0"] / lone["rank 0"],
                    "wall": both["wall"] / lone["wall"],
                    "loss": max(abs(a - b) for a, b in zip(one["losses"], many["losses"], strict=True)),
                    "weights": max(
                        float((a - b).abs().max()) for a, b in zip(one["weights"], many["weights"], strict=True)
                    ),
                    "step": lone["rank 0"],
                    "megabytes": many["moved"] / 1e6,
                }
            )
        means = {key: interval([pair[key] for pair in pairs]) for key in pairs[0] if key not in ("loss", "weights")}
        worst = {key: max(pair[key] for pair in pairs) for key in ("loss", "weights")}
        print(json.dumps({"method": method, "processes": told.processes, **means, **worst}), flush=True)


if __name__ == "__main__":
    main()
