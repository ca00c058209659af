"""Does a small model learn more of a large one's answers than of the few labels there are?

    python benchmarks/distilling.py --sets cr,subj --seeds 0,1,2 --out distilling.json
    python benchmarks/distilling.py --read distilling.json

`--rows` of each class are labelled (a fifth of them validate, as in a run), `--unlabelled` others of the training split
have only a teacher's answers. The teacher is the embedded encoder, as a linear head on its frozen features or tuned
(`--teacher full`); students are TF-IDF and a language model of 260,000 parameters, tuned. Nothing is chosen by the test
rows (`sets.py`) which all are judged on; with `--judge train` others of the training split judge, by which settings may
be chosen. Arms:

* labels     the student on the labelled rows alone
* taught     and the teacher's probabilities on the rows without a label
* answers    its answers there instead: how likely others are is not told
* warm       its probabilities, softened by a temperature of 2
* held-out   no row without a label: labelled rows, half label and half what a teacher says that did not learn of them
* shuffled   the control: as `taught`, each row with what the teacher said of another one
* seen       the other control: the labels that the teacher learned of on the rows without a label (a bound)
"""

from __future__ import annotations

import argparse
import itertools
import json
import random
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

import few_rows
import sets
import trials
from autogpt.autopilot.deciding import decide
from autogpt.autopilot.ladder import wanted_epochs
from autogpt.autopilot.trial import Bench, Candidate, load_scores, run_trial
from autogpt.core import Decision, Example
from autogpt.evaluation.interval import mean_interval
from autogpt.soft_targets import SoftTarget, lessons
from autogpt.training.features import FeatureCache

SETS = ("cr", "mr", "subj", "pros_cons", "banking77")
JUDGES, FOLDS, TRUST = 800, 5, 0.5
ARMS = ("labels", "taught", "answers", "warm", "held-out", "shuffled", "seen")
TINY = str(sets.DATA.parent / "weights" / "stories260K" / "hf")
STUDENTS: dict[str, tuple[str, dict[str, Any], str | None]] = {
    "tfidf": ("tfidf", {}, None),
    "tiny": ("full", {"learning_rate": 1e-3, "embeddings": True}, TINY),
}


def pools(name: str, rows: int, unlabelled: int, seed: int, judge: str) -> tuple[list[Any], list[Any], list[Any]]:
    """Rows with a label, rows whose label is not told, and rows that judge. The last two are the same for all seeds."""
    data = sets.load(name, "full", seed, test_rows=JUDGES)
    rest = random.Random(f"{name} distilling").sample(data.train, len(data.train))
    judges = data.test if judge == "test" else rest[:JUDGES]
    pool = rest[JUDGES : JUDGES + unlabelled]
    left = rest[JUDGES + unlabelled :]
    return sets.few(left, sets.SOURCES[name], rows, random.Random(f"{name} {rows} {seed}")), pool, judges


def split(few: Sequence[Any], seed: int) -> tuple[list[Any], list[Any]]:
    """Four fifths to learn from, a fifth to validate."""
    fold = few_rows.folds(few, seed)
    return [row for row, at in zip(few, fold, strict=True) if at], [
        row for row, at in zip(few, fold, strict=True) if not at
    ]


def fitted(bench: Bench, method: str, options: dict[str, Any]) -> tuple[Any, Any]:
    """A method's scorer, and its scores of the validation rows."""
    with tempfile.TemporaryDirectory() as folder:
        candidate = Candidate(method, options)
        _, scorer = run_trial(bench, candidate, folder=Path(folder), remaining=lambda: trials.SECONDS)
        return scorer, load_scores(Path(folder) / "validation.safetensors")


def said(bench: Bench, method: str, rows: Sequence[Example]) -> Any:
    """What a teacher says of rows: probabilities, calibrated on validation rows."""
    options = {"epochs": wanted_epochs(len(bench.train))} if method == "full" else {}
    scorer, held = fitted(bench, method, options)
    inputs = [row.inputs for row in rows]
    if method == "head":  # features are kept, and a head on them gives the scores
        _, features = bench.features.get(inputs)
        scores = features @ scorer.net.head.weight.detach().numpy().T + scorer.net.head.bias.detach().numpy()
    else:
        scores = scorer.score(inputs)
    return bench.output.probabilities(scores, bench.space, decide(bench, held))


def out_of_fold(bench: Bench, method: str, seed: int) -> Any:
    """What teachers say of training rows that they did not learn from."""
    fold = few_rows.folds([{"label": row.target} for row in bench.train], seed)
    table = np.zeros((len(bench.train), len(bench.space.labels)))
    for part in range(FOLDS):
        own = [row for row, at in zip(bench.train, fold, strict=True) if at != part]
        held = [row for row, at in zip(bench.train, fold, strict=True) if at == part]
        table[fold == part] = said(replace(bench, train=own), method, held)
    return table


def taught(bench: Bench, arm: str, pool: Sequence[Example], likely: Any, held_out: Any, seed: int) -> Bench:
    """The bench that a student learns on."""
    inputs = [row.inputs for row in pool]
    if arm == "labels":
        return bench
    if arm == "held-out":
        rows = zip(bench.train, held_out, strict=True)
        return replace(bench, train=[replace(r, target=SoftTarget(one, r.target, TRUST)) for r, one in rows])
    if arm == "answers":
        likely = np.eye(likely.shape[1])[likely.argmax(axis=1)]
    if arm == "warm":
        likely = bench.output.probabilities(np.log(np.maximum(likely, 1e-9)), bench.space, Decision(temperature=2.0))
    if arm == "shuffled":
        likely = likely[np.random.default_rng([seed, 91]).permutation(len(likely))]
    if arm == "seen":
        likely = np.eye(likely.shape[1])[bench.output.encode([row.target for row in pool], bench.space)]
    more = lessons(inputs, likely)
    order = np.random.default_rng([seed, 92]).permutation(len(bench.train) + len(more))
    every = [*bench.train, *more]
    return replace(bench, train=[every[place] for place in order])


