"""No labels, or eight of each class, and an unlabelled pool: accuracy on test rows that are never in the pool.

python benchmarks/zero_labels.py [--seeds 5] [--pool 4000]

Frozen MiniLM vectors (`embedded.py`). A seed draws the pool, the shots and the random names. Settings were chosen on
cr, subj and banking77; mr, pros_cons and dbpedia14 confirm them. Writes results/zero-labels.json and .md.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

import embedded
import scoring
import sets
from autogpt import experts, registry
from autogpt.ballot import Ballot
from autogpt.probe import Head, softmax
from autogpt.regimes import _clustering
from autogpt.regimes._rows import read_labels
from autogpt.regimes.self_training import self_train
from autogpt.vectors import neighbours

RESULTS = Path(__file__).parent / "results"
CHOSEN_ON = ("cr", "subj", "banking77")
SHOTS = 8
HEAD = """`python benchmarks/zero_labels.py`; accuracy in %, mean of the seeds, in brackets the least recall of a class.
+ confirms: nothing was chosen on it."""
DESCRIPTIONS: dict[str, dict[str, list[str]]] = {
    "mr": {
        "negative": ["a negative movie review", "the movie is bad, boring or disappointing"],
        "positive": ["a positive movie review", "the movie is good, moving or entertaining"],
    },
    "cr": {
        "negative": ["a complaint about the product", "the customer is unhappy with the product"],
        "positive": ["praise for the product", "the customer is happy with the product"],
    },
    "pros_cons": {
        "con": ["a disadvantage of the product", "something that is bad about the product"],
        "pro": ["an advantage of the product", "something that is good about the product"],
    },
    "subj": {
        "objective": ["a plot summary of a movie", "what happens in the story"],
        "subjective": ["a personal opinion about a movie", "a review that judges the movie"],
    },
    "dbpedia14": {
        "Album": ["a music album or record"],
        "Animal": ["an animal or a species of animals"],
        "Artist": ["an artist, musician, writer or actor"],
        "Athlete": ["an athlete or sports player"],
        "Building": ["a building or structure"],
        "Company": ["a company or business"],
        "Educational Institution": ["a school, college or university"],
        "Film": ["a film or movie"],
        "Mean of Transportation": ["a ship, aircraft, car or train"],
        "Natural Place": ["a mountain, river, lake or other natural place"],
        "Office Holder": ["a politician or other holder of an office"],
        "Plant": ["a plant or a species of plants"],
        "Village": ["a village or small settlement"],
        "Written Work": ["a book, novel, magazine or newspaper"],
    },
}
WORDS = tuple(
    """table river seven window yellow engine quiet summer paper mountain circle bread winter garden metal bottle cloud
    ladder piano silver market bridge island candle forest hammer ocean pencil rocket saddle tunnel violin anchor basket
    camera desert eagle feather glove harbor igloo jacket kettle lemon magnet needle orange pillow quilt ribbon shovel
    ticket umbrella valley wagon yacht zebra apron button carpet dragon elbow fabric goblet helmet insect jungle kitten
    lantern mirror napkin oyster parrot quarry rabbit sailor temple urchin velvet walnut""".split()  # noqa: SIM905
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--pool", type=int, default=4000)
    parser.add_argument("--sets", default=",".join(embedded.CLASSIFICATION))
    parser.add_argument("--shots", help="only what a run does: this many labels of each class beside the pool (4,8,16)")
    options = parser.parse_args()
    if options.shots:
        shots = [int(part) for part in options.shots.split(",")]
        print(beside(options.sets.split(","), shots, options.seeds, options.pool))
        return
    found = {name: measure(name, options.seeds, options.pool) for name in options.sets.split(",")}
    text = table(found)
    print(text)
    plain = {name: {k: v for k, v in one.items() if k != "right"} for name, one in found.items()}
    (RESULTS / "zero-labels.json").write_text(json.dumps(plain, indent=1) + "\n", "utf-8")
    (RESULTS / "zero-labels.md").write_text(text, "utf-8")


def measure(name: str, seeds: int, size: int) -> dict[str, Any]:
    """Accuracy and least recall of every system, per seed, and what is right per row for paired intervals."""
    data = embedded.load(name)
    right: dict[str, list[Any]] = {}
    recall: dict[str, list[float]] = {}
    gate: list[list[str]] = []
    for seed in range(seeds):
        heads, said = systems(data, seed, size)
        gate.append(said)
        for system, head in heads.items():
            answers = np.asarray(head(data.test)).argmax(axis=1)
            right.setdefault(system, []).append((answers == data.test_y)[:, None].astype(float))
            own = [(answers[data.test_y == k] == k).mean() for k in range(len(data.labels)) if (data.test_y == k).any()]
            recall.setdefault(system, []).append(float(min(own)))
    accuracy = {system: [float(one.mean()) for one in tables] for system, tables in right.items()}
    return {"accuracy": accuracy, "least_recall": recall, "gate": gate, "setfit": recorded(data), "right": right}


def systems(data: embedded.Embedded, seed: int, size: int) -> tuple[dict[str, Head], list[str]]:
    """The heads of all systems on one pool, and what the gate and the product of experts said."""
    rng, classes = np.random.default_rng([seed, 5]), len(data.labels)
    place = rng.permutation(len(data.train))[:size]
    pool, truth = data.train[place], data.train_y[place]
    shots = np.concatenate([rng.permutation(np.flatnonzero(data.train_y == k))[:SHOTS] for k in range(classes)])
    vectors, targets = data.train[shots], data.train_y[shots]
    random_names = {label: [word] for label, word in zip(data.labels, rng.permutation(WORDS), strict=False)}
    names, raw, noise = (head_of(data, pool, one) for one in (described(data), None, random_names))
    votes = np.asarray(names(pool))
    ours, of_noise = (self_train(pool, np.asarray(head(pool))) for head in (names, noise))
    student = ours.head or names
    others = {"self-training": (student, np.asarray(student(vectors))), "names": (names, np.asarray(names(vectors)))}
    joined = experts.join(vectors, targets, others, classes=classes, seed=seed)
    near = neighbours(pool, _clustering.NEIGHBOURS)
    ungated = _clustering.spread(
        pool, near, _clustering.balanced(np.asarray(_clustering.prototypes(pool, votes)(pool)))
    )
    return {
        "random names": noise,
        "random names, self-trained": of_noise.head or noise,
        "raw names": raw,
        "centred descriptions": names,
        "naive self-training": naive(pool, votes, classes),
        "clustering, ungated": taught(pool, ungated, classes),
        "ours": student,
        "8-shot head": experts.shots_head(vectors, targets, classes=classes),
        "8-shot ours": joined.head,
        "all labels of the pool": experts.student(pool, truth, np.ones(len(truth)), classes=classes),
    }, [*map(str, ours.findings), *joined.said]


def beside(names: Sequence[str], shots: Sequence[int], seeds: int, size: int) -> str:
    """Points that bare label names and a pool without labels add to a head on so many labels of each class."""
    lines = ["| shots | " + " | ".join(names) + " | mean gain | worst |", "|---" * (len(names) + 3) + "|"]
    for count in shots:
        found: dict[str, list[tuple[float, float]]] = {}
        for name in names:
            data = embedded.load(name)
            found[name] = [
                joined_beside(data, count, np.random.default_rng([seed, count]), size) for seed in range(seeds)
            ]
        means = {name: np.mean(rows, axis=0) for name, rows in found.items()}
        gains = [100 * (after - before) for before, after in means.values()]
        cells = (f"{100 * before:.1f} {100 * (after - before):+.1f}" for before, after in means.values())
        lines.append(f"| {count} | {' | '.join(cells)} | {np.mean(gains):+.2f} | {min(gains):+.1f} |")
        print(lines[-1], flush=True)
    return "\n".join(lines)


def joined_beside(data: embedded.Embedded, shots: int, rng: np.random.Generator, size: int) -> tuple[float, float]:
    """Accuracy of a head on the shots, and of its product with what names and the pool tell."""
    order, classes = rng.permutation(len(data.train)), len(data.labels)
    held = np.concatenate([order[data.train_y[order] == k][:shots] for k in range(classes)])
    pool = data.train[order[~np.isin(order, held)][:size]]
    ballot = Ballot([""] * len(pool), read_labels(dict.fromkeys(data.labels)), pool, read=embedded._read)
    names: Head = registry.get("voters", "names").vote(ballot)[0].scorer
    x, y = data.train[held], data.train_y[held]
    taught = self_train(pool, np.asarray(names(pool))).head
    others = {name: (head, np.asarray(head(x))) for name, head in (("pool", taught), ("names", names)) if head}
    heads = experts.shots_head(x, y, classes=classes), experts.join(x, y, others, classes=classes, seed=0).head
    before, after = (float((np.asarray(head(data.test)).argmax(axis=1) == data.test_y).mean()) for head in heads)
    return before, after


def described(data: embedded.Embedded) -> dict[str, list[str]]:
    """Descriptions by label; of intents they are derived from the names."""
    if data.name in DESCRIPTIONS:
        return DESCRIPTIONS[data.name]
    return {label: [f"a customer asks about {label.replace('_', ' ').lower()}"] for label in data.labels}


def head_of(data: embedded.Embedded, pool: Any, phrases: dict[str, list[str]] | None) -> Head:
    """The centred head of descriptions; of the names as they are where there are none."""
    found = read_labels(phrases or dict.fromkeys(data.labels))
    ballot = Ballot(
        texts=[""] * len(pool), phrases={k: found[k] for k in data.labels}, vectors=pool, read=embedded._read
    )
    scorer: Head = registry.get("voters", "names").vote(ballot)[0].scorer
    return scorer if phrases is not None else Head(scorer.weight, np.zeros(len(data.labels)), 0.0)


def taught(pool: Any, scores: Any, classes: int) -> Head:
    """A head on all answers of a score table."""
    return experts.student(pool, scores.argmax(axis=1), np.ones(len(pool)), classes=classes)


def naive(pool: Any, votes: Any, classes: int, rounds: int = 5) -> Head:
    """Pseudo-labels with a confidence of 0.9 teach a head whose answers are the next pseudo-labels; no gate."""
    scores = votes
    for _ in range(rounds):
        sure = softmax(scores).max(axis=1)
        rows = np.flatnonzero(sure >= min(0.9, float(np.quantile(sure, 0.9))))
        head = taught(pool[rows], scores[rows], classes)
        scores = np.asarray(head(pool))
    return head


def recorded(data: embedded.Embedded) -> dict[str, float]:
    """SetFit's recorded run of seed 0 (`accuracy.py`) and ours on the same shots and test rows."""
    sample = sets.load(data.name, str(SHOTS), 0)
    gold = [row[sample.target] for row in sample.test]
    found = {}
    for line in (RESULTS / "raw" / "accuracy.jsonl").read_text("utf-8").splitlines():
        run = json.loads(line)
        cell = run["cell"]
        if (cell["set"], cell["size"], cell["system"]) == (data.name, str(SHOTS), "setfit"):
            right = [a == b for a, b in zip(gold, run["predictions"], strict=True)]
            found[f"SetFit, {cell['limit']:.0f} s ({run['status']})"] = float(np.mean(right))
    test = embedded.vectors(f"{data.name}-8-test", [row[sample.text[0]] for row in sample.test])
    vectors = embedded.vectors(f"{data.name}-8-shots", [row[sample.text[0]] for row in sample.train])
    targets = np.array([data.labels.index(row[sample.target]) for row in sample.train])
    pool = data.train[np.random.default_rng([0, 5]).permutation(len(data.train))[:4000]]
    names = head_of(data, pool, described(data))
    student = self_train(pool, np.asarray(names(pool))).head or names
    others = {"self-training": (student, np.asarray(student(vectors))), "names": (names, np.asarray(names(vectors)))}
    head = experts.join(vectors, targets, others, classes=len(data.labels), seed=0).head
    answers = [data.labels[place] for place in np.asarray(head(test)).argmax(axis=1)]
    return found | {"ours": float(np.mean([a == b for a, b in zip(gold, answers, strict=True)]))}


