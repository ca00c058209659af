"""Entities: ours against the recipe of Hugging Face's run_ner with the same encoder, in one run.

    python benchmarks/entities.py [--systems full,recipe,tfidf] [--seeds 0] [--judge validation] [--options '{...}']

WNUT 2017, official split (its development rows pick our best epoch and, with `--judge validation`, are what is scored).
`recipe`: Trainer with its defaults (3 passes, batch 8, AdamW at 5e-5, linear decay), a label on the first piece of each
word. Printed as JSON: a line per system and seed with entity F1 (seqeval) and the F1 of tags, their 95 % intervals,
seconds, and at the end the paired lead of ours.
"""

from __future__ import annotations

import argparse
import gzip
import json
import math
import time
from dataclasses import replace
from typing import Any

import trials
from autogpt import runtime
from autogpt.core import Prediction, Schema
from autogpt.evaluation.interval import Answers
from autogpt.evaluation.score import evaluate
from clock import Clock
from peers import trainer
from sets import DATA, Data

OPTIONS = {"epochs": 3.0}
PASSES = 3


def read(name: str) -> list[dict[str, Any]]:
    with gzip.open(DATA / "wnut17" / f"{name}.jsonl.gz", "rt", encoding="utf-8") as lines:
        return [{"tokens": row["tokens"], "tags": row["tags"]} for row in map(json.loads, lines)]


def recipe(parts: trials.Parts, train: list[dict[str, Any]], judged: list[dict[str, Any]], seed: int) -> Any:
    """The peer of the accuracy benchmark without a limit, judged as a trial is."""
    began = time.monotonic()
    data = Data("wnut17", "tokens", ("tokens",), "tags", train, judged, 0)
    predict = list(trainer.fit(data, Clock(math.inf), seed))[-1]
    seconds = time.monotonic() - began
    answers = [tuple(tags) for tags in predict(data.questions())]
    gold = [row.target for row in parts.test]
    card = evaluate(gold, [Prediction(a) for a in answers], None, metrics=parts.metrics, space=parts.space, seed=0)
    scores = {s.metric: [round(s.value, 4), round(s.low, 4), round(s.high, 4)] for s in card.scores}
    return Answers(answers, None), {**scores, "seconds": round(seconds, 1)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--systems", default="full,recipe,tfidf")
    parser.add_argument("--seeds", default="0")
    parser.add_argument("--judge", choices=("test", "validation"), default="test")
    parser.add_argument("--options", type=json.loads, default=OPTIONS, help="options of `full`, as JSON")
    given = parser.parse_args()
    runtime.prepare_environment()
    train, held, test = (read(name) for name in ("train", "dev", "test"))
    judged = test if given.judge == "test" else held
    parts = trials.Parts.of(Schema("token-classification", ("tokens",), ("tags",)), train, held, judged)
    parts = replace(parts, validation=parts.validation[::2] if given.judge == "validation" else parts.validation)
    for seed in map(int, given.seeds.split(",")):
        found = {}
        for system in given.systems.split(","):
            if system == "recipe":
                found[system], document = recipe(parts, train, judged, seed)
            else:
                options = given.options if system != "tfidf" else {}
                found[system], document = trials.run(parts, system, options, seed=seed)
            print(json.dumps({"system": system, "seed": seed, **document}), flush=True)
        for other in found.keys() - {"full"} if "full" in found else ():
            print(
                json.dumps(
                    {"full over": other, "seed": seed, "entity-f1": trials.lead(parts, found["full"], found[other])}
                ),
                flush=True,
            )


if __name__ == "__main__":
    main()
