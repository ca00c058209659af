"""Throughput of training on texts: ours against TRL's SFTTrainer. One command: `python benchmarks/sft_speed.py`.

A decoder learns gsm8k's answers from its questions. All systems begin with the same weights, get the same token ids and
which of them are to be said, make as many passes in batches of as many rows in float32, with AdamW, the same peak rate
and its linear fall. Systems take turns within a seed, in one process; the order turns with the seed. Measured is the
training alone; tokens are those of rows, padding left out. Held-out loss is nats per target token, by one function.

* `trl`: SFTTrainer's defaults (padded to a batch's longest row; activations are computed twice to save memory)
* `trl-kept`: the same without computing activations twice
* `trl-packed`: `trl-kept` with `packing=True`, rows of up to 512 tokens, as many tokens a step; without flash attention
  it warns that packed rows see each other
* `ours`: `Writer.training` and the training loop

Wall time beside other jobs tells about them; CPU time of all threads stands beside it.
"""

from __future__ import annotations

import argparse
import copy
import gzip
import json
import math
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

DATA = Path(__file__).parents[2] / "shared" / "data"
SYSTEMS = ("ours", "trl", "trl-kept", "trl-packed")
BATCH_ROWS, RATE, PACKED = 16, 1e-3, 512


def rows(count: int, held: int) -> tuple[list[Any], list[Any]]:
    """Rows to learn from, and others to judge by (both of the training file)."""
    from autogpt.core import Example

    with gzip.open(DATA / "gsm8k" / "train.jsonl.gz", "rt", encoding="utf-8") as file:
        read = [json.loads(line) for _, line in zip(range(count + held), file, strict=False)]
    found = [Example(place, {"source": row["question"]}, row["answer"]) for place, row in enumerate(read)]
    return found[:count], found[count:]


def opened(backbone: str | None, train: list[Any], seed: int) -> Any:
    """A writer of a folder, or one made from nothing of the rows' texts."""
    from autogpt.backbones.writer import Writer
    from autogpt.core import Making
    from autogpt.runtime import Runtime

    making = Making(lambda: [text for row in train for text in (row.inputs["source"], row.target)], _shape(), seed)
    return Writer.open(backbone, output="text", size=2, runtime=Runtime(), offline=True, making=making)


def _shape() -> Any:
    from autogpt.config import Scratch

    return Scratch(family="decoder")


def ours(writer: Any, train: list[Any], epochs: float, seed: int) -> None:
    """Trains in place."""
    from autogpt import registry
    from autogpt.training.loop import LoopOptions
    from autogpt.training.loop import train as loop

    output, metric = registry.get("outputs", "text"), registry.get("metrics", "chrf")
    options = LoopOptions(epochs=epochs, learning_rate=RATE, batch_rows=BATCH_ROWS, prune=0.0, schedule="linear")
    training = writer.training(train, output=output, space=output.space([row.target for row in train]))
    run: dict[str, Any] = {"remaining": lambda: math.inf, "validate": None, "metric": metric, "runtime": writer.runtime}
    with tempfile.TemporaryDirectory() as folder:
        for _ in loop(training, options=options, folder=Path(folder), seed=seed, **run):
            pass


def trainer(system: str, writer: Any, train: list[Any], epochs: float, seed: int, folder: str) -> Any:
    """TRL's trainer, ready to train `writer`'s model in place."""
    from datasets import Dataset
    from trl import SFTConfig, SFTTrainer

    pairs = writer.pairs([row.inputs for row in train], [row.target for row in train])
    told = Dataset.from_dict(
        {
            "input_ids": [[*map(int, pair.source), *map(int, pair.target)] for pair in pairs],
            "completion_mask": [[0] * len(pair.source) + [1] * len(pair.target) for pair in pairs],
        }
    )
    tokens = statistics.mean(len(pair.source) + len(pair.target) for pair in pairs)
    packed = system == "trl-packed"
    kept: dict[str, Any] = {} if system == "trl" else {"gradient_checkpointing": False}
    config = SFTConfig(
        output_dir=folder,
        per_device_train_batch_size=max(1, round(BATCH_ROWS * tokens / PACKED)) if packed else BATCH_ROWS,
        num_train_epochs=epochs,
        learning_rate=RATE,
        lr_scheduler_type="linear",
        packing=packed,
        max_length=PACKED,
        bf16=False,
        use_cpu=True,
        save_strategy="no",
        report_to="none",
        disable_tqdm=True,
        seed=seed,
        **kept,
    )
    return SFTTrainer(writer.net.model, args=config, train_dataset=told, processing_class=writer.tokenizer)


