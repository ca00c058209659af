"""Preferences and rewards: GRPO beside SFT alone and SFT for as long, DPO on pairs, and a look at problems in words.

    PYTHONPATH=src python benchmarks/alignment.py sums --seeds 3
    PYTHONPATH=src python benchmarks/alignment.py json --seeds 3
    PYTHONPATH=src python benchmarks/alignment.py pairs --seeds 3
    PYTHONPATH=src python benchmarks/alignment.py gsm8k

`sums`: three digits are added; 40 % of the 600 answers that are shown are wrong. `json`: a few words become a JSON
object; 60 % of the 300 that are shown lack the last brace, so that the likeliest answer lacks it too. A scratch decoder
learns from what is shown; then GRPO goes on, with the right answers (with `valid-json`) as reward, and beside it, for
as long, the same training on the same answers. Each prints the mean reward of held-out prompts with its 95 % interval.
`pairs`: of two sentences that a small model goes on with the shorter one is chosen. `gsm8k`: what that model earns
beforehand.

Seconds are those of the processor (`--clock wall` for the wall's): a shared machine gives no two runs as much in one.
"""

from __future__ import annotations

import argparse
import gzip
import itertools
import json
import random
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from autogpt.config import Alignment, RunConfig, Scratch, Search
from autogpt.regimes.alignment import Aligned, align

SHARED = Path(__file__).parents[2] / "shared"
SHAPE = Scratch(family="decoder", num_layers=2, hidden_size=64, num_heads=4, vocabulary=300)
CHECK = """
import json

def told(text, row):
    try:
        found = json.loads(text)
    except ValueError:
        return 0.0
    return float(isinstance(found, dict) and found == json.loads(row["wanted"]))
"""
KINDS, ANIMALS = ("little", "big", "happy", "sad", "red", "old"), ("dog", "cat", "bird", "boy", "girl", "bear")
NAMES = ("Tim", "Lily", "Max", "Sue", "Ben", "Mia", "Sam", "Amy")
Rows = list[dict[str, Any]]


def sums(seed: int) -> Rows:
    rng = random.Random(seed)
    digits = [(a, b, c) for a in range(10) for b in range(10) for c in range(10)]
    rng.shuffle(digits)
    rows: Rows = []
    for place, three in enumerate(digits):
        answer = str(sum(three))
        shown = answer if rng.random() > 0.4 else str(rng.randint(0, 27))
        prompt = " + ".join(map(str, three)) + " ="
        rows.append({"prompt": prompt, "answer": answer, "completion": shown if place < 600 else None})
    return rows


def objects(seed: int) -> Rows:
    rng = random.Random(seed)
    names, cities = ("Ann", "Bob", "Eva", "Tom", "Lin", "Max", "Zoe", "Kim"), ("Rome", "Oslo", "Lima", "Bern", "Kyiv")
    rows: Rows = []
    for place, (name, city, age) in enumerate((n, c, a) for n in names for c in cities for a in range(20, 40)):
        wanted = json.dumps({"name": name, "city": city, "age": age})
        rows.append({"prompt": f"{name} {city} {age}", "wanted": wanted, "place": place})
    rng.shuffle(rows)
    for place, row in enumerate(rows):
        del row["place"]
        row["completion"] = (row["wanted"][:-1] if rng.random() < 0.6 else row["wanted"]) if place < 300 else None
    return rows


def config(folder: Path, seed: int, seconds: float, backbone: Path | None = None) -> RunConfig:
    search = Search(backbone=None if backbone is None else str(backbone))
    return RunConfig(output=str(folder), seed=seed, time_limit=seconds, search=search, scratch=SHAPE)


def shown(interval: dict[str, float]) -> str:
    return f"{interval['value']:.3f} ({interval['low']:.3f} to {interval['high']:.3f})"


