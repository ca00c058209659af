"""Which rows to label next: accuracy by number of labels, for every query strategy, on frozen vectors.

One command: `python benchmarks/active.py`. For each set and seed a pool of 3,000 training rows is drawn, the same
for all strategies; an oracle holds its labels, reveals one only on request, and counts the requests. After each batch
the head of the labelling session (`autogpt.labelling.head`) is fitted to what is labelled and scored on the set's test
rows. Two budgets: 8 to 64 labels in batches of 8, and for sets of more than two labels 1 to 8 labels per class. The
figure is the area under the accuracy curve, in points; differences are paired by set and seed. Intervals are a
bootstrap over seeds, within each set where several are pooled ("these sets"); "sets drawn" draws the sets as well.
`subj`, `cr` and `banking77` were looked at when the strategy was built; `mr`, `pros_cons` and `dbpedia14` were not.

`--stop` instead follows the advice to stop: when it comes, and what more labels would have brought.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

import embedded
from autogpt import registry
from autogpt.labelling.head import fit
from autogpt.labelling.outlook import STEP, Labelled, outlook
from autogpt.queries import Pool

RESULTS = Path(__file__).parent / "results" / "active"
STRATEGIES = ("random", "margin", "entropy", "badge", "typiclust", "coverage")
TUNED = ("subj", "cr", "banking77")
POOL, FEW, DRAWS = 3000, tuple(range(8, 65, 8)), 10_000
MOST_STOP = 400


class Oracle:
    """Labels that are revealed one by one, on request. `requests` counts them; asking twice is an error."""

    def __init__(self, labels: np.ndarray) -> None:
        self._labels, self.requests = labels, 0
        self._asked: set[int] = set()

    def reveal(self, place: int) -> int:
        if place in self._asked:
            raise AssertionError(f"row {place} was asked twice")
        self._asked.add(place)
        self.requests += 1
        return int(self._labels[place])


class Learner:
    """What is labelled of a pool so far, the head fitted to it, and the strategy that asks for more."""

    def __init__(self, vectors: np.ndarray, oracle: Oracle, strategy: str, seed: int, hidden: int = 0) -> None:
        self.vectors, self.oracle = vectors, oracle
        self.query = registry.get("queries", strategy)
        self.rng = np.random.default_rng([seed, 11])
        self.places: list[int] = []
        self.labels: list[int] = []
        self.closed = np.arange(len(vectors)) < hidden
        self.head: Any = None
        self.met = np.zeros(0, dtype=np.int64)

    def ask(self, count: int) -> None:
        """Have `count` rows in all labelled, and fit."""
        numbers = np.searchsorted(self.met, self.labels) if self.labels else np.zeros(0, dtype=np.int64)
        sure = None if self.head is None else self.head.probabilities(self.vectors)
        pool = Pool(self.vectors, np.array(self.places, dtype=np.int64), numbers, self.closed.copy(), sure)
        for place in self.query.choose(pool, count - len(self.places), self.rng):
            self.labels.append(self.oracle.reveal(int(place)))
            self.places.append(int(place))
            self.closed[place] = True
        self.met, numbers = np.unique(self.labels, return_inverse=True)
        self.head = fit(self.vectors[self.places], numbers, len(self.met)) if len(self.met) > 1 else None

    def accuracy(self, vectors: np.ndarray, gold: np.ndarray) -> float:
        """Share of right answers, in points; with one label so far, of that label."""
        scores = np.zeros((len(vectors), 1)) if self.head is None else self.head.scores(vectors)
        return 100 * float((self.met[scores.argmax(axis=1)] == gold).mean())


def begin(data: embedded.Embedded, strategy: str, seed: int, hidden: int = 0) -> tuple[Learner, np.ndarray]:
    """A learner on the pool of this seed, and the pool's labels."""
    kept = np.random.default_rng([seed, 7]).permutation(len(data.train))[:POOL]
    gold = data.train_y[kept]
    return Learner(data.train[kept], Oracle(gold), strategy, seed, hidden), gold


def curve(data: embedded.Embedded, strategy: str, seed: int, budgets: Sequence[int]) -> dict[str, Any]:
    """Accuracy after each budget."""
    learner, _ = begin(data, strategy, seed)
    scores, started = [], time.process_time()
    for budget in budgets:
        learner.ask(budget)
        scores.append(round(learner.accuracy(data.test, data.test_y), 3))
    seconds = round(time.process_time() - started, 2)
    return {"set": data.name, "strategy": strategy, "seed": seed, "budgets": list(budgets), "accuracy": scores,
            "requests": learner.oracle.requests, "seconds": seconds}  # fmt: skip


