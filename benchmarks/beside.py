"""Does it pay to learn the texts beside few labels while the encoder is tuned?

    python benchmarks/beside.py
    python benchmarks/beside.py --layers 2 --sets cr --objectives simcse --weights 0.3 --seeds 0,1,2

`full` on `--few` labelled rows, and the same with an objective's loss on `--texts` texts of the training split beside
(`adapt_joint`; none are test rows). `OBJECTIVE:among` is the control: the words of
those texts shuffled among all of them. Accuracy on `--test` rows of the test split, the last weights (nothing is
chosen), one line a seed; the table has paired differences to `full` alone, means over seeds with 95 % intervals
(Student's). The encoder is the embedded one, or cut to its lower `--layers` (see vectors.py).
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from scipy import stats

import trials
import vectors
from autogpt.autopilot.trial import Candidate, run_trial
from autogpt.config import Adaptive, RunConfig, Search
from autogpt.regimes._beside import Beside
from autogpt.runtime import detect


class Case:
    """One set with one seed."""

    def __init__(self, name: str, backbone: str | None, given: argparse.Namespace, seed: int) -> None:
        schema, learned, judged = vectors.rows_of(name)
        rng = np.random.default_rng([seed, 3])
        read = [learned[place] for place in rng.permutation(len(learned))[: given.texts]]
        self.texts, chosen = [row["text"] for row in read], read[: given.few]
        asked = [judged[place] for place in rng.permutation(len(judged))[: given.test]]
        self.parts, self.given, self.seed = trials.Parts.of(schema, chosen, [], asked), given, seed
        self.bench = trials.bench(self.parts, backbone=backbone, seed=seed, listen=lambda event: None)
        self.backbone = backbone

    def right(self, arm: str, weight: float) -> Any:
        """Whether each test row is answered rightly [N]; `arm`: an objective, or empty."""
        objective, _, how = arm.partition(":")
        texts = vectors.shuffled(self.texts, how, np.random.default_rng([self.seed, 5])) if how else self.texts
        rows = [{"text": text} for text in texts]
        bench = self.bench
        if objective:
            chosen = Adaptive(adapt_objective=objective, adapt_joint=weight)
            config = RunConfig(adaptive=chosen, search=Search(backbone=self.backbone))
            bench = replace(bench, beside=Beside(config, lambda: rows, detect, lambda: False, self.seed))
        with tempfile.TemporaryDirectory() as folder:
            options = {"epochs": self.given.epochs, "batch_rows": 16}
            told = {"folder": Path(folder), "remaining": lambda: trials.SECONDS}
            _, scorer = run_trial(bench, Candidate("full", options), **told)
        scores = np.asarray(scorer.score([row.inputs for row in self.parts.test]))
        gold = [row.target for row in self.parts.test]
        return np.array([bench.space.labels[place] for place in scores.argmax(axis=1)]) == np.array(gold)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    names = lambda text: text.split(",")  # noqa: E731
    numbers = lambda kind: lambda text: [kind(one) for one in text.split(",")]  # noqa: E731
    parser.add_argument("--sets", type=names, default=["cr", "subj", "banking77"])
    parser.add_argument("--objectives", type=names, default=["masked", "simcse", "tsdae", "simcse:among"])
    parser.add_argument("--weights", type=numbers(float), default=[0.1, 0.3])
    parser.add_argument("--seeds", type=numbers(int), default=[0, 1, 2])
    parser.add_argument("--layers", type=int)
    parser.add_argument("--backbone")
    parser.add_argument("--epochs", type=float, default=5.0)
    parser.add_argument("--texts", type=int, default=600)
    parser.add_argument("--few", type=int, default=100)
    parser.add_argument("--test", type=int, default=500)
    given = parser.parse_args()
    found: dict[tuple[str, str, float], list[Sequence[float]]] = defaultdict(list)
    with tempfile.TemporaryDirectory() as place:
        backbone = vectors.cut(given.layers, Path(place) / "cut") if given.layers else given.backbone
        for seed in given.seeds:
            for name in given.sets:
                case = Case(name, backbone, given, seed)
                alone = case.right("", 0.0).mean()
                for arm in given.objectives:
                    for weight in given.weights:
                        began = time.monotonic()
                        pair = (float(alone), float(case.right(arm, weight).mean()))
                        found[name, arm, weight].append(pair)
                        line = {"set": name, "arm": arm, "weight": weight, "seed": seed, "accuracy": pair}
                        print(json.dumps({**line, "seconds": round(time.monotonic() - began, 1)}), flush=True)
    print("| set | beside | weight | full alone | with it | difference | seeds |\n|---|---|---|---|---|---|---|")
    for (name, arm, weight), pairs in found.items():
        table = 100 * np.array(pairs)
        ways = table[:, 1] - table[:, 0]
        wide = stats.t.ppf(0.975, len(ways) - 1) * stats.sem(ways) if len(ways) > 1 else float("nan")
        means, way = table.mean(axis=0), ways.mean()
        told = f"{means[0]:.1f} | {means[1]:.1f} | {way:+.1f} [{way - wide:+.1f}, {way + wide:+.1f}] | {len(ways)}"
        print(f"| {name} | {arm} | {weight:g} | {told} |")


if __name__ == "__main__":
    main()
