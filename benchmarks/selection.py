"""Which rows to learn from: policies against all rows, filters, random search and their controls.

    python benchmarks/selection.py                                     every set and setting, frozen vectors
    python benchmarks/selection.py --sets cr,subj --settings clean,symmetric --seeds 0,1

A pool of `--rows` training rows is spoiled as the setting says; about `--trusted` rows, at least 3 a class, are clean.
Every policy chooses weights; a logistic regression on all pool and trusted rows with these weights is judged on test
rows. Scores are points of accuracy above the same regression with all weights 1. Policies take turns on the same pools,
and differences are paired by pool. `guarded` is reinforce behind its guard, as a run uses it; `blank` begins without
an opinion, and `-shuffled` and `-noise` are rewarded by chance; `blank-start` is where it begins: all rows weigh the
same, a little less than trusted ones, and classes are balanced.

* clean        nothing is spoiled
* symmetric    40 % of the labels are drawn anew among the other classes
* confusable   30 % of the labels are the class whose mean vector is nearest
* foreign      half of the pool is text of another set with random labels
* imbalance    classes from 1 to 1/20 of the largest, 20 % of the labels drawn anew
* mixed        a fifth foreign, imbalance 5 to 1, 15 % drawn anew, 15 % confusable
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
import warnings
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.linear_model import LogisticRegression

import embedded
from autogpt import registry
from autogpt.selection._environment import Environment
from autogpt.selection._guard import guarded
from autogpt.selection._policy import chosen, followed, start
from autogpt.selection._pool import Pool

RESULTS = Path(__file__).parent / "results"
SETTINGS = ("clean", "symmetric", "confusable", "foreign", "imbalance", "mixed")
POLICIES = ("oof-filter", "balanced-filter", "random-search", "reinforce")
CONTROLS = ("blank", "blank-start", "blank-shuffled", "blank-noise", "shuffled", "random")
PEERS = ("cleanlab", "knn-shapley", "trusted-only")
GUARDED = ("guarded",)
C = 10.0


@dataclass(frozen=True)
class Case:
    """A spoiled pool with the rows that judge. `spoiled` [N] says whose label is wrong or whose text is foreign."""

    pool: Pool
    spoiled: Any
    test: Any
    test_y: Any
    texts: tuple[Sequence[str], Sequence[str], Sequence[str]]
    """Of the pool, of the trusted rows, of the test rows."""
    labels: tuple[str, ...]


def case(name: str, setting: str, seed: int, *, rows: int, trusted: int) -> Case:
    """A pool of a set, spoiled as the setting says."""
    data, rng = embedded.load(name), np.random.default_rng([seed, 7])
    classes = len(data.labels)
    each = max(3, -(-trusted // classes))
    order = rng.permutation(len(data.train))
    held = np.concatenate([order[data.train_y[order] == label][:each] for label in range(classes)])
    free = order[~np.isin(order, held)]
    if setting in ("imbalance", "mixed"):
        free = _skewed(free, data.train_y, classes, 20.0 if setting == "imbalance" else 5.0, rows, rng)
    free = free[:rows]
    vectors, labels, spoiled = data.train[free].copy(), data.train_y[free].copy(), np.zeros(len(free), dtype=bool)
    texts = [data.train_texts[place] for place in free]
    if setting in ("foreign", "mixed"):
        other = embedded.load("subj" if name != "subj" else "dbpedia14")
        count = int(len(free) * (0.5 if setting == "foreign" else 0.2))
        at = rng.permutation(len(free))[:count]
        drawn = rng.permutation(len(other.train))[:count]
        vectors[at] = other.train[drawn]
        for place, text in zip(at, drawn, strict=True):
            texts[place] = other.train_texts[text]
        labels[at], spoiled[at] = rng.integers(classes, size=count), True
    symmetric = {"symmetric": 0.4, "imbalance": 0.2, "mixed": 0.15}.get(setting, 0.0)
    confusable = {"confusable": 0.3, "mixed": 0.15}.get(setting, 0.0)
    for share, drawn in ((symmetric, None), (confusable, _nearest(data.train, data.train_y, classes))):
        at = np.flatnonzero(~spoiled & (rng.random(len(free)) < share))
        wrong = (labels[at] + rng.integers(1, classes, size=len(at))) % classes if drawn is None else drawn[labels[at]]
        labels[at], spoiled[at] = wrong, True
    pool = Pool(vectors, labels, data.train[held], data.train_y[held], classes)
    held_texts = [data.train_texts[place] for place in held]
    return Case(pool, spoiled, data.test, data.test_y, (texts, held_texts, data.test_texts), data.labels)


def _skewed(free: Any, labels: Any, classes: int, ratio: float, rows: int, rng: np.random.Generator) -> Any:
    """Rows whose classes fall geometrically from 1 to 1/ratio, in random order of classes."""
    share = ratio ** -(np.arange(classes) / max(classes - 1, 1))
    share = rng.permutation(share / share.sum())
    parts = [free[labels[free] == label][: max(2, round(rows * part))] for label, part in enumerate(share)]
    return rng.permutation(np.concatenate(parts))


def _nearest(vectors: Any, labels: Any, classes: int) -> Any:
    """The class with the nearest mean vector, of each class."""
    means = np.stack([vectors[labels == label].mean(0) for label in range(classes)])
    distance = np.linalg.norm(means[:, None] - means[None], axis=2)
    np.fill_diagonal(distance, np.inf)
    return distance.argmin(1)


def judged(of: Case, weights: Any) -> float:
    """Accuracy on test rows of what was `fitted`."""
    return float((fitted(of, weights).predict(of.test) == of.test_y).mean())


def fitted(of: Case, weights: Any) -> Any:
    """A logistic regression on weighted pool rows and all trusted rows."""
    pool = of.pool
    x, y = np.concatenate([pool.vectors, pool.trusted]), np.concatenate([pool.labels, pool.trusted_labels])
    w = np.concatenate([weights, np.ones(len(pool.trusted))])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return LogisticRegression(C=C, max_iter=200, tol=1e-3).fit(x[w > 0], y[w > 0], sample_weight=w[w > 0])


def tuned(of: Case, weights: Any, *, epochs: float) -> float:
    """Accuracy on test rows of the encoder, fine-tuned on weighted pool rows; trusted rows pick the best epoch.

    `epochs` are those of all rows: where rows are left out the others are passed more often, in as many steps. That is
    what a run does, whose limit is time; with as many epochs a choice of rows is judged with fewer steps.
    """
    import trials
    from autogpt.core import Example

    def examples(texts: Sequence[str], labels: Any, share: Any) -> list[Example]:
        return [
            Example(place, {"text": text}, of.labels[label], weight=float(weight))
            for place, (text, label, weight) in enumerate(zip(texts, labels, share, strict=True))
            if weight > 0.1
        ]

    every = [np.ones(len(texts)) for texts in of.texts]
    train = examples(of.texts[0], of.pool.labels, weights / weights.mean())
    held = examples(of.texts[1], of.pool.trusted_labels, every[1])
    test = examples(of.texts[2], of.test_y, every[2])[:1000]
    parts = trials.Parts(registry.get("tasks", "text-classification"), train, held, test)
    passes = epochs * len(of.pool) / max(1, len(train))
    _, document = trials.run(parts, "full", {"epochs": round(passes, 2)})
    return float(document["accuracy"][0])


class Blind(Environment):
    """The same world with rewards that tell nothing: `shuffled` permutes a batch of them, `noise` draws them."""

    def __init__(self, pool: Pool, *, seed: int, how: str) -> None:
        super().__init__(pool, seed=seed)
        self.how, self.rng = how, np.random.default_rng([seed, 83])
        self.past: list[float] = []

    def reward(self, weights: Any, fold: int) -> float:
        if self.how == "noise":
            return float(self.rng.standard_normal())
        self.past.append(super().reward(weights, fold))
        return self.past[int(self.rng.integers(len(self.past[-8:]))) - len(self.past[-8:])]


def weights_of(system: str, of: Case, world: Environment, seed: int) -> tuple[Any, Mapping[str, float]]:
    """What a system chooses, and what its features came to weigh."""
    pool = of.pool
    if system == "oracle":
        return world.balanced((~of.spoiled).astype(float)), {}
    if system == "blank-start":
        return chosen(world, start(world, prior=False)).weight, {}
    if system == "trusted-only":
        return np.zeros(len(pool)), {}
    if system == "random":
        learned, _ = weights_of("reinforce", of, world, seed)
        return np.random.default_rng(seed).permutation(learned), {}
    if system == "cleanlab":
        return _cleanlab(of), {}
    if system == "knn-shapley":
        from autogpt.selection._features import knn_shapley
        from autogpt.vectors import unit

        values = knn_shapley(unit(pool.vectors), pool.labels, unit(pool.trusted), pool.trusted_labels)
        return (values > 0).astype(float), {}
    options: dict[str, Any] = {}
    if system.startswith("blank"):
        options["prior"] = False
    how = system.rpartition("-")[2]
    if how in ("shuffled", "noise"):
        world = Blind(pool, seed=seed, how=how)
    if system.startswith("blank") or how == "shuffled":
        system = "reinforce"
    policy = registry.get("selection", system)
    found = followed(policy.choose(world, policy.options(**options), seed=seed))
    return found.weight, found.weighing


def _cleanlab(of: Case) -> Any:
    """What cleanlab keeps, by out-of-fold probabilities of the same kind of model (trusted rows in every fold)."""
    try:
        from cleanlab.filter import find_label_issues
    except ImportError:
        sys.exit("cleanlab is not installed; leave it out of --systems, or `pip install cleanlab==2.9.0`")
    from sklearn.model_selection import StratifiedKFold

    pool, p = of.pool, np.zeros((len(of.pool), of.pool.classes))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for inside, outside in StratifiedKFold(5, shuffle=True, random_state=0).split(pool.vectors, pool.labels):
            x = np.concatenate([pool.vectors[inside], pool.trusted])
            y = np.concatenate([pool.labels[inside], pool.trusted_labels])
            p[outside] = LogisticRegression(C=C, max_iter=200, tol=1e-3).fit(x, y).predict_proba(pool.vectors[outside])
    return (~find_label_issues(pool.labels, p, n_jobs=1)).astype(float)


def trial(name: str, setting: str, seed: int, given: argparse.Namespace) -> dict[str, Any]:
    """All systems on one pool."""
    of = case(name, setting, seed, rows=given.rows, trusted=given.trusted)
    world = Environment(of.pool, seed=seed)
    judge = (lambda one, weights: tuned(one, weights, epochs=given.tuned)) if given.tuned else judged
    base = judge(of, np.ones(len(of.pool)))
    document: dict[str, Any] = {"set": name, "setting": setting, "seed": seed, "all": round(base, 4)}
    document["noise"] = round(world.noise, 3)
    if set(GUARDED) & set(given.systems):
        plugin = registry.get("selection", "reinforce")
        verdict = guarded(world, plugin, plugin.options())
        document |= {"accepted": verdict.accepted, "gain": [verdict.gain, verdict.low, verdict.high]}
        gain = round(100 * (judge(of, verdict.choice.weight) - base), 2) if verdict.accepted else 0.0
        document["guarded"] = gain
    for system in given.systems:
        if system in GUARDED:
            continue
        began = time.process_time()
        weights, weighing = weights_of(system, of, world, seed)
        seconds = time.process_time() - began
        document[system] = round(100 * (judge(of, weights) - base), 2)
        document[f"{system} seconds"] = round(seconds, 2)
        if weighing:
            document[f"{system} weighing"] = dict(weighing)
    return document


def trials_of(given: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """One trial after the other, or in `--jobs` processes side by side (then in the order in which they end)."""
    pools = [(name, setting, seed, given) for seed in given.seeds for name in given.sets for setting in given.settings]
    if given.jobs == 1:
        yield from (trial(*pool) for pool in pools)
        return
    for name in given.sets:
        embedded.load(name)  # read once, before all ask for it
    with ProcessPoolExecutor(given.jobs, mp_context=get_context("spawn")) as workers:
        for done in as_completed([workers.submit(trial, *pool) for pool in pools]):
            yield done.result()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    names = lambda text: text.split(",")  # noqa: E731
    parser.add_argument("--sets", type=names, default=list(embedded.CLASSIFICATION))
    parser.add_argument("--settings", type=names, default=list(SETTINGS))
    parser.add_argument("--seeds", type=lambda text: [int(part) for part in text.split(",")], default=[0, 1, 2, 3, 4])
    parser.add_argument("--systems", type=names, default=[*POLICIES, *GUARDED, *CONTROLS, *PEERS, "oracle"])
    parser.add_argument("--rows", type=int, default=1200)
    parser.add_argument("--trusted", type=int, default=100)
    parser.add_argument("--tuned", type=float, default=0.0, help="judge by full fine-tuning for so many epochs")
    parser.add_argument("--jobs", type=int, default=1, help="processes side by side")
    parser.add_argument("--save", action="store_true", help="write results/selection.json")
    given = parser.parse_args()
    found = []
    for one in trials_of(given):
        found.append(one)
        shown = "  ".join(f"{system} {one[system]:+.1f}" for system in given.systems)
        pool = f"{one['set']:10} {one['setting']:10} {one['seed']}"
        print(f"{pool} noise {one['noise']:5.2f} all {one['all']:.3f}  {shown}", flush=True)
    print(table(found, given.systems))
    if given.save:
        RESULTS.mkdir(exist_ok=True)
        (RESULTS / "selection.json").write_text(json.dumps(found, indent=1) + "\n")


def table(found: Sequence[Mapping[str, Any]], systems: Sequence[str]) -> str:
    """Means over all pools, by setting; paired intervals of the last lines."""
    lines = ["", "| | " + " | ".join(systems) + " |", "|" + "---|" * (len(systems) + 1)]
    groups: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for one in found:
        groups[one["setting"]].append(one)
    spoiled = [one for one in found if one["setting"] != "clean"]
    for label, rows in (*groups.items(), ("all but clean", spoiled), ("all", found)):
        if rows:
            cells = (f"{statistics.fmean(row[system] for row in rows):+.2f}" for system in systems)
            lines.append(f"| {label} ({len(rows)}) | " + " | ".join(cells) + " |")
    lines.append("| worst | " + " | ".join(f"{min(row[system] for row in found):+.1f}" for system in systems) + " |")
    if "reinforce" in systems:
        cells = (_interval([row["reinforce"] - row[system] for row in spoiled or found]) for system in systems)
        lines.append("| reinforce ahead, spoiled pools | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _interval(differences: Sequence[float]) -> str:
    """Mean and 95 % bootstrap interval over pools."""
    values, rng = np.array(differences), np.random.default_rng(0)
    means = values[rng.integers(len(values), size=(2000, len(values)))].mean(1)
    low, high = np.quantile(means, [0.025, 0.975])
    return f"{values.mean():+.2f} [{low:+.2f}, {high:+.2f}]"


if __name__ == "__main__":
    main()