def held_out(writer: Any, held: list[Any]) -> float:
    """Nats per target token."""
    import torch

    from autogpt.backbones._writing import IGNORED, laid

    total, count = 0.0, 0
    writer.net.eval()
    for pair in writer.pairs([row.inputs for row in held], [row.target for row in held]):
        told, target = laid([pair], writer.kind, start=writer._start, pad_id=writer._pad_id)
        with torch.inference_mode():
            logits = writer.net(told)
        total += float(torch.nn.functional.cross_entropy(logits[0], target[0], ignore_index=IGNORED, reduction="sum"))
        count += len(pair.target)
    return total / count


def measure(system: str, writer: Any, train: list[Any], held: list[Any], epochs: float, seed: int) -> dict[str, float]:
    writer = copy.deepcopy(writer)
    with tempfile.TemporaryDirectory() as folder:
        prepared = None if system == "ours" else trainer(system, writer, train, epochs, seed, folder)
        wall, spent = time.perf_counter(), time.process_time()
        ours(writer, train, epochs, seed) if prepared is None else prepared.train()
        wall, spent = time.perf_counter() - wall, time.process_time() - spent
    pairs = writer.pairs([row.inputs for row in train], [row.target for row in train])
    tokens = epochs * sum(len(pair.source) + len(pair.target) for pair in pairs)
    return {"wall": tokens / wall, "cpu": tokens / spent, "loss": held_out(writer, held)}


def padding(lengths: list[int], seed: int) -> float:
    """Share of the places of our batches that hold nothing."""
    from autogpt.training.batching import epoch_batches, padded_tokens

    batches = epoch_batches(lengths, batch_rows=BATCH_ROWS, seed=seed, epoch=0)
    return 1 - sum(lengths) / sum(padded_tokens(batch, lengths) for batch in batches)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--backbone", help="a decoder's folder (left out: one made from nothing)")
    parser.add_argument("--rows", type=int, default=192)
    parser.add_argument("--epochs", type=float, default=1.0)
    parser.add_argument("--seeds", default="0,1,2")
    parser.add_argument("--systems", default=",".join(SYSTEMS))
    given = parser.parse_args()
    train, held = rows(given.rows, 64)
    names = given.systems.split(",")
    found: dict[str, list[dict[str, float]]] = {name: [] for name in names}
    for turn, seed in enumerate(map(int, given.seeds.split(","))):
        writer = opened(given.backbone, train, seed)
        if turn == 0:
            pairs = writer.pairs([row.inputs for row in train], [row.target for row in train])
            lengths = [len(pair.source) + len(pair.target) for pair in pairs]
            count, said = sum(p.numel() for p in writer.net.parameters()), sum(len(pair.target) for pair in pairs)
            print(f"{count / 1e6:.2f} million parameters, {len(writer.tokenizer)} tokens in all")
            print(f"{np.mean(lengths):.0f} in a row, of which {said / sum(lengths):.0%} are to be said")
            print(f"padding of our batches {padding(lengths, 0):.1%}")
        for name in names if turn % 2 == 0 else names[::-1]:
            found[name].append(measure(name, writer, train, held, given.epochs, seed))
            print(seed, name, {key: round(value, 4) for key, value in found[name][-1].items()}, flush=True)
    for name in names:
        for clock in ("wall", "cpu"):
            ratios = [o[clock] / t[clock] for o, t in zip(found["ours"], found[name], strict=True)]
            mean = statistics.mean(ratios)
            print(f"ours / {name}, {clock}: {mean:.2f} [{min(ratios):.2f}, {max(ratios):.2f}]")
        print(f"{name}: held-out loss {statistics.mean(run['loss'] for run in found[name]):.4f}")


if __name__ == "__main__":
    main()
