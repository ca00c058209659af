"""A small pretrained decoder tuned on a style, beside the same one untuned and the same shape from nothing.

    python benchmarks/style.py --backbone ../shared/weights/tinystories-656k [--source genesis/english-kjv.txt]
                               [--epochs 3] [--seeds 3] [--rates 1e-3,3e-3]

One document is the style. It is cut into passages of which the first words are the prompt and the others are to be
written; its last sixth is held out, the part before it chooses the rate of learning (of each system by itself, with
seed 0). Tuned and from nothing see the same tokens in the same number of steps: the one from nothing has the same
configuration and tokenizer, and weights that were drawn. Perplexity is per token, bits are per byte. JSON lines.
"""

from __future__ import annotations

import argparse
import gzip
import json
import math
import tempfile
import time
from pathlib import Path
from typing import Any

from autogpt import registry
from autogpt.backbones.writer import Writer
from autogpt.core import Example
from autogpt.evaluation.expected import expected
from autogpt.runtime import detect
from autogpt.training.loop import train
from autogpt.training.options import LoopOptions

DATA = Path(__file__).parents[1].parent / "shared" / "data" / "plain_en_public_domain" / "all.jsonl.gz"
PROMPT, WRITTEN = 24, 40
"""Words of a passage that are read, and that are written."""
OUTPUT = registry.get("outputs", "text")


def passages(source: str) -> list[Example]:
    """A document's passages, in its order."""
    with gzip.open(DATA, "rt", encoding="utf-8") as lines:
        text = next(row["text"] for row in map(json.loads, lines) if row["source"] == source)
    words = text.split()
    found = []
    for place, at in enumerate(range(0, len(words) - PROMPT - WRITTEN, WRITTEN)):
        prompt, rest = words[at : at + PROMPT], words[at + PROMPT : at + PROMPT + WRITTEN]
        found.append(Example(place, {"source": " ".join(prompt)}, " ".join(rest)))
    return found


def from_nothing(backbone: str, folder: Path, seed: int) -> str:
    """A folder with the configuration and tokenizer of another model, and drawn weights."""
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer

    torch.manual_seed(seed)
    AutoModelForCausalLM.from_config(AutoConfig.from_pretrained(backbone)).float().save_pretrained(folder)
    AutoTokenizer.from_pretrained(backbone).save_pretrained(folder)
    return str(folder)


def fitted(name: str, rows: list[Example], *, rate: float, epochs: float, seed: int) -> tuple[Writer, int]:
    """A model after so many passes, and its steps."""
    writer, steps = opened(name), 0
    training = writer.training(rows, output=OUTPUT, space=OUTPUT.space([row.target for row in rows]))
    options = LoopOptions(epochs=epochs, batch_rows=16, learning_rate=rate, checkpoint_seconds=600)
    with tempfile.TemporaryDirectory() as folder:
        for step in train(
            training, options=options, folder=Path(folder), seed=seed, remaining=lambda: math.inf, validate=None,
            metric=registry.get("metrics", "chrf"), runtime=detect(),
        ):  # fmt: skip
            steps = step.step
    return writer, steps


def opened(name: str) -> Writer:
    return Writer.open(name, output="text", size=2, runtime=detect(), offline=True)


def judged(writer: Writer, rows: list[Example]) -> dict[str, list[float]]:
    likely = writer.likelihood([row.inputs for row in rows], [row.target for row in rows])
    return {one.metric: [round(v, 3) for v in (one.value, one.low, one.high)] for one in expected(rows, likely)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--backbone", required=True, help="folder of a decoder")
    parser.add_argument("--source", default="genesis/english-kjv.txt")
    parser.add_argument("--epochs", type=float, default=3.0)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--rates", type=lambda text: [float(one) for one in text.split(",")], default=[1e-3, 3e-3])
    given = parser.parse_args()
    rows = passages(given.source)
    sixth = len(rows) // 6
    held, choosing, learned = rows[-sixth:], rows[-2 * sixth : -sixth - 1], rows[: -2 * sixth - 1]
    facts: dict[str, Any] = {"learned": len(learned), "held out": len(held)}
    print(json.dumps({"system": "untuned", **facts, **judged(opened(given.backbone), held)}), flush=True)
    with tempfile.TemporaryDirectory() as place:
        for system in ("tuned", "from nothing"):
            drawn = [from_nothing(given.backbone, Path(place) / str(seed), seed) for seed in range(given.seeds)]
            names = drawn if system == "from nothing" else [given.backbone] * given.seeds
            began = time.process_time()
            first = {rate: fitted(names[0], learned, rate=rate, epochs=given.epochs, seed=0) for rate in given.rates}
            told = {rate: judged(writer, choosing)["perplexity"][0] for rate, (writer, _) in first.items()}
            best = min(told, key=lambda rate: told[rate])
            for seed, name in enumerate(names):
                again = first[best] if seed == 0 else fitted(name, learned, rate=best, epochs=given.epochs, seed=seed)
                found = {"system": system, "seed": seed, "rate": best, "steps": again[1], "on the choosing part": told}
                seconds = round(time.process_time() - began, 1)  # since the system's first training began
                print(json.dumps({**found, "cpu seconds": seconds, **judged(again[0], held)}), flush=True)


if __name__ == "__main__":
    main()
