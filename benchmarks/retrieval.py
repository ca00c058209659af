"""How well passages are found: BM25, an encoder as it came, the same encoder tuned, and the sum of words and vectors.

    python benchmarks/retrieval.py [--set xquad|cmrc2018] [--seeds 3] [--seconds 240] [--data FOLDER] [--output FILE]
        [--backbone multilingual-e5-small]

Questions are tuned on, validated and tested by article: no test question is about a passage that was tuned on. All
passages are in the corpus of all systems. The number of epochs, and the weight of the sum, are chosen on validation
questions; the seed changes the order of training rows alone. Prints JSON: scores of every system on the same test
questions with 95 % intervals, and the paired differences of the main metric.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

import trials
from autogpt import registry
from autogpt.autopilot.trial import Bench, Candidate, run_trial
from autogpt.core import Example, Schema, Table
from autogpt.data.examples import examples
from autogpt.evaluation.interval import Answers, intervals, paired_difference
from autogpt.events import silent
from sets import DATA, _read

FILES = {"xquad": "xquad/en", "cmrc2018": "cmrc2018/trial"}
ARTICLE = {"xquad": 5, "cmrc2018": 1}
"""Passages in a row that are of one article."""
SHARES = (0.5, 0.17)  # of the articles: tuned on, validated on; the others test
WEIGHTS = (0.1, 0.2, 0.3, 0.5, 0.7, 1.0, 1.5, 2.0, 3.0, 5.0)


def sides(name: str, folder: Path) -> tuple[list[Example], list[Example], list[Example], Any]:
    """Questions to train, validate and test on, and the label space of all passages."""
    rows = [
        {"question": row["question"], "passage": row["context"]} for row in _read(folder / f"{FILES[name]}.jsonl.gz")
    ]
    task, output = registry.get("tasks", "text-retrieval"), registry.get("outputs", "ranking")
    schema = Schema("text-retrieval", ("question",), ("passage",))
    found, _ = examples(Table(rows, ("question", "passage"), name), schema, task)
    place = {text: i // ARTICLE[name] for i, text in enumerate(dict.fromkeys(row["passage"].strip() for row in rows))}
    articles = sorted(set(place.values()))
    random.Random(f"{name} split").shuffle(articles)
    ends = [round(SHARES[0] * len(articles)), round(sum(SHARES) * len(articles))]
    parts = (articles[: ends[0]], articles[ends[0] : ends[1]], articles[ends[1] :])
    train, validation, test = ([e for e in found if place[e.target[0]] in part] for part in parts)
    return train, validation, test, output.space(task.corpus(rows, schema))


def bench_of(train: Sequence[Example], validation: Sequence[Example], space: Any, backbone: str | None) -> Bench:
    """What trials share."""
    task = registry.get("tasks", "text-retrieval")
    metrics = [registry.get("metrics", name) for name in task.metrics]
    parts = trials.Parts(task, train, validation, ())
    return trials.bench(parts, backbone=backbone, seed=0, space=space, metrics=metrics, listen=silent)


def limit(seconds: float) -> Callable[[], float]:
    """Seconds left of so many from now."""
    end = time.monotonic() + seconds
    return lambda: end - time.monotonic()


def mixed(words: Any, vectors: Any, gold: Sequence[Any], bench: Bench) -> float:
    """The weight of the word scores beside the vectors' that is best on validation questions."""

    def judged(weight: float) -> float:
        return float(bench.metric(gold, gold, weight * words + vectors, bench.space))

    return max(WEIGHTS, key=judged)


def measure(name: str, *, seeds: int, seconds: float, folder: Path, backbone: str | None = None) -> dict[str, Any]:
    """Every system on the test questions of one set."""
    train, validation, test, space = sides(name, folder)
    bench = bench_of(train, validation, space, backbone)
    gold, told = [e.target for e in test], [e.target for e in validation]
    tables: dict[str, tuple[Any, Any]] = {}
    facts: dict[str, dict[str, Any]] = {}
    with tempfile.TemporaryDirectory() as place:

        def tried(label: str, candidate: Candidate, seed: int) -> None:
            own = replace(bench, seed=seed)
            result, scorer = run_trial(own, candidate, folder=Path(place) / label, remaining=limit(seconds))
            parts = [scorer.score([e.inputs for e in side]) for side in (validation, test)]
            tables[label] = (np.asarray(parts[0]), np.asarray(parts[1]))
            facts[label] = {"validation": result.scores, "seconds": round(result.seconds, 1), **result.chosen}
            print(label, facts[label], file=sys.stderr, flush=True)

        for method in ("bm25", "bi-encoder"):
            tried(method, Candidate(method), 0)
        for seed in range(seeds):
            tried(f"retriever seed {seed}", Candidate("retriever"), seed)
    for label in [label for label in tables if label != "bm25"]:
        if label in ("bi-encoder", "retriever seed 0"):
            weight = mixed(tables["bm25"][0], tables[label][0], told, bench)
            sums = tuple(weight * w + v for w, v in zip(tables["bm25"], tables[label], strict=True))
            tables[f"bm25 + {label}"] = sums
            facts[f"bm25 + {label}"] = {"weight of bm25": weight}
    answers = {label: Answers(gold, table) for label, (_, table) in tables.items()}
    found: dict[str, Any] = {"set": name, "train": len(train), "validation": len(validation), "test": len(test),
                             "passages": len(space.labels), "systems": {}, "better by": {}}  # fmt: skip
    for label, answer in answers.items():
        scores = intervals(bench.metrics, gold, answer, space=space)
        shown = {m: [round(i.value, 4), round(i.low, 4), round(i.high, 4)] for m, i in scores.items()}
        found["systems"][label] = {**shown, **facts[label]}
    for label in answers:
        for rival in ("bm25", "bi-encoder"):
            if "retriever" in label and rival != label:
                lead = paired_difference(bench.metric, gold, answers[label], answers[rival], space=space)
                key = f"{label} over {rival}"
                found["better by"][key] = [round(x, 4) for x in (lead.delta, lead.low, lead.high, lead.p)]
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--set", choices=sorted(FILES), default="xquad")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=240.0, help="limit of a trial; the training anneals to fit")
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--output", type=Path)
    parser.add_argument("--backbone", help="an encoder's folder or name (default: the embedded MiniLM)")
    options = parser.parse_args()
    found = measure(
        options.set, seeds=options.seeds, seconds=options.seconds, folder=options.data, backbone=options.backbone
    )
    text = json.dumps(found, indent=1, ensure_ascii=False)
    print(text)
    if options.output:
        options.output.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
