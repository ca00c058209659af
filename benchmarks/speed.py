"""Throughput of full fine-tuning: our loop against the Hugging Face Trainer. One command: `python benchmarks/speed.py`.

Both train all layers of the embedded encoder on the same rows for the same number of epochs, and both are scored on the
same test rows. Measured is the time from rows and a loaded model to a trained model: tokenization, our linear head that
fine-tuning starts from, and all steps are in it; imports and loading are not. rows/s = rows * epochs / seconds.

* `trainer`: TrainingArguments' defaults (AdamW 5e-5, linear decay, batch 8, float32), padded to a batch's longest row
* `trainer-128`: the same, padded to 128 tokens as run_glue does by default
* `ours`: the method `full` with its defaults

Every run has a process of its own and starts as its users would start it; systems take turns within a seed. Beside
wall-clock rows/s stand rows per second of CPU time (all threads). Beside other jobs OpenMP's default waiting, which the
Trainer keeps, costs several times the speed: set OMP_WAIT_POLICY=PASSIVE for all there, or measure on a quiet machine.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import sets

HERE = Path(__file__).parent
SYSTEMS = ("ours", "trainer", "trainer-128")
Fitted = Callable[[Sequence[str]], list[str]]
Times = tuple[float, float]
"""Seconds on the wall and of CPU time."""


def now() -> Times:
    """Two clocks."""
    return time.perf_counter(), time.process_time()


def since(start: Times) -> Times:
    """What both clocks show since `start`."""
    return time.perf_counter() - start[0], time.process_time() - start[1]


def ours(train: list[dict[str, Any]], seed: int, epochs: int, options: dict[str, Any]) -> tuple[Times, Fitted]:
    """Seconds of `methods.full` and its predictions."""
    from dataclasses import replace

    from autogpt import registry
    from autogpt.core import Example, Job
    from autogpt.runtime import detect
    from autogpt.training.features import FeatureCache
    from autogpt.training.loop import LoopOptions
    from autogpt.training.loop import train as loop

    method, output, metric = registry.get("methods", "full"), registry.get("outputs", "classes"), _Accuracy()
    runtime = detect()
    examples = [Example(id=i, inputs={"text": row["text"]}, target=row["label"]) for i, row in enumerate(train)]
    space = output.space([row["label"] for row in train])
    from autogpt.backbones.encoder import Encoder

    encoder = Encoder.open(None, output="classes", size=len(space.labels), runtime=runtime, offline=True)

    with tempfile.TemporaryDirectory() as folder:

        def looped(model: Any, settings: Any, validate: Any) -> Any:
            options, rest = LoopOptions.among(settings)
            place, free = Path(folder), lambda: math.inf
            run = {"seed": seed, "remaining": free, "validate": validate, "metric": metric, "runtime": runtime}
            return loop(model, options=options, folder=place, **run, **rest)

        job = Job(
            train=examples,
            validation=[],
            output=output,
            space=space,
            metric=metric,
            open=lambda: encoder,
            folder=Path(folder),
            seed=seed,
            remaining=lambda: math.inf,
            judge=lambda scores: {},
            features=FeatureCache(lambda: encoder),
            loop=looped,
            options=replace(method.options(), epochs=float(epochs), **options),
        )
        start = now()
        for _ in method.fit(job):
            pass
        spent = since(start)

    def predict(texts: Sequence[str]) -> list[str]:
        scores = encoder.score([{"text": text} for text in texts])
        return [space.labels[i] for i in scores.argmax(1)]

    return spent, predict


class _Accuracy:
    name = "accuracy"
    higher_is_better = True
    decimals = 4

    def __call__(self, gold: Any, predicted: Any, probabilities: Any, space: Any) -> float:
        return statistics.fmean(g == p for g, p in zip(gold, predicted, strict=True))


def trainer(train: list[dict[str, Any]], seed: int, epochs: int, *, pad_to: int | None) -> tuple[Times, Fitted]:
    """Seconds of the Hugging Face Trainer and its predictions."""
    import torch
    from transformers import (
        AutoModelForSequenceClassification,
        AutoTokenizer,
        DataCollatorWithPadding,
        Trainer,
        TrainingArguments,
        set_seed,
    )

    from peers.encoder import folder

    set_seed(seed)
    labels = sorted({row["label"] for row in train})
    tokenizer = AutoTokenizer.from_pretrained(str(folder()))
    model = AutoModelForSequenceClassification.from_pretrained(str(folder()), num_labels=len(labels))
    padding: dict[str, Any] = {"padding": "max_length", "max_length": pad_to} if pad_to else {}
    with tempfile.TemporaryDirectory() as scratch:
        arguments = TrainingArguments(
            output_dir=scratch,
            seed=seed,
            num_train_epochs=epochs,
            save_strategy="no",
            logging_strategy="no",
            report_to="none",
            disable_tqdm=True,
        )
        start = now()
        encoded = tokenizer([row["text"] for row in train], truncation=True, max_length=128)
        rows = [
            {"input_ids": ids, "attention_mask": mask, "labels": labels.index(row["label"])}
            for ids, mask, row in zip(encoded["input_ids"], encoded["attention_mask"], train, strict=True)
        ]
        collate = DataCollatorWithPadding(tokenizer, **padding)
        Trainer(model=model, args=arguments, train_dataset=rows, data_collator=collate).train()
        spent = since(start)

    @torch.no_grad()
    def predict(texts: Sequence[str]) -> list[str]:
        model.eval()
        found: list[str] = []
        for i in range(0, len(texts), 32):
            batch = tokenizer(
                list(texts[i : i + 32]), truncation=True, max_length=128, padding=True, return_tensors="pt"
            ).to(model.device)
            found += [labels[k] for k in model(**batch).logits.argmax(1).tolist()]
        return found

    return spent, predict


def work(given: argparse.Namespace) -> None:
    """One run in this process; prints its figures as JSON."""
    train, test = rows_of(given.sets[0], given.rows, given.classes, given.seeds[0])
    if given.worker == "ours":
        spent, predict = ours(train, given.seeds[0], given.epochs, json.loads(given.options))
    else:
        pad_to = 128 if given.worker.endswith("128") else None
        spent, predict = trainer(train, given.seeds[0], given.epochs, pad_to=pad_to)
    right = [p == row["label"] for p, row in zip(predict([row["text"] for row in test]), test, strict=True)]
    rows = len(train) * given.epochs
    figures = {"rows_s": rows / spent[0], "rows_cpu_s": rows / spent[1], "accuracy": sum(right) / len(right)}
    print(json.dumps(figures))


def rows_of(name: str, rows: int, classes: int, seed: int) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The first `rows` training rows of the first `classes` classes, and up to 1,000 test rows of them."""
    import random

    data = sets.load(name, "full", seed)
    kept = set(sorted({row["label"] for row in data.train})[:classes])
    train = [row for row in data.train if row["label"] in kept]
    random.Random(seed).shuffle(train)
    return train[:rows], [row for row in data.test if row["label"] in kept]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sets", type=lambda text: text.split(","), default=["mr", "banking77"])
    parser.add_argument("--seeds", type=lambda text: [int(part) for part in text.split(",")], default=[0, 1, 2])
    parser.add_argument("--systems", type=lambda text: text.split(","), default=list(SYSTEMS))
    parser.add_argument("--rows", type=int, default=2000)
    parser.add_argument("--classes", type=int, default=20)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--options", default="{}", help="options of the method `full`, as JSON")
    parser.add_argument("--save", action="store_true", help="write results/speed.json")
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.worker:
        work(given)
        return
    found: dict[str, dict[str, list[dict[str, float]]]] = {}
    for name in given.sets:
        for seed in given.seeds:
            for system in given.systems:
                own = ["--sets", name, "--seeds", str(seed), "--worker", system, "--rows", str(given.rows)]
                own += ["--classes", str(given.classes), "--epochs", str(given.epochs), "--options", given.options]
                done = subprocess.run([sys.executable, __file__, *own], capture_output=True, text=True, check=False)
                if done.returncode:
                    sys.exit(done.stderr)
                figures = json.loads(done.stdout.splitlines()[-1])
                found.setdefault(name, {}).setdefault(system, []).append(figures)
                shown = f"{figures['rows_s']:7.1f} rows/s {figures['rows_cpu_s']:7.1f} rows/CPU-s"
                print(f"{name:10} seed {seed} {system:12} {shown}  {figures['accuracy']:.4f}", flush=True)
    print(table(found))
    if given.save:
        (HERE / "results").mkdir(exist_ok=True)
        settings = {key: value for key, value in vars(given).items() if key not in {"worker", "save"}}
        (HERE / "results" / "speed.json").write_text(json.dumps({"settings": settings, "runs": found}, indent=2) + "\n")
        (HERE / "results" / "speed.md").write_text(table(found) + "\n")


def table(found: dict[str, dict[str, list[dict[str, float]]]]) -> str:
    """Means over seeds, and how many times faster ours is."""
    lines = ["| set | system | rows/s | rows/CPU-s | ours is faster by (wall, CPU) | accuracy (min to max) |"]
    lines.append("|---|---|---|---|---|---|")
    for name, systems in found.items():
        for system, runs in systems.items():
            wall, cpu = (statistics.fmean(run[key] for run in runs) for key in ("rows_s", "rows_cpu_s"))
            factor = ""
            if "ours" in systems and system != "ours":
                factor = ", ".join(
                    f"{statistics.fmean(a[key] / b[key] for a, b in zip(systems['ours'], runs, strict=True)):.2f}x"
                    for key in ("rows_s", "rows_cpu_s")
                )
            scores = [run["accuracy"] for run in runs]
            spread = f"{statistics.fmean(scores):.4f} ({min(scores):.4f} to {max(scores):.4f})"
            lines.append(f"| {name} | {system} | {wall:.1f} | {cpu:.1f} | {factor} | {spread} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
