"""Few rows: which method is chosen, which should be, and what else could be done with the same rows?

`--rows` of each class of a training split are learned from, 800 others *of the same training split* judge; test rows
are not looked at. The rows are cut into five folds. Each method is fitted on four of them and scored on the fifth, for
every fold, so that one file holds what a choice on one fold sees, what a choice on all of them (out of fold) sees, and
what each fitted model is worth:

    python benchmarks/few_rows.py --sets cr,subj --rows 8,64 --seeds 0,1 --jobs 2 --out few_rows.json
    python benchmarks/few_rows.py --read few_rows.json

`--part names` asks what label names add: `head` and `contrastive` on all of the rows, without and with what
`autopilot.described` says of the labels, and with the names dealt out wrongly (`few_rows_runs.py` measures whole runs):

    python benchmarks/few_rows.py --part names --sets cr,subj,banking77 --rows 1,4,8
"""

from __future__ import annotations

import argparse
import itertools
import json
import random
import statistics
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np

import sets
import trials
from autogpt.autopilot.described import described
from autogpt.autopilot.ladder import ANCHORS, ANCHORS_PER_ROW, wanted_epochs
from autogpt.autopilot.trial import Candidate, run_trial
from autogpt.core import Decision, Schema
from prompts import GOALS

SETS = ("mr", "subj", "cr", "pros_cons", "dbpedia14", "banking77")
METHODS = ("tfidf", "head", "contrastive", "full")
JUDGES, FOLDS = 800, 5
SCHEMA = Schema(task="text-classification", text=("text",), target=("label",))


def options(method: str, rows: int) -> dict[str, Any]:
    """What the ladder gives a method when time is no concern."""
    if method == "contrastive":
        return {"anchors": min(ANCHORS[1], max(ANCHORS[0], ANCHORS_PER_ROW * rows))}
    return {"epochs": wanted_epochs(rows)} if method == "full" else {}


def pool(name: str, rows: int, seed: int) -> tuple[list[Any], list[Any]]:
    """Rows to learn from, `rows` of each class, and rows that judge; both of the training split."""
    data = sets.load(name, "full", seed)
    few = sets.few(data.train, sets.SOURCES[name], rows, random.Random(f"{name} {rows} {seed}"))
    taken = {row["text"] for row in few}
    rest = [row for row in data.train if row["text"] not in taken]
    return few, random.Random(f"{name} judges {seed}").sample(rest, min(JUDGES, len(rest)))


def folds(rows: Sequence[Any], seed: int) -> Any:
    """The fold [N] of each row: every class is dealt out in turn."""
    found, rng = np.zeros(len(rows), dtype=int), np.random.default_rng([seed, 3])
    labels = np.array([row["label"] for row in rows])
    for label in sorted(set(labels)):
        places = rng.permutation(np.flatnonzero(labels == label))
        found[places] = (np.arange(len(places)) + rng.integers(FOLDS)) % FOLDS
    return found


def trial(name: str, rows: int, seed: int) -> dict[str, Any]:
    """All methods on all folds of one pool."""
    few, judges = pool(name, rows, seed)
    fold = folds(few, seed)
    document: dict[str, Any] = {"set": name, "rows": rows, "seed": seed, "folds": []}
    answers: dict[tuple[str, int], Any] = {}
    for part in range(FOLDS):
        kept = [row for row, at in zip(few, fold, strict=True) if at != part]
        held = [row for row, at in zip(few, fold, strict=True) if at == part]
        parts = trials.Parts.of(SCHEMA, kept, held, judges)
        found = {method: fitted(parts, method, seed) for method in METHODS}
        answers |= {(method, part): one.pop("judges") for method, one in found.items()}
        document["folds"].append(found)
    gold = parts.output.encode([row.target for row in parts.test], parts.space)
    right = lambda table: round(float((table.argmax(1) == gold).mean()), 4)  # noqa: E731
    for chosen in itertools.chain.from_iterable(itertools.combinations(METHODS[1:], n) for n in (2, 3)):
        document["+".join(chosen)] = [right(sum(answers[m, part] for m in chosen)) for part in range(FOLDS)]
    for method in METHODS:
        document[f"{method}, five folds"] = right(sum(answers[method, part] for part in range(FOLDS)))
    document["all, five folds"] = right(sum(answers[m, part] for m in METHODS[1:] for part in range(FOLDS)))
    return document


def fitted(parts: trials.Parts, method: str, seed: int) -> dict[str, Any]:
    """One method on one fold: whether each held row was answered rightly, its log loss, and accuracy on the judges."""
    told = trials.bench(parts, backbone=None, seed=seed, listen=lambda event: None)
    with tempfile.TemporaryDirectory() as folder:
        candidate = Candidate(method, options(method, len(parts.train)))
        result, scorer = run_trial(told, candidate, folder=Path(folder), remaining=lambda: trials.SECONDS)
        held, judges = (table(parts, scorer, rows) for rows in (parts.validation, parts.test))
    gold, judged = (
        np.asarray(parts.output.encode([r.target for r in some], parts.space))
        for some in (parts.validation, parts.test)
    )
    loss = -np.log(np.maximum(held[np.arange(len(held)), gold], 1e-9))
    return {
        "right": (held.argmax(1) == gold).astype(int).tolist(),
        "loss": np.round(loss, 3).tolist(),
        "judged": round(float((judges.argmax(1) == judged).mean()), 4),
        "seconds": round(result.seconds, 1),
        "judges": judges,
    }


def table(parts: trials.Parts, scorer: Any, rows: Sequence[Any]) -> Any:
    """Probabilities [N, C]."""
    scores = scorer.score([row.inputs for row in rows])
    return np.asarray(parts.output.probabilities(scores, parts.space, Decision()))