def area(found: dict[str, Any]) -> float:
    """Mean height of a curve between its first and last budget."""
    budgets = found["budgets"]
    return float(np.trapezoid(found["accuracy"], budgets) / (budgets[-1] - budgets[0]))


def table(found: Sequence[dict[str, Any]], base: str, *, seed: int = 0) -> list[dict[str, Any]]:
    """Per set and pooled: mean area of each strategy, and its paired difference from `base` with 95 % interval."""
    rng = np.random.default_rng(seed)
    areas = {(one["set"], one["strategy"], one["seed"]): area(one) for one in found}
    sets = list(dict.fromkeys(one["set"] for one in found))
    seeds = sorted({one["seed"] for one in found})
    rows = []
    for strategy in dict.fromkeys(one["strategy"] for one in found):
        gain = np.array([[areas[s, strategy, n] - areas[s, base, n] for n in seeds] for s in sets])
        means = gain.mean(axis=1)
        for name, values, level in zip(sets, gain, means, strict=True):
            drawn = values[rng.integers(len(seeds), size=(DRAWS, len(seeds)))].mean(axis=1)
            mean = float(np.mean([areas[name, strategy, n] for n in seeds]))
            rows.append(_row(name, strategy, mean, float(level), drawn))
        if len(sets) > 1:
            mean = float(np.mean([areas[s, strategy, n] for s in sets for n in seeds]))
            rows.append(_row("all, these sets", strategy, mean, float(means.mean()), _over(gain, rng, draw_sets=False)))
            rows.append(_row("all, sets drawn", strategy, mean, float(means.mean()), _over(gain, rng, draw_sets=True)))
    return rows


def _over(gain: np.ndarray, rng: np.random.Generator, *, draw_sets: bool) -> np.ndarray:
    """Bootstrap draws of the mean over sets: seeds are drawn within each set, and sets themselves if wanted."""
    sets, seeds = gain.shape
    chosen = rng.integers(sets, size=(DRAWS, sets)) if draw_sets else np.tile(np.arange(sets), (DRAWS, 1))
    return gain[chosen[:, :, None], rng.integers(seeds, size=(DRAWS, sets, seeds))].mean(axis=(1, 2))


def _row(name: str, strategy: str, mean: float, gain: float, drawn: np.ndarray) -> dict[str, Any]:
    low, high = np.quantile(drawn, [0.025, 0.975])
    numbers = {"area": mean, "gain": gain, "low": float(low), "high": float(high)}
    return {"set": name, "strategy": strategy, **{key: round(value, 2) for key, value in numbers.items()}}


