"""Relation extraction with the spans marked against the same encoder that reads the plain sentence.

    python benchmarks/relation.py [--seeds 0,1] [--methods full,head,tfidf] [--rows 2000 --judge validation]

SemEval-2010 Task 8 (8,000 rows to learn from, 2,717 to test). A tenth of the training rows is validation: it picks the
best epoch and, with `--judge validation`, is what is scored, so that settings can be chosen without the test rows. Both
systems have the same encoder, method, settings, rows and seeds. `[CLS]` reads the sentence with signs written around
the spans and answers from the state of its first token alone: the baseline of "Enriching Pre-trained Language Model
with Entity Information for Relation Classification" (R-BERT, Wu & He 2019). The score is the official one, with its
95 % bootstrap interval. Printed as JSON: a line per system and seed, and one for the paired difference of the two.
"""

from __future__ import annotations

import argparse
import gzip
import json
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

import trials
from autogpt import registry, runtime
from autogpt.autopilot.trial import Bench, Candidate, run_trial
from autogpt.core import Decision, Example, LabelSpace, Schema
from autogpt.evaluation.interval import Answers, paired_difference
from autogpt.evaluation.score import evaluate
from autogpt.runtime import detect

DATA = Path(__file__).parents[1].parent / "shared" / "data" / "semeval2010_task8"
SCHEMA = Schema("relation-extraction", ("text",), ("label",))
TASK = registry.get("tasks", SCHEMA.task)
METRICS = tuple(registry.get("metrics", name) for name in ("relation-f1", "accuracy", "macro-f1"))
SYSTEMS = {"marks": ("text", "marks"), "plain text": ("text",), "[CLS]": ("text", "marks")}
"""What each system sees of a row."""
SIGNS = ("$", "#")
"""Written around the first and the second span for `[CLS]`."""
OPTIONS = {"full": {"epochs": 5, "learning_rate": 2e-4}}
"""Of the methods that are not used as they are."""


def examples(name: str, keys: Sequence[str]) -> list[Example]:
    """All rows of a split, with these keys of their inputs."""
    with gzip.open(DATA / f"{name}.jsonl.gz", "rt", encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    read = [(TASK.inputs(row, SCHEMA), TASK.target(row, SCHEMA)) for row in rows]
    return [Example(i, {key: inputs[key] for key in keys}, target) for i, (inputs, target) in enumerate(read)]


def signed(rows: Sequence[Example]) -> list[Example]:
    """The rows with signs in their texts instead of marks."""
    return [replace(row, inputs={"text": _signed(row.inputs["text"], row.inputs["marks"])}) for row in rows]


def _signed(text: str, marks: Sequence[tuple[int, int]]) -> str:
    for sign, (start, end) in sorted(zip(SIGNS, marks, strict=True), key=lambda part: -part[1][0]):
        text = f"{text[:start]}{sign} {text[start:end]} {sign}{text[end:]}"
    return text


def first_token(folder: Path) -> str:
    """A copy of the embedded encoder that answers from the state of its first token."""
    registry.get("backbones", "encoder").open(None, runtime=detect(), offline=True, output="classes", size=2).save(
        folder
    )
    place = folder / "1_Pooling" / "config.json"
    told = {**json.loads(place.read_text("utf-8")), "pooling_mode_cls_token": True, "pooling_mode_mean_tokens": False}
    place.write_text(json.dumps(told), "utf-8")
    return str(folder)


def bench(rows: Sequence[Example], *, seed: int, most: int | None, backbone: str | None = None) -> Bench:
    """A tenth of the rows as validation, at most `most` of the others to learn from."""
    order = np.random.default_rng(seed).permutation(len(rows))
    held, learned = order[: len(rows) // 10], order[len(rows) // 10 :][:most]
    train, validation = ([rows[place] for place in places] for places in (learned, held))
    space = registry.get("outputs", TASK.output).space([row.target for row in rows])
    return trials.bench(
        trials.Parts(TASK, train, validation, ()), backbone=backbone, seed=seed, space=space, metrics=METRICS
    )


def one(system: str, method: str, given: argparse.Namespace, seed: int) -> tuple[dict[str, Any], Answers]:
    """One system trained and scored, and its answers."""
    options = json.loads(given.options) if given.options else OPTIONS.get(method, {})
    keys = SYSTEMS[system]
    shape = signed if system == "[CLS]" else list
    with tempfile.TemporaryDirectory() as folder:
        backbone = first_token(Path(folder) / "encoder") if system == "[CLS]" else None
        told_rows = bench(shape(examples("train", keys)), seed=seed, most=given.rows, backbone=backbone)
        judged = told_rows.validation if given.judge == "validation" else shape(examples("test", keys))
        began = time.monotonic()
        result, scorer = run_trial(
            told_rows, Candidate(method, dict(options)), folder=Path(folder), remaining=lambda: 36_000.0
        )
    seconds = time.monotonic() - began
    scores = scorer.score([row.inputs for row in judged])
    answers = told_rows.output.decode(scores, told_rows.space, Decision(), [row.inputs for row in judged])
    table = told_rows.output.probabilities(scores, told_rows.space, Decision())
    card = evaluate([row.target for row in judged], answers, table, metrics=METRICS, space=told_rows.space, seed=0)
    main = card["relation-f1"]
    document = {
        "system": system,
        "method": method,
        "options": dict(options),
        "seed": seed,
        "train": len(told_rows.train),
        given.judge: len(judged),
        "relation-f1": round(main.value, 4),
        "interval": [round(main.low, 4), round(main.high, 4)],
        "accuracy": round(card["accuracy"].value, 4),
        "macro-f1": round(card["macro-f1"].value, 4),
        "chosen": result.chosen,
        "seconds": round(seconds, 1),
    }
    return document, Answers([answer.value for answer in answers], table)


def difference(given: argparse.Namespace, seed: int, first: Answers, second: Answers) -> dict[str, Any]:
    """How much better the first system is than the second on the same rows."""
    rows = examples("train", ("text",))
    judged = (
        bench(rows, seed=seed, most=None).validation if given.judge == "validation" else examples("test", ("text",))
    )
    gold, space = [row.target for row in judged], LabelSpace()
    found = paired_difference(METRICS[0], gold, first, second, space=space)
    return {"difference": round(found.delta, 4), "interval": [round(found.low, 4), round(found.high, 4)]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--systems", default="marks,plain text", help=f"of {', '.join(SYSTEMS)}")
    parser.add_argument("--methods", default="full", help="methods, comma-separated")
    parser.add_argument("--options", help="options of the method as JSON (default: those in OPTIONS)")
    parser.add_argument("--seeds", default="0")
    parser.add_argument("--rows", type=int, help="learn from so many rows (default: all)")
    parser.add_argument("--judge", choices=("test", "validation"), default="test")
    given = parser.parse_args()
    runtime.prepare_environment()
    for seed in map(int, given.seeds.split(",")):
        for method in given.methods.split(","):
            found = []
            for system in given.systems.split(","):
                document, answers = one(system, method, given, seed)
                found.append(answers)
                print(json.dumps(document), flush=True)
            if len(found) == 2:
                print(json.dumps(difference(given, seed, found[0], found[1])), flush=True)


if __name__ == "__main__":
    main()
