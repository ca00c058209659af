"""Pairs of texts read one after the other (`full`) and together (`cross-encoder`), with the same encoder.

    python benchmarks/pairs.py [--sets stsb,answers] [--methods head,full,cross-encoder] [--seeds 0] [--options '{...}']

* `stsb`: how similar two sentences are, official split; beside the methods stands the cosine of the untrained encoder
* `answers`: whether a sentence answers a question, made of XQuAD en as QNLI was of SQuAD ("GLUE", Wang et al. 2019),
  split by article: a question with the sentence that holds its answer, and with the other sentence of the same passage
  that shares most words with it (a wrong one that is not easy to tell)

Printed as JSON: a line per set, method and seed, and the paired lead of `cross-encoder` over `full`.
"""

from __future__ import annotations

import argparse
import gzip
import json
import random
import re
from collections.abc import Callable
from typing import Any

import trials
from autogpt import runtime
from autogpt.core import Row, Schema
from sets import DATA

OPTIONS = {"epochs": 4.0, "learning_rate": 1e-4}
ARTICLE = 5
"""Passages in a row that are of one article."""


def read(name: str) -> list[dict[str, Any]]:
    with gzip.open(DATA / f"{name}.jsonl.gz", "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def stsb() -> trials.Parts:
    parts = [read(f"stsb/en_{name}") for name in ("train", "dev", "test")]
    return trials.Parts.of(Schema("text-regression", ("sentence1", "sentence2"), ("score",)), *parts)


def answers() -> trials.Parts:
    rows = read("xquad/en")
    passages = list(dict.fromkeys(row["context"] for row in rows))
    article = {text: place // ARTICLE for place, text in enumerate(passages)}
    order = sorted(set(article.values()))
    random.Random("answers").shuffle(order)
    ends = (round(0.6 * len(order)), round(0.75 * len(order)))
    sides = (order[: ends[0]], order[ends[0] : ends[1]], order[ends[1] :])
    parts = [_asked([row for row in rows if article[row["context"]] in side]) for side in sides]
    return trials.Parts.of(Schema("text-classification", ("question", "sentence"), ("answers",)), *parts)


def _asked(rows: list[dict[str, Any]]) -> list[Row]:
    found: list[Row] = []
    for row in rows:
        ends = [match.end() for match in re.finditer(r"[.!?](?=\s+[A-Z])", row["context"])] + [len(row["context"])]
        bounds = list(zip([0, *ends], ends, strict=False))
        own = next(bound for bound in bounds if bound[0] <= row["starts"][0] < bound[1])
        words = set(row["question"].lower().split())
        others = [row["context"][a:b].strip() for a, b in bounds if (a, b) != own and b - a > 20]
        if others:
            near = max(others, key=lambda sentence: len(words & set(sentence.lower().split())))
            right = row["context"][slice(*own)].strip()
            found += [{"question": row["question"], "sentence": right, "answers": "yes"},
                      {"question": row["question"], "sentence": near, "answers": "no"}]  # fmt: skip
    return found


SETS: dict[str, Callable[[], trials.Parts]] = {"stsb": stsb, "answers": answers}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sets", default=",".join(SETS))
    parser.add_argument("--methods", default="majority,tfidf,head,full,cross-encoder")
    parser.add_argument("--seeds", default="0")
    parser.add_argument("--options", type=json.loads, default=OPTIONS, help="of methods that fine-tune, as JSON")
    given = parser.parse_args()
    runtime.prepare_environment()
    for name in given.sets.split(","):
        parts = SETS[name]()
        for seed in map(int, given.seeds.split(",")):
            found = {}
            for method in given.methods.split(","):
                options = given.options if method in ("full", "cross-encoder") else {}
                found[method], document = trials.run(parts, method, options, seed=seed)
                print(json.dumps({"set": name, "method": method, "seed": seed, **document}), flush=True)
            if {"full", "cross-encoder"} <= found.keys():
                lead = trials.lead(parts, found["cross-encoder"], found["full"])
                print(json.dumps({"set": name, "seed": seed, "cross-encoder over full": lead}), flush=True)


if __name__ == "__main__":
    main()
