"""The portfolio: which configurations did well on many data sets, so that a run may try those first.

`record` fits a fixed list of configurations on pools of rows, and keeps what each was worth: a line of JSON per trial
with its options, seconds, validation score, learning curve, and whether each validation and judging row was answered
rightly. All rows come from the training splits of `sets.py`; test rows are not looked at. Seconds are those of the
process, so that others on the machine take nothing from a trial. A file that is there is gone on with:

    OMP_NUM_THREADS=1 python benchmarks/portfolio.py record --out trials.jsonl --pools cr:16,subj:16
    python benchmarks/portfolio.py table trials.jsonl --out src/autogpt/autopilot/portfolio.json

`table` makes of such files what the package ships: anonymous pools (numbers that describe them, and scores), and the
configurations in the order of a greedy choice, each time the one that lowers the mean regret of the best so far most.
"""

from __future__ import annotations

import argparse
import json
import random
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

import few_rows
import trials
from autogpt import registry
from autogpt.autopilot.trial import Candidate, load_scores, run_trial
from autogpt.core import Decision
from autogpt.events import Event
from autogpt.setting import domains

VALIDATION, JUDGES = 48, 160
EPOCHS, ANCHORS_PER_ROW, ANCHORS = 4.0, 10, (160, 320)
"""Passes and anchors of configurations that say nothing else: less than a run gives them, for the cost."""
DRAWN = {"full": 7, "contrastive": 2, "lora": 1, "tfidf": 1}
"""Configurations drawn at random from the search ranges of a method's options, beside those of `GIVEN`."""
MOST = 16
"""Configurations that are shipped, at most."""
GIVEN: tuple[tuple[str, dict[str, Any]], ...] = (
    ("tfidf", {}),
    ("head", {}),
    ("full", {}),
    ("contrastive", {}),
    ("full", {"layers": 2}),
    ("full", {"learning_rate": 3e-4}),
    ("full", {"dropout": True}),
    ("contrastive", {"learning_rate": 1e-4}),
    ("lora", {}),
    ("full", {"batch_rows": 8, "learning_rate": 5e-5}),
)


def configurations() -> list[tuple[str, dict[str, Any]]]:
    """Method and options of each trial: the same for all pools. Passes and anchors are left to the pool."""
    rng = random.Random(7)
    found = list(GIVEN)
    for method, count in DRAWN.items():
        space = domains(registry.get("methods", method).options)
        for _ in range(count):
            options = {name: _draw(domain, rng) for name, domain in space.items() if name not in ("epochs", "anchors")}
            found.append((method, {name: value for name, value in options.items() if value is not None}))
    return found


def _draw(domain: Any, rng: random.Random) -> Any:
    if domain.choices:
        return rng.choice(domain.choices)
    low, high = (np.log(domain.low), np.log(domain.high)) if domain.log else (domain.low, domain.high)
    value = float(rng.uniform(low, high))
    value = float(np.exp(value)) if domain.log else value
    return round(value) if domain.whole else float(f"{value:.3g}")


def sized(method: str, options: Mapping[str, Any], rows: int) -> dict[str, Any]:
    """Options with the passes or anchors that a pool of so many rows gets."""
    names = domains(registry.get("methods", method).options)
    least, most = ANCHORS
    length = {"epochs": EPOCHS, "anchors": min(most, max(least, ANCHORS_PER_ROW * rows))}
    return {**{name: value for name, value in length.items() if name in names}, **options}


def record(name: str, rows: int, seed: int, out: Path, *, deadline: float) -> None:
    """All configurations on one pool that do not stand in `out` yet."""
    done = {(one["pool"], one["trial"]) for one in read([out])} if out.exists() else set()
    pool = f"{name}:{rows}:{seed}"
    few, rest = few_rows.pool(name, rows, seed)
    parts = trials.Parts.of(few_rows.SCHEMA, few, rest[:VALIDATION], rest[VALIDATION : VALIDATION + JUDGES])
    curve: list[tuple[float, float]] = []

    def listen(event: Event) -> None:
        if event.kind == "step" and event.data["scores"]:
            curve.append((event.data["step"] / event.data["total"], next(iter(event.data["scores"].values()))))

    bench = trials.bench(parts, backbone=None, seed=seed, listen=listen)
    began = time.process_time()
    bench.features.get([row.inputs for row in (*parts.train, *parts.validation)])
    reading = (len(parts.train) + len(parts.validation)) / (time.process_time() - began)
    judged = [(part, np.asarray([row.target for row in part])) for part in (parts.validation, parts.test)]
    for place, (method, options) in enumerate(configurations()):
        if (pool, place) in done or time.monotonic() > deadline:
            continue
        curve.clear()
        options = sized(method, options, len(parts.train))
        with tempfile.TemporaryDirectory() as folder:
            began = time.process_time()
            candidate = Candidate(method, options)
            _, scorer = run_trial(bench, candidate, folder=Path(folder), remaining=lambda: trials.SECONDS)
            seconds = time.process_time() - began
            tables = [
                load_scores(Path(folder) / "validation.safetensors"),
                scorer.score([r.inputs for r in parts.test]),
            ]
        right = [_right(parts, table, *of) for table, of in zip(tables, judged, strict=True)]
        line = {
            "pool": pool, "trial": place, "method": method, "options": options, "seconds": round(seconds, 2),
            "rows": len(parts.train), "labels": len(parts.space.labels), "output": parts.output.name,
            "length": round(float(np.mean([len(row["text"]) for row in few])), 1), "reading": round(reading, 1),
            "validation": "".join(map(str, right[0])), "judges": "".join(map(str, right[1])),
            "curve": [(round(share, 3), round(score, 4)) for share, score in curve],
        }  # fmt: skip
        with out.open("a", encoding="utf-8") as lines:
            lines.write(json.dumps(line) + "\n")
        print(pool, place, method, options, f"{np.mean(right[1]):.3f}", f"{seconds:.1f} s", flush=True)


