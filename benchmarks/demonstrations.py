"""Demonstrations found by trying, beside the likest rows: simulated models, because no real one could be reached.

    python benchmarks/demonstrations.py                    five seeds of three models
    python benchmarks/demonstrations.py --wrong 0.2 --rows 300

Each model is one behind the test server, and reacts otherwise to what it is shown (4 of `--rows` training rows):

* knowing   knows which words belong together, and learns of demonstrations what that is called; of a share of the rows
            (`--wrong`) the label is a wrong one, so that some sets mislead it
* likeness  answers like the demonstration whose words are most like the question's: a set for all is worse for it
* rule      knows the answer without any: nothing can be found

Accuracy on test rows (whose labels are right) of the likest rows, and of what the search leaves, on the same rows, with
the mean difference over seeds; the questions that it took; and which of both was taken.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from autogpt.autopilot.trial import Candidate, run_trial
from autogpt.core import Example
from autogpt.endpoint import Client, Remote
from autogpt.evaluation.interval import mean_interval
from autogpt.spending import Ledger, Prices
from autogpt.testing import contracts
from autogpt.testing.endpoint_server import Messages, Server, brain, knowing

LABELS = ("amber", "birch", "coral", "delta")
MEANINGS = {f"{label[0]}{letter}oma": label for label in LABELS for letter in "eiu"}


def rows(count: int, *, wrong: float, seed: int) -> list[Example]:
    """Rows with a word that tells the label among others that do not."""
    rng, words, found = np.random.default_rng(seed), sorted(MEANINGS), []
    for place in range(count):
        word = str(rng.choice(words))
        noise = " ".join("".join(rng.choice(list("klmnprst"), 5)) for _ in range(4))
        others = [label for label in LABELS if label != MEANINGS[word]]
        target = str(rng.choice(others)) if rng.random() < wrong else MEANINGS[word]
        found.append(Example(place, {"text": f"{noise} {word}"}, target))
    return found


def rule(messages: Messages) -> str:
    """The answer, whatever is shown."""
    return MEANINGS[json.loads(messages[-1]["content"])["text"].split()[-1]]


MODELS: dict[str, tuple[Callable[[Messages], str], bool]] = {
    "knowing": (knowing(MEANINGS), True),
    "likeness": (brain, False),
    "rule": (rule, False),
}


def right(scorer: Any, test: list[Example], bench: Any) -> np.ndarray:
    """Which test rows are answered rightly, as 0 and 1."""
    answers = np.asarray(scorer.score([row.inputs for row in test])).argmax(axis=1)
    return np.array([bench.space.labels[place] == row.target for place, row in zip(answers, test, strict=True)], float)


def measured(name: str, seed: int, given: argparse.Namespace) -> dict[str, Any]:
    """A model, once without and once with the search."""
    think, noisy = MODELS[name]
    train = rows(given.rows, wrong=given.wrong if noisy else 0.0, seed=seed)
    held, test = (rows(n, wrong=0.0, seed=1000 + seed + n) for n in (24, given.test))
    with Server(think=think) as server, tempfile.TemporaryDirectory() as folder:
        client = Client(server.address, "tiny", Ledger(Prices()))
        bench = contracts.bench("classes", Path(folder) / "none")
        bench = replace(bench, train=train, validation=held, space=bench.output.space(list(LABELS)), seed=seed,
                        remote=lambda: Remote(client, "which tree?", given.test))  # fmt: skip
        found, asked = [], []
        for searches in (False, True):
            options = {"demonstrations": given.shown, "searches": searches}
            _, scorer = run_trial(bench, Candidate("few-shot", options), folder=Path(folder) / str(searches),
                                  remaining=lambda: 3600.0)  # fmt: skip
            asked.append(len(server.requests))
            found.append((scorer, right(scorer, test, bench)))
        (_, alike), (scorer, searched) = found
        return {"alike": alike, "searched": searched, "questions": asked[1] - asked[0] - given.test,
                "fixed": bool(scorer.asking.fixed)}  # type: ignore[attr-defined]  # fmt: skip


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", default="0,1,2,3,4")
    parser.add_argument("--models", default=",".join(MODELS))
    parser.add_argument("--rows", type=int, default=160, help="training rows")
    parser.add_argument("--test", type=int, default=100, help="test rows")
    parser.add_argument("--shown", type=int, default=4, help="demonstrations")
    parser.add_argument("--wrong", type=float, default=0.35, help="share of wrong labels that the model 'knowing' sees")
    given = parser.parse_args()
    for name in given.models.split(","):
        gains = []
        for seed in map(int, given.seeds.split(",")):
            one = measured(name, seed, given)
            gains.append(one["searched"] - one["alike"])
            taken = "the same for all" if one["fixed"] else "the likest"
            print(f"{name:<9} seed {seed}  likest {one['alike'].mean():.3f}  searched {one['searched'].mean():.3f}  "
                  f"{one['questions']:>4} questions  {taken}", flush=True)  # fmt: skip
        interval = mean_interval(np.array([one.mean() for one in gains]))  # rows of a seed share a search
        print(f"{name:<9} all     {interval.value:+.3f} [{interval.low:+.3f}, {interval.high:+.3f}]", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
