"""Several tasks on one backbone against a model for each: scores, disk, and what it costs to switch per request.

    python benchmarks/multi_task.py [--sets banking77,mr,stsb,wnut17] [--rows 500] [--passes 3] [--test-rows 400]

Training rows are drawn at random (banking77: of its first `--classes` labels by name). Both sides get the embedded
encoder, the same rows, validation rows, passes and settings (`full`'s defaults); test rows are opened once, both
systems answer the same. Differences are paired bootstrap intervals; `floor` is the noise floor of the report.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import sets

HEAD = (
    "| task | metric | together [95%] | alone [95%] | difference [95%] | floor | own parts | finding |\n"
    "|---|---|---|---|---|---|---|---|\n"
)


def drawn(name: str, *, rows: int, test_rows: int, classes: int, seed: int) -> tuple[list[Any], list[Any]]:
    """Training and test rows of one set."""
    data = sets.load(name, "full", 0, test_rows=1 << 30)
    train, test = data.train, data.test
    if name == "banking77":
        chosen = set(sorted({row["label"] for row in train})[:classes])
        train, test = ([row for row in part if row["label"] in chosen] for part in (train, test))
    rng = random.Random(f"multi {name} {seed}")
    return rng.sample(train, min(rows, len(train))), rng.sample(test, min(test_rows, len(test)))


def size(folder: Path) -> int:
    """Bytes of all files."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def switching(model: Any, requests: int = 200) -> float:
    """Median milliseconds to mount another task's parts, when every request is of another task than the last."""
    found = []
    for place in range(requests):
        name = model.tasks[place % len(model.tasks)]
        began = time.perf_counter()
        model.trunk.mount(name)
        found.append(1000 * (time.perf_counter() - began))
    return statistics.median(found)


def measure(given: argparse.Namespace) -> dict[str, Any]:
    """One multi-task run, and what its model costs; switching is measured with and without parts on every task."""
    from autogpt.config import MultiTask, RunConfig
    from autogpt.regimes.multi_task import Source, train_many

    options = {"rows": given.rows, "test_rows": given.test_rows, "classes": given.classes, "seed": given.seed}
    sources = {name: Source(*drawn(name, **options)) for name in given.sets.split(",")}
    with tempfile.TemporaryDirectory() as folder:
        config = RunConfig(output=folder, seed=given.seed, time_limit=None)
        mixing = MultiTask(multi_task=True, passes=given.passes, mixing=given.mixing)
        found = train_many(sources, config, mixing, listen=lambda event: _tell(event))
        together = size(found.folder / "model")
        apart = 0
        for name in found.model.tasks:
            place = Path(folder) / f"alone-{name}"
            found.model[name].save(place, check=False)
            apart += size(place)
        as_it_is = switching(found.model)
        for name in found.model.tasks:
            if name not in found.model.trunk.adapted:
                found.model.trunk.give(name, rank=mixing.rank, seed=0)
        everywhere = switching(found.model)
    rows = [{**row, "test_rows": row["together"]["n"]} for row in found.report.to_dict()["tasks"]]
    cost = {"bytes_together": together, "bytes_apart": apart, "switch_ms": as_it_is, "switch_all_parts_ms": everywhere}
    return {"setting": vars(given) | {"output": None}, "seconds": found.report.seconds, "rows": rows, "cost": cost,
            "notes": list(found.report.notes)}  # fmt: skip


def _tell(event: Any) -> None:
    if event.kind != "step":
        sys.stdout.write(f"{event.kind}: {event.message}\n")
        sys.stdout.flush()


def markdown(found: dict[str, Any]) -> str:
    """The table, what both sides take up, and the notes of the run."""
    table = ""
    for row in found["rows"]:
        one, other, d = row["together"], row["alone"], row["difference"]
        floor = "-" if row["noise"] is None else f"{row['noise']['floor']:.3f}"
        scores = " | ".join(f"{s['value']:.3f} [{s['low']:.3f}, {s['high']:.3f}]" for s in (one, other))
        table += (
            f"| {row['name']} | {one['metric']} | {scores} ({row['rival']}) | {d['delta']:+.3f} [{d['low']:+.3f}, "
            f"{d['high']:+.3f}] | {floor} | {'yes' if row['parts'] else 'no'} | {row['finding']} |\n"
        )
    cost = found["cost"]
    ends = (
        f"\nDisk: {cost['bytes_together'] / 1e6:.1f} MB for all tasks, {cost['bytes_apart'] / 1e6:.1f} MB as a model "
        f"each. Switching: {cost['switch_ms']:.3f} ms as trained, {cost['switch_all_parts_ms']:.3f} ms with parts on "
        f"every task. {found['seconds']:.0f} s in all.\n\n"
    )
    return HEAD + table + ends + "".join(f"- {note}\n" for note in found["notes"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sets", default="banking77,mr,stsb,wnut17")
    parser.add_argument("--rows", type=int, default=500)
    parser.add_argument("--test-rows", type=int, default=400)
    parser.add_argument("--classes", type=int, default=20)
    parser.add_argument("--passes", type=float, default=3.0)
    parser.add_argument("--mixing", type=float, default=2.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", type=Path, default=Path(__file__).parent / "results" / "multi-task")
    given = parser.parse_args()
    found = measure(given)
    given.output.parent.mkdir(parents=True, exist_ok=True)
    given.output.with_suffix(".json").write_text(json.dumps(found, indent=1), "utf-8")
    given.output.with_suffix(".md").write_text(markdown(found), "utf-8")
    sys.stdout.write(markdown(found))


if __name__ == "__main__":
    main()