def _right(parts: trials.Parts, table: Any, rows: Sequence[Any], gold: Any) -> list[int]:
    answers = parts.output.decode(table, parts.space, Decision(), [row.inputs for row in rows])
    return [int(answer.value == target) for answer, target in zip(answers, gold, strict=True)]


def read(paths: Sequence[Path]) -> list[dict[str, Any]]:
    """The lines of recorded trials."""
    return [json.loads(line) for path in paths for line in path.read_text("utf-8").splitlines()]


def table(lines: Sequence[Mapping[str, Any]], *, most: int = MOST) -> dict[str, Any]:
    """What the package ships of recorded trials: methods' defaults, then the others in greedy order; no names.

    A configuration counts if it stands in every pool. A score is the share of right answers to all rows that were not
    learned from.
    """
    pools: dict[str, dict[str, Mapping[str, Any]]] = {}
    for line in lines:
        pools.setdefault(line["pool"], {})[_configuration(line)] = line
    shared = [name for name in next(iter(pools.values())) if all(name in found for found in pools.values())]
    scores = np.array([[_score(found[name]) for name in shared] for found in pools.values()])
    order = [place for place, name in enumerate(shared) if not json.loads(name)[1]]
    order += greedy(scores, order)[: most - len(order)]
    return {
        "configurations": [dict(zip(("method", "options"), json.loads(shared[place]), strict=True)) for place in order],
        "pools": [
            {
                "features": _features(next(iter(found.values()))),
                "scores": [round(_score(found[shared[place]]), 4) for place in order],
                "seconds": [found[shared[place]]["seconds"] for place in order],
            }
            for found in pools.values()
        ],
    }


def greedy(scores: Any, known: Sequence[int]) -> list[int]:
    """The other columns of scores [P, K] in the order that lowers the mean regret of the best so far most."""
    best, left, found = scores[:, list(known)].max(axis=1), [], []
    left = [place for place in range(scores.shape[1]) if place not in known]
    while left:
        gains = np.maximum(scores[:, left], best[:, None]).mean(axis=0)
        place = max(left, key=lambda one: (gains[left.index(one)], scores[:, one].mean()))
        left.remove(place)
        best = np.maximum(best, scores[:, place])
        found.append(place)
    return found


def _configuration(line: Mapping[str, Any]) -> str:
    """Method and options as text, without those that say how long a trial takes: a run decides that by its time."""
    space = domains(registry.get("methods", line["method"]).options)
    options = {name: value for name, value in line["options"].items() if not space[name].longer}
    return json.dumps([line["method"], options])


def _score(line: Mapping[str, Any]) -> float:
    answers = line["validation"] + line["judges"]
    return answers.count("1") / len(answers)


def _features(line: Mapping[str, Any]) -> dict[str, Any]:
    return {name: line[name] for name in ("rows", "labels", "length", "output", "reading")}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    verbs = parser.add_subparsers(dest="verb", required=True)
    recording, making = verbs.add_parser("record"), verbs.add_parser("table")
    recording.add_argument(
        "--pools", type=lambda text: text.split(","), required=True, help="set:rows or set:rows:seed"
    )
    recording.add_argument("--out", type=Path, required=True)
    recording.add_argument("--minutes", type=float, default=60.0, help="no trial begins later")
    making.add_argument("trials", type=Path, nargs="+")
    making.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    if given.verb == "table":
        document = table(read(given.trials))
        lines = [f"  {json.dumps(name)}: [\n    " + ",\n    ".join(map(json.dumps, rows)) + "\n  ]"
                 for name, rows in document.items()]  # fmt: skip
        given.out.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")
        return
    deadline = time.monotonic() + 60 * given.minutes
    for pool in given.pools:
        name, rows, seed = [*pool.split(":"), "0"][:3]
        record(name, int(rows), int(seed), given.out, deadline=deadline)


if __name__ == "__main__":
    main()