def table(found: dict[str, Any]) -> str:
    """Markdown: accuracy per system and set; gains with paired intervals; the recorded runs."""
    systems = list(next(iter(found.values()))["accuracy"])
    heads = [f"{name}{'' if name in CHOSEN_ON else ' +'}" for name in found]
    lines = ["# No labels, or eight of each class", "", HEAD, ""]
    lines += [f"| system | {' | '.join(heads)} | mean |", "|---" * (len(heads) + 2) + "|"]
    for system in systems:
        cells = [float(np.mean(one["accuracy"][system])) for one in found.values()]
        least = [float(np.mean(one["least_recall"][system])) for one in found.values()]
        shown = [f"{100 * a:.1f} ({100 * b:.0f})" for a, b in zip(cells, least, strict=True)]
        lines.append(f"| {system} | {' | '.join(shown)} | {100 * float(np.mean(cells)):.1f} |")
    for system, base in (("ours", "centred descriptions"), ("8-shot ours", "8-shot head")):
        draws = [
            scoring.draws("classes", one["right"][system]) - scoring.draws("classes", one["right"][base])
            for one in found.values()
        ]
        shown = [
            "{:+.1f} [{:+.1f}, {:+.1f}]".format(*(100 * x for x in (d.mean(), *scoring.interval(d)))) for d in draws
        ]
        mean = np.mean(draws, axis=0)
        shown.append("{:+.1f} [{:+.1f}, {:+.1f}]".format(*(100 * x for x in (mean.mean(), *scoring.interval(mean)))))
        lines.append(f"| {system} - {base} | {' | '.join(shown)} |")
    lines += ["", "Eight rows of each class, seed 0, beside SetFit's recorded run on the same rows:", ""]
    for name, one in found.items():
        lines.append(
            f"- {name}: " + ", ".join(f"{system} {100 * value:.1f}" for system, value in one["setfit"].items())
        )
    return "\n".join(lines) + "\n"


def gain(draws: Any) -> str:
    """A difference in points with its interval."""
    low, high = scoring.interval(draws)
    return f"{100 * draws.mean():+.1f} [{100 * low:+.1f}, {100 * high:+.1f}]"


if __name__ == "__main__":
    main()