def names(name: str, rows: int, seed: int) -> dict[str, Any]:
    """Accuracy on the judges of methods that learn from label names beside the rows, and without; and what was told."""
    few, judges = pool(name, rows, seed)
    parts = trials.Parts.of(SCHEMA, few, [], judges)
    gold = np.asarray(parts.output.encode([row.target for row in parts.test], parts.space))
    told: list[str] = []
    plain = trials.bench(parts, backbone=None, seed=seed, listen=lambda event: None)
    own = {"goal": GOALS[name], "columns": ("text",), "remaining": lambda: trials.SECONDS}
    wise = described(plain, **own, say=lambda kind, message, **_: told.append(message))
    document: dict[str, Any] = {"set": name, "rows": rows, "seed": seed}
    for way, bench in (("rows", plain), ("rows and names", wise), ("rows and wrong names", wrong(plain, own))):
        for method in ("head", "contrastive"):
            with tempfile.TemporaryDirectory() as folder:
                candidate = Candidate(method, options(method, len(few)))
                _, scorer = run_trial(bench, candidate, folder=Path(folder), remaining=lambda: trials.SECONDS)
                found = table(parts, scorer, parts.test).argmax(1)
            document[f"{method}, {way}"] = round(float((found == gold).mean()), 4)
    return {**document, "told": told}


def wrong(bench: Any, own: dict[str, Any]) -> Any:
    """The bench whose labels are described by the names of others, as far as the rows let that happen."""
    labels = bench.space.labels
    turned = dict(zip(labels, (*labels[1:], labels[0]), strict=True))
    rows = [replace(row, target=turned[row.target]) for row in bench.train]
    false = described(replace(bench, train=rows), **own, say=lambda kind, message, **_: None)
    back = {after: before for before, after in turned.items()}
    return replace(bench, descriptions=lambda: [replace(one, target=back[one.target]) for one in false.descriptions()])


def trials_of(given: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """One pool after the other, or `--jobs` side by side."""
    pools = [(name, rows, seed) for seed in given.seeds for rows in given.rows for name in given.sets]
    if given.jobs == 1:
        yield from (trial(*one) for one in pools)
        return
    with ProcessPoolExecutor(given.jobs, mp_context=get_context("spawn")) as workers:
        for done in as_completed([workers.submit(trial, *one) for one in pools]):
            yield done.result()


def summary(found: Sequence[Mapping[str, Any]]) -> str:
    """What each way of choosing comes to, by rows per class: the mean over pools and folds of what it chose."""
    lines = []
    for rows in sorted({one["rows"] for one in found}):
        ways: dict[str, list[float]] = defaultdict(list)
        for one in (one for one in found if one["rows"] == rows):
            for way, scores in values(one).items():
                ways[way].append(statistics.fmean(scores))
        lines += [f"{rows} rows per class, {sum(one['rows'] == rows for one in found)} pools"]
        lines += [f"  {way:34} {statistics.fmean(scores):.4f}" for way, scores in ways.items()]
    return "\n".join(lines)


def values(one: Mapping[str, Any]) -> dict[str, list[float]]:
    """Accuracy on the judges by way, one figure a fold."""
    parts = one["folds"]
    ways = {method: [part[method]["judged"] for part in parts] for method in METHODS}
    ways |= {name: one[name] for name in one if "+" in name}
    ways |= {name: [one[name]] for name in one if "five folds" in name}
    for what, sign in (("right", 1), ("loss", -1)):
        mean = {m: [sign * statistics.fmean(part[m][what]) for part in parts] for m in METHODS}
        single = [max(METHODS, key=lambda m, at=at: mean[m][at]) for at in range(FOLDS)]
        ways[f"best {what} on one fold"] = [parts[at][method]["judged"] for at, method in enumerate(single)]
        every = max(METHODS, key=lambda m: statistics.fmean(itertools.chain(*(part[m][what] for part in parts))) * sign)
        ways[f"best {what} out of fold"] = [part[every]["judged"] for part in parts]
    ways["the best there was"] = [max(part[m]["judged"] for m in METHODS) for part in parts]
    return ways


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    numbers = lambda text: [int(part) for part in text.split(",")]  # noqa: E731
    parser.add_argument("--part", choices=("methods", "names"), default="methods", help="what is asked")
    parser.add_argument("--sets", type=lambda text: text.split(","), default=list(SETS))
    parser.add_argument("--rows", type=numbers, default=[8, 64], help="of each class")
    parser.add_argument("--seeds", type=numbers, default=[0, 1])
    parser.add_argument("--jobs", type=int, default=1, help="processes side by side")
    parser.add_argument("--out", type=Path, help="file for what was found")
    parser.add_argument("--read", type=Path, help="only sum up such a file")
    given = parser.parse_args()
    if given.read is not None:
        print(summary(json.loads(given.read.read_text("utf-8"))))
        return
    if given.part == "names":
        for one in ((name, rows, seed) for rows in given.rows for name in given.sets for seed in given.seeds):
            print(names(*one), flush=True)
        return
    found = []
    for one in trials_of(given):
        found.append(one)
        means = {m: statistics.fmean(part[m]["judged"] for part in one["folds"]) for m in METHODS}
        seconds = sum(part[m]["seconds"] for part in one["folds"] for m in METHODS)
        told = "  ".join(f"{method} {score:.3f}" for method, score in means.items())
        print(f"{one['set']:10} {one['rows']:3} {one['seed']}  {told}  ({seconds:.0f} s)", flush=True)
        if given.out is not None:
            given.out.write_text(json.dumps(found) + "\n", "utf-8")
    print(summary(found))


if __name__ == "__main__":
    main()