def reward(
    make: Callable[[int], Rows], name: str, *, check: str | None, seeds: int, seconds: tuple[float, float]
) -> None:
    """SFT, then GRPO, and SFT for as long."""
    gains = []
    for seed in range(seeds):
        with tempfile.TemporaryDirectory() as place:
            folder, rows = Path(place), make(seed)
            taught = align(config(folder, seed, seconds[0]), Alignment(reward=name, sft=1.0), data=rows)
            longer = align(config(folder, seed, seconds[1], taught.folder), Alignment(reward=name, sft=1.0), data=rows)
            tuned = align(
                config(folder, seed, seconds[1], taught.folder), Alignment(reward=name, check=check), data=rows
            )
        facts = tuned.facts
        gains.append((facts["before"]["value"], longer.facts["after"]["value"], facts["after"]["value"]))
        print(f"seed {seed}: SFT {shown(facts['before'])}, SFT for as long {shown(longer.facts['after'])}, ", end="")
        print(f"GRPO {shown(facts['after'])}, gain {shown(facts['gain'])}, kept {facts['kept']}")
        print(
            f"   {facts['steps']} steps, best {facts['best_step']}, {facts['moved']:.2f} nats away, {facts['ended']}; ",
            end="",
        )
        print(
            f"sign: {facts['sign']}; different answers {facts['different_answers']}; {facts.get('check', '')}",
            flush=True,
        )
    means = np.mean(gains, axis=0)
    print(f"mean of {seeds} seeds: SFT {means[0]:.3f}, SFT for as long {means[1]:.3f}, GRPO {means[2]:.3f}")


def stories(count: int, seed: int) -> Rows:
    """Pairs of sentences that the small model goes on with, the shorter one chosen."""
    from autogpt.backbones.writer import Writer
    from autogpt.runtime import detect

    rng = random.Random(seed)
    kinds = list(itertools.product(KINDS, ANIMALS, NAMES))
    rng.shuffle(kinds)
    prompts = [f"Once upon a time, there was a {a} {b} named {n}." for a, b, n in kinds[:count]]
    writer = Writer.open(str(SHARED / "weights" / "tinystories-656k"), output="text", size=2, runtime=detect())
    writer.write_up_to(48)
    rows: Rows = []
    asked = [{"source": prompt} for prompt in prompts]
    for one, two, prompt in zip(*(writer.drawn(asked, seed=2 * seed + at) for at in (0, 1)), prompts, strict=True):
        first, second = (text.partition(".")[0].strip() + "." for text, _ in (one, two))
        if len(first) != len(second):
            short, long = sorted((first, second), key=len)
            rows.append({"prompt": prompt, "chosen": short, "rejected": long})
    return rows


def pairs(seeds: int, seconds: float) -> None:
    for seed in range(seeds):
        rows = stories(288, seed)
        for loss in ("dpo", "ipo"):
            with tempfile.TemporaryDirectory() as place:
                backbone = SHARED / "weights" / "tinystories-656k"
                found: Aligned = align(config(Path(place), seed, seconds, backbone), Alignment(loss=loss), data=rows)
            facts = found.facts
            likelier = f"{shown(facts['before'])} -> {shown(facts['after'])}"
            chosen, rejected = (facts[f"{side}_moved"]["value"] for side in ("chosen", "rejected"))
            print(f"seed {seed}, {loss}, {len(rows)} pairs: told {shown(facts['accuracy'])}; likelier {likelier}")
            print(f"   chosen {chosen:+.2f} nats, rejected {rejected:+.2f}, {facts['moved']:.2f} away", end="; ")
            print(f"{facts['steps']} steps, {facts['ended']}; sign: {facts['sign']}", flush=True)


def problems(seconds: float) -> None:
    """What the small model earns on problems in words (rows to learn from only; the test file is not opened)."""
    with gzip.open(SHARED / "data" / "gsm8k" / "train.jsonl.gz", "rt", encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines][:1000]
    with tempfile.TemporaryDirectory() as place:
        backbone = SHARED / "weights" / "tinystories-656k"
        found = align(
            config(Path(place), 0, seconds, backbone), Alignment(reward="exact-answer", answer_tokens=64), data=rows
        )
    print(f"before {shown(found.facts['before'])}, after {shown(found.facts['after'])}: {found.facts['ended']}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("sums", "json", "pairs", "gsm8k"))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--seconds", type=float, nargs=2, default=(30.0, 50.0), help="of SFT, and of what follows")
    parser.add_argument("--clock", choices=("processor", "wall"), default="processor")
    chosen = parser.parse_args()
    if chosen.clock == "processor":
        time.monotonic = time.process_time
    if chosen.what == "sums":
        reward(sums, "exact-answer", check=None, seeds=chosen.seeds, seconds=tuple(chosen.seconds))
    elif chosen.what == "json":
        with tempfile.TemporaryDirectory() as place:
            path = Path(place) / "told.py"
            path.write_text(CHECK, "utf-8")
            reward(objects, "valid-json", check=f"functions:{path}", seeds=chosen.seeds, seconds=tuple(chosen.seconds))
    elif chosen.what == "pairs":
        pairs(chosen.seeds, chosen.seconds[1])
    else:
        problems(chosen.seconds[1])


if __name__ == "__main__":
    main()