def cell(arguments: argparse.Namespace, name: str, seed: int) -> dict[str, Any]:
    """All students and arms of one pool: whether each judging row is answered rightly, and how often as the teacher."""
    few, rest, judges = pools(name, arguments.rows[name], arguments.unlabelled, seed, arguments.judge)
    train, held = split(few, seed)
    parts = trials.Parts.of(few_rows.SCHEMA, train, held, judges)
    pool = trials.Parts.of(few_rows.SCHEMA, rest, [], []).train
    bench = trials.bench(parts, backbone=None, seed=seed, listen=lambda event: None)
    kept = None if arguments.features is None else arguments.features / name
    bench = replace(bench, features=FeatureCache(bench.open, folder=kept))
    method = arguments.teacher
    told = said(bench, method, [*pool, *parts.test])
    likely, judged = told[: len(pool)], told[len(pool) :]
    held_out = out_of_fold(bench, method, seed) if "held-out" in arguments.arms else None
    gold = np.asarray(bench.output.encode([row.target for row in parts.test], bench.space))
    own = np.asarray(bench.output.encode([row.target for row in pool], bench.space))
    document: dict[str, Any] = {"set": name, "seed": seed, "rows": len(train), "unlabelled": len(pool)}
    document["teacher"] = (judged.argmax(axis=1) == gold).astype(int).tolist()
    document["teacher on the unlabelled"] = float((likely.argmax(axis=1) == own).mean())
    for student, arm in itertools.product(arguments.students, arguments.arms):
        method, options, backbone = STUDENTS[student]
        lesson = taught(bench, arm, pool, likely, held_out, seed)
        if backbone is not None:
            other = trials.bench(parts, backbone=backbone, seed=seed, listen=lambda event: None)
            lesson = replace(lesson, open=other.open, features=other.features)
            options = {**options, "epochs": wanted_epochs(len(lesson.train))}
        scorer, _ = fitted(lesson, method, options)
        answers = np.asarray(scorer.score([row.inputs for row in parts.test])).argmax(axis=1)
        document[f"{student}, {arm}"] = (answers == gold).astype(int).tolist()
        document[f"{student}, {arm}, as the teacher"] = float((answers == judged.argmax(axis=1)).mean())
        print(name, seed, student, arm, round(float((answers == gold).mean()), 4), flush=True)
    return document


def show(cells: Sequence[dict[str, Any]]) -> None:
    """Means by set, and paired differences to `labels`: per row, averaged over seeds, with intervals over rows."""
    students = sorted({key.split(",")[0] for one in cells for key in one if "," in key})
    names = list(dict.fromkeys(one["set"] for one in cells))
    mean = lambda key, own: float(np.mean([np.mean(one[key]) for one in own if key in one]))  # noqa: E731
    for student in students:
        arms = [arm for arm in ARMS if f"{student}, {arm}" in cells[0]]
        print(f"\n| {student} | teacher | {' | '.join(arms)} |\n|{'---|' * (len(arms) + 2)}")
        for name in [*names, "mean"]:
            own = [one for one in cells if name in (one["set"], "mean")]
            told = [f"{mean(key, own):.3f}" for key in ("teacher", *(f"{student}, {arm}" for arm in arms))]
            print(f"| {name} | {' | '.join(told)} |")
        for arm in arms:
            pairs = [(np.array(one[f"{student}, {arm}"]), np.array(one[f"{student}, labels"])) for one in cells]
            gaps = [float((a - b).mean()) for a, b in pairs]
            by_set = [
                np.mean([a - b for (a, b), c in zip(pairs, cells, strict=True) if c["set"] == n], 0) for n in names
            ]
            rows = mean_interval(np.concatenate(by_set))
            print(
                f"{arm} - labels: {np.mean(gaps):+.4f} [{rows.low:+.4f}, {rows.high:+.4f}] over rows; "
                f"better in {sum(g > 0 for g in gaps)}, worse in {sum(g < 0 for g in gaps)} of {len(gaps)} pools; "
                f"as the teacher {np.mean([one[f'{student}, {arm}, as the teacher'] for one in cells]):.3f}"
            )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sets", default=",".join(SETS))
    parser.add_argument("--seeds", default="0,1,2")
    parser.add_argument("--students", default="tfidf")
    parser.add_argument("--arms", default=",".join(ARMS))
    parser.add_argument("--teacher", choices=("head", "full"), default="head")
    parser.add_argument(
        "--rows", type=int, help="labelled rows of each class (default: 64, of more classes 250 in all)"
    )
    parser.add_argument("--unlabelled", type=int, default=1500)
    parser.add_argument("--judge", choices=("test", "train"), default="test")
    parser.add_argument("--features", type=Path, help="folder that keeps what the encoder has read")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--read", type=Path)
    arguments = parser.parse_args()
    if arguments.read:
        show(json.loads(arguments.read.read_text("utf-8")))
        return
    named = arguments.sets.split(",")
    classes = {name: len({row["label"] for row in sets.load(name, "full", 0).train}) for name in named}
    arguments.rows = {name: arguments.rows or min(64, max(250 // count, 3)) for name, count in classes.items()}
    arguments.students, arguments.arms = arguments.students.split(","), arguments.arms.split(",")
    cells = []
    for name, seed in itertools.product(named, map(int, arguments.seeds.split(","))):
        cells.append(cell(arguments, name, seed))
        if arguments.out:
            arguments.out.write_text(json.dumps(cells) + "\n", "utf-8")
    show(cells)


if __name__ == "__main__":
    main()