def stopping(data: embedded.Embedded, seed: int) -> dict[str, Any]:
    """When the advice to stop comes, what `MOST_STOP` labels bring beyond it, and how true the forecasts were."""
    hidden = 100  # rows drawn at random for measuring; a quarter as many as the labels are used
    learner, gold = begin(data, "auto", seed, hidden)
    scores, told, stopped = [], [], None
    budgets = range(STEP, MOST_STOP + 1, STEP)
    for budget in budgets:
        learner.ask(budget)
        scores.append(learner.accuracy(data.test, data.test_y))
        drawn = np.arange(min(hidden, budget // 4))
        learned = Labelled(learner.vectors[learner.places], np.array(learner.labels), len(data.labels))
        measured = Labelled(learner.vectors[drawn], gold[drawn], len(data.labels))
        found = outlook(learned, measured, learner.vectors, seed=seed)
        told.append(None if found is None or found.gain is None else 100 * found.gain)
        if found is not None and found.stop and stopped is None:
            stopped = budget
    pairs = [(t, b - a) for t, a, b in zip(told, scores, scores[1:], strict=False) if t is not None]
    at = scores[budgets.index(stopped)] if stopped else None
    told_mean, came_mean = (round(float(np.mean(side)), 2) for side in zip(*pairs, strict=True))
    return {
        "set": data.name, "seed": seed, "stopped": stopped, "lost": None if at is None else round(scores[-1] - at, 2),
        "told": told_mean, "came": came_mean, "accuracy": np.round(scores, 2).tolist(),
    }  # fmt: skip


def markdown(tables: dict[str, list[dict[str, Any]]]) -> str:
    """One table per budget: sets down, strategies across, area and paired difference."""
    parts = []
    for budget, rows in tables.items():
        strategies = list(dict.fromkeys(row["strategy"] for row in rows))
        lines = [f"## {budget}\n", "| set | " + " | ".join(strategies) + " |", "|---" * (len(strategies) + 1) + "|"]
        for name in dict.fromkeys(row["set"] for row in rows):
            cells = {row["strategy"]: row for row in rows if row["set"] == name}
            shown = ("{area:.1f} ({gain:+.1f} [{low:+.1f}, {high:+.1f}])".format(**cells[s]) for s in strategies)
            lines.append(f"| {name} | " + " | ".join(shown) + " |")
        parts.append("\n".join(lines))
    return "\n\n".join(parts) + "\n"


def plot(found: Sequence[dict[str, Any]], path: Path) -> None:
    """A panel per set: mean accuracy by labels, with a band of two standard errors over seeds."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    sets = list(dict.fromkeys(one["set"] for one in found))
    figure, panels = pyplot.subplots(2, -(-len(sets) // 2), figsize=(12, 6.5), squeeze=False)
    for name, panel in zip(sets, panels.flat, strict=False):
        for strategy in dict.fromkeys(one["strategy"] for one in found):
            runs = [one for one in found if one["set"] == name and one["strategy"] == strategy]
            scores, budgets = np.array([one["accuracy"] for one in runs]), runs[0]["budgets"]
            middle, band = scores.mean(axis=0), 2 * scores.std(axis=0) / len(runs) ** 0.5
            (line,) = panel.plot(budgets, middle, label=strategy, lw=2.2 if strategy == "coverage" else 1.2)
            panel.fill_between(budgets, middle - band, middle + band, alpha=0.12, color=line.get_color(), lw=0)
        panel.set(title=name, xlabel="labels", ylabel="test accuracy")
    panels.flat[0].legend(fontsize=8)
    figure.tight_layout()
    figure.savefig(path, dpi=90)


def measure(given: argparse.Namespace) -> None:
    """All curves, the tables, and the plot."""
    found: dict[str, list[dict[str, Any]]] = {"8 to 64 labels": [], "1 to 8 labels per class": []}
    for name in given.sets.split(","):
        data = embedded.load(name)
        budgets = {"8 to 64 labels": FEW}
        if len(data.labels) > 2:
            budgets["1 to 8 labels per class"] = tuple(len(data.labels) * n for n in (1, 2, 3, 4, 6, 8))
        for budget, sizes in budgets.items():
            for strategy in given.strategies.split(","):
                runs = [curve(data, strategy, seed, sizes) for seed in range(given.seeds)]
                found[budget] += runs
                told = f"{np.mean([area(one) for one in runs]):6.2f} {np.mean([one['seconds'] for one in runs]):6.2f} s"
                print(f"{name:10} {budget:24} {strategy:10} {told}", flush=True)
    found = {budget: runs for budget, runs in found.items() if runs}
    first = given.strategies.split(",")[0]
    tables = {f"{budget}, less {base}": table(runs, base) for budget, runs in found.items()
              for base in (first, "margin") if base in given.strategies.split(",")}  # fmt: skip
    given.output.parent.mkdir(parents=True, exist_ok=True)
    given.output.with_suffix(".json").write_text(json.dumps({"tables": tables, "curves": found}) + "\n", "utf-8")
    given.output.with_suffix(".md").write_text(markdown(tables), "utf-8")
    plot(found["8 to 64 labels"], given.output.with_suffix(".png"))
    print(markdown(tables))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sets", default=",".join((*TUNED, "mr", "pros_cons", "dbpedia14")))
    parser.add_argument("--strategies", default=",".join(STRATEGIES))
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--stop", action="store_true", help="follow the advice to stop instead")
    parser.add_argument("--output", type=Path, default=RESULTS)
    given = parser.parse_args()
    if not given.stop:
        measure(given)
        return
    found = [stopping(embedded.load(name), seed) for name in given.sets.split(",") for seed in range(given.seeds)]
    given.output.parent.mkdir(parents=True, exist_ok=True)
    path = given.output.with_name(f"{given.output.name}-stop.json")
    path.write_text(json.dumps(found) + "\n", "utf-8")
    for name in given.sets.split(","):
        runs = [one for one in found if one["set"] == name]
        stops = [one for one in runs if one["stopped"]]
        at = f"at {np.median([one['stopped'] for one in stops]):.0f} (first {min(one['stopped'] for one in stops)}), " \
             f"{np.mean([one['lost'] for one in stops]):+.2f} points lost" if stops else "-"  # fmt: skip
        told, came = (np.mean([one[key] for one in runs]) for key in ("told", "came"))
        print(f"{name:10} advice in {len(stops)} of {len(runs)} {at}; told {told:+.2f} a step, came {came:+.2f}")


if __name__ == "__main__":
    main()
